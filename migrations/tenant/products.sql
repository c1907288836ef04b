-- Products. Filtered by type, status, category and price; sorted by name; searched. What only lists ask for is without the
-- archived, which no list shows: so it is counted from the index alone.

create table {schema}.products (
    id             uuid primary key,
    version        bigint not null,
    code           text not null,
    name           text collate reading.kazakh not null,
    type           text not null,
    status         text not null,
    category       text,
    category_id    uuid,
    description    text,
    unit           text not null,
    price          numeric not null,
    cost           numeric,
    currency       text not null,
    vat_rate       numeric,
    vat_included   boolean not null,
    barcode        text,
    min_stock      numeric,
    max_stock      numeric,
    in_stock       numeric not null,
    reserved       numeric not null,
    specifications jsonb not null,
    price_history  jsonb not null,
    barcodes       jsonb not null,
    units          jsonb not null,
    images         jsonb not null,
    image_files    jsonb not null,
    suppliers      jsonb not null,
    translations   jsonb not null,
    parts          jsonb not null,
    tracking       text not null,
    custom         jsonb,
    also_called    text,
    archived       boolean not null,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    search_text    text
        generated always as (reading.folded(name || e'\n' || code || e'\n' || coalesce(barcode, '') || e'\n' || barcodes::text || e'\n' || coalesce(also_called, '') || e'\n' || coalesce(description, '') || e'\n' || coalesce(category, ''))) stored
);
create index products_newest on {schema}.products (created_at, id) where not archived;
create index products_by_type on {schema}.products (type, created_at, id) where not archived;
create index products_by_status on {schema}.products (status, created_at, id) where not archived;
create index products_by_category on {schema}.products (category, created_at, id) where not archived;
create index products_by_category_id on {schema}.products (category_id, created_at, id);
create index products_by_price on {schema}.products (price, id) where not archived;
create index products_by_name on {schema}.products (name, id) where not archived;
create index products_by_code on {schema}.products (code);
create index products_by_custom on {schema}.products using gin (custom jsonb_path_ops);
create index products_search on {schema}.products using gin (search_text {trgm}.gin_trgm_ops);
