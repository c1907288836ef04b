-- Versions of offers, read by deal.

create table {schema}.quotes (
    id          uuid primary key,
    version     bigint not null,
    deal_id     uuid not null,
    number      integer not null,
    status      text not null,
    items       jsonb not null,
    amount      numeric not null,
    currency    text not null,
    valid_until date,
    notes       text,
    accepted_by text collate reading.kazakh,
    reason      text,
    sent_at     timestamptz,
    answered_at timestamptz,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);
create index quotes_newest on {schema}.quotes (created_at, id);
create index quotes_by_deal on {schema}.quotes (deal_id, created_at, id);
create index quotes_by_status on {schema}.quotes (status, created_at, id);
