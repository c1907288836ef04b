-- Price lists, each with whom it is for and when.

create table {schema}.price_lists (
    id          uuid primary key,
    version     bigint not null,
    name        text collate reading.kazakh not null,
    currency    text not null,
    customer_id uuid,
    segment     text,
    valid_from  date,
    valid_until date,
    priority    numeric not null,
    archived    boolean not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
);
create index price_lists_newest on {schema}.price_lists (created_at, id);
create index price_lists_by_customer on {schema}.price_lists (customer_id, created_at, id);
create index price_lists_by_segment on {schema}.price_lists (segment, created_at, id);
create index price_lists_by_name on {schema}.price_lists (name, id);
