-- Calls, mails, meetings and notes. Filtered by customer, type and whom they are by; sorted by date; searched.

create table {schema}.interactions (
    id          uuid primary key,
    version     bigint not null,
    customer_id uuid not null,
    user_id     uuid,
    user_name   text collate reading.kazakh,
    type        text not null,
    direction   text,
    subject     text collate reading.kazakh not null,
    notes       text,
    date        timestamptz not null,
    duration    numeric,
    outcome     text,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    search_text text
        generated always as (reading.folded(subject || e'\n' || coalesce(notes, '') || e'\n' || coalesce(outcome, ''))) stored
);
create index interactions_by_customer on {schema}.interactions (customer_id, created_at, id);
create index interactions_by_date on {schema}.interactions (customer_id, date, id);
