-- Goods that were sent from one place to another.

create table {schema}.stock_transfers (
    id                uuid primary key,
    product_id        uuid not null,
    from_warehouse_id uuid,
    to_warehouse_id   uuid,
    quantity          numeric not null,
    status            text not null,
    reference         text,
    reason            text,
    created_by        uuid,
    arrived_at        timestamptz,
    created_at        timestamptz not null
);
create index stock_transfers_newest on {schema}.stock_transfers (created_at, id);
create index stock_transfers_by_product on {schema}.stock_transfers (product_id, created_at, id);
create index stock_transfers_by_status on {schema}.stock_transfers (status, created_at, id);
