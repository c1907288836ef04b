-- Payments. Filtered by day; shown with their invoice.

create table {schema}.payments (
    id             uuid primary key,
    version        bigint not null,
    payment_number text not null,
    invoice_id     uuid not null,
    invoice_number text not null,
    customer_id    uuid not null,
    order_id       uuid,
    amount         numeric not null,
    applied        numeric not null,
    credit         numeric not null,
    currency       text not null,
    method         text not null,
    reference      text,
    date           date not null,
    created_at     timestamptz not null
);
create index payments_newest on {schema}.payments (created_at, id);
create index payments_by_invoice on {schema}.payments (invoice_id, created_at, id);
create index payments_by_day on {schema}.payments (date, id);
