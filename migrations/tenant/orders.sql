-- Orders. Filtered by status, customer, deal and day; searched.

create table {schema}.orders (
    id                uuid primary key,
    version           bigint not null,
    order_number      text not null,
    type              text not null,
    status            text not null,
    customer_id       uuid not null,
    customer_name     text collate reading.kazakh,
    deal_id           uuid,
    deal_number       text,
    items             jsonb not null,
    total_amount      numeric not null,
    billed_amount     numeric not null,
    billing_status    text not null,
    paid_amount       numeric not null,
    refunded_amount   numeric not null,
    payment_status    text not null,
    production_status text not null,
    made_by           jsonb not null,
    currency          text not null,
    exchange_rate numeric,
    assigned_to       uuid,
    shipping_address  jsonb,
    delivery_date     date,
    payment_terms     text,
    notes             text,
    custom            jsonb,
    delivery_status   text not null,
    shipments         jsonb not null,
    returns           jsonb not null,
    status_history    jsonb not null,
    placed_at         timestamptz,
    delivered_at      timestamptz,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    search_text       text
        generated always as (reading.folded(order_number || e'\n' || coalesce(customer_name, '') || e'\n' || coalesce(deal_number, '') || e'\n' || coalesce(notes, ''))) stored
);
create index orders_newest on {schema}.orders (created_at, id);
create index orders_by_status on {schema}.orders (status, created_at, id);
create index orders_by_customer on {schema}.orders (customer_id, created_at, id);
-- For the day of a customer's last one that stands.
create index orders_placed on {schema}.orders (customer_id, placed_at) where status <> 'cancelled';
-- For what a customer has to pay for confirmed ones.
create index orders_unpaid on {schema}.orders (customer_id)
    where status in ('confirmed', 'processing', 'shipped', 'delivered', 'completed') and payment_status in ('unpaid', 'partial');
create index orders_by_deal on {schema}.orders (deal_id, created_at, id);
create index orders_by_custom on {schema}.orders using gin (custom jsonb_path_ops);
create index orders_search on {schema}.orders using gin (search_text {trgm}.gin_trgm_ops);
