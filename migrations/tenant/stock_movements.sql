-- Changes of stock; listed, filtered by product, type and reference, and shown with their product.

create table {schema}.stock_movements (
    id         uuid primary key,
    product_id uuid not null,
    type       text not null,
    quantity   numeric not null,
    warehouse_id uuid,
    unit_cost  numeric,
    reference  text,
    reason     text,
    order_id   uuid,
    lots       jsonb not null,
    lot_numbers jsonb not null,
    counted    numeric,
    counted_at timestamptz,
    effective_date date not null,
    landed_costs jsonb not null,
    created_by uuid,
    created_at timestamptz not null
);
create index stock_movements_newest on {schema}.stock_movements (created_at, id);
create index stock_movements_by_product on {schema}.stock_movements (product_id, created_at, id);
create index stock_movements_by_warehouse on {schema}.stock_movements (warehouse_id, created_at, id);
create index stock_movements_by_type on {schema}.stock_movements (type, created_at, id);
create index stock_movements_by_order on {schema}.stock_movements (order_id, created_at, id);
create index stock_movements_by_lot on {schema}.stock_movements using gin (lot_numbers jsonb_path_ops);
create index stock_movements_by_reference on {schema}.stock_movements (reference, created_at, id);
