-- Production orders. Filtered by status, priority, product and order.

create table {schema}.production_orders (
    id                   uuid primary key,
    version              bigint not null,
    production_number    text not null,
    order_id             uuid not null,
    order_number         text not null,
    line                 integer not null,
    product_id           uuid not null,
    product_name         text collate reading.kazakh not null,
    quantity             numeric not null,
    completed_quantity   numeric not null,
    status               text not null,
    material_state       text not null,
    priority             text not null,
    bom_version          integer not null,
    materials            jsonb not null,
    work_orders          jsonb not null,
    start_date           date,
    due_date             date,
    estimated_completion date,
    notes                text,
    created_at           timestamptz not null,
    updated_at           timestamptz not null
);
create index production_orders_newest on {schema}.production_orders (created_at, id);
create index production_orders_by_status on {schema}.production_orders (status, created_at, id);
create index production_orders_by_priority on {schema}.production_orders (priority, created_at, id);
create index production_orders_by_product on {schema}.production_orders (product_id, created_at, id);
create index production_orders_by_order on {schema}.production_orders (order_id, created_at, id);
