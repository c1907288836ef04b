-- What products cost in price lists: a row for each product in each list it is in.

create table {schema}.prices (
    id            uuid primary key,
    product_id    uuid not null,
    price_list_id uuid not null,
    tiers         jsonb not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null
);
create index prices_newest on {schema}.prices (created_at, id);
create index prices_by_list on {schema}.prices (price_list_id, created_at, id);
create index prices_by_product on {schema}.prices (product_id, created_at, id);
