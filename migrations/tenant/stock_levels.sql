-- What there is of each product, and what it cost. Filtered by product, type and what is too little.

create table {schema}.stock_levels (
    id            uuid primary key,
    version       bigint not null,
    product_code  text not null,
    product_name  text collate reading.kazakh not null,
    type          text not null,
    unit          text not null,
    currency      text not null,
    min_stock     numeric,
    max_stock     numeric,
    on_hand       numeric not null,
    reserved      numeric not null,
    value         numeric not null,
    valuation     text not null,
    moved_at      timestamptz,
    archived      boolean not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null
);
create index stock_levels_newest on {schema}.stock_levels (created_at, id);
create index stock_levels_by_name on {schema}.stock_levels (product_name, id);
create index stock_levels_low on {schema}.stock_levels (created_at, id) where min_stock is not null and on_hand - reserved < min_stock;
