-- Changes of stock; shown with their product.

create table {schema}.stock_movements (
    id         uuid primary key,
    product_id uuid not null,
    type       text not null,
    quantity   numeric not null,
    unit_cost  numeric,
    reference  text,
    created_at timestamptz not null
);
create index stock_movements_by_product on {schema}.stock_movements (product_id, created_at, id);
