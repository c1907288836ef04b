-- What was done about deals: read by deal, the newest first, and by day.

create table {schema}.activities (
    id             uuid primary key,
    version        bigint not null,
    deal_id        uuid not null,
    customer_id    uuid,
    type           text not null,
    subject        text collate reading.kazakh not null,
    date           timestamptz not null,
    duration       numeric,
    notes          text,
    outcome        text,
    next_step      text,
    next_step_date date,
    participants   jsonb not null,
    author_id      uuid,
    author_name    text collate reading.kazakh,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    search_text    text
        generated always as (reading.folded(subject || e'\n' || coalesce(notes, '') || e'\n' || coalesce(next_step, ''))) stored
);
create index activities_newest on {schema}.activities (created_at, id);
create index activities_by_deal on {schema}.activities (deal_id, created_at, id);
create index activities_by_author on {schema}.activities (author_id, created_at, id);
create index activities_by_customer on {schema}.activities (customer_id, created_at, id);
-- For the last one of a deal, and for what is due.
create index activities_of_deal_by_date on {schema}.activities (deal_id, date);
create index activities_by_date on {schema}.activities (date desc, created_at, id desc);
create index activities_by_participant on {schema}.activities using gin (participants jsonb_path_ops);
create index activities_search on {schema}.activities using gin (search_text {trgm}.gin_trgm_ops);
