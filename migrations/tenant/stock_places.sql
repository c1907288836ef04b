-- How much of each product lies where; without a warehouse: wherever nobody said.

create table {schema}.stock_places (
    id           uuid primary key,
    product_id   uuid not null,
    warehouse_id uuid,
    quantity     numeric not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
create index stock_places_newest on {schema}.stock_places (created_at, id);
create index stock_places_by_product on {schema}.stock_places (product_id, created_at, id);
create index stock_places_by_warehouse on {schema}.stock_places (warehouse_id, created_at, id);
