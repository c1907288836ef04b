-- The lots and serial numbers of tracked products: what there is of each, and where. They stay when nothing is left.

create table {schema}.stock_lots (
    id              uuid primary key,
    version         bigint not null,
    product_id      uuid not null,
    number          text not null,
    quantity        numeric not null,
    in_transit      numeric not null,
    places          jsonb not null,
    expires_on      date,
    manufactured_on date,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index stock_lots_newest on {schema}.stock_lots (created_at, id);
create index stock_lots_by_product on {schema}.stock_lots (product_id, created_at, id);
create index stock_lots_by_number on {schema}.stock_lots (number, created_at, id);
create index stock_lots_by_expiry on {schema}.stock_lots (expires_on, id);
