-- Invoices. Filtered by status, customer, order and day; searched.

create table {schema}.invoices (
    id             uuid primary key,
    version        bigint not null,
    invoice_number text not null,
    kind           text not null,
    state          text not null,
    customer_id    uuid not null,
    customer_name  text collate reading.kazakh,
    order_id       uuid,
    order_number   text,
    deal_id        uuid,
    items          jsonb not null,
    amount         numeric not null,
    paid_amount    numeric not null,
    refunded_amount numeric not null,
    currency       text not null,
    exchange_rate numeric,
    issue_date     date not null,
    due_date       date not null,
    paid_at        timestamptz,
    notes          text,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    search_text    text
        generated always as (reading.folded(invoice_number || e'\n' || coalesce(customer_name, '') || e'\n' || coalesce(order_number, ''))) stored
);
create index invoices_newest on {schema}.invoices (created_at, id);
create index invoices_by_state on {schema}.invoices (state, created_at, id);
create index invoices_by_customer on {schema}.invoices (customer_id, created_at, id);
create index invoices_by_order on {schema}.invoices (order_id, created_at, id);
create index invoices_by_day on {schema}.invoices (issue_date, id);
-- What is overdue, or soon will be.
create index invoices_open on {schema}.invoices (due_date, id) where state in ('sent', 'partial');
create index invoices_search on {schema}.invoices using gin (search_text {trgm}.gin_trgm_ops);
