-- Customers. Filtered by status, type, segment, revenue and whom they are assigned to; sorted by name; searched. What only lists ask for is without
-- the archived, which no list shows: so it is counted from the index alone.

create table {schema}.customers (
    id              uuid primary key,
    version         bigint not null,
    customer_number text not null,
    name            text collate reading.kazakh not null,
    type            text not null,
    status          text not null,
    email           text,
    phone           text,
    bin             text,
    iin             text,
    source          text,
    segment         text,
    rating          numeric,
    credit_limit    numeric,
    payment_terms   text,
    contacts        jsonb not null,
    addresses       jsonb not null,
    tags            jsonb not null,
    assigned_to      uuid,
    assigned_to_name text collate reading.kazakh,
    custom          jsonb,
    balance         numeric not null, -- this and total_revenue: in the base currency
    balances        jsonb not null, -- by currency
    lifetime_value  numeric not null,
    total_orders    bigint not null,
    valued_orders   bigint not null,
    total_revenue   numeric not null,
    revenues        jsonb not null,
    archived        boolean not null, -- or merged into another
    merged_into     uuid, -- the one that it is found as now
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    search_text     text
        generated always as (reading.folded(name || e'\n' || coalesce(email, '') || e'\n' || coalesce(phone, '') || e'\n' || coalesce(bin, '') || e'\n' || coalesce(iin, '') || e'\n' || customer_number)) stored
);
create index customers_newest on {schema}.customers (created_at, id) where not archived;
create index customers_by_status on {schema}.customers (status, created_at, id);
create index customers_by_type on {schema}.customers (type, created_at, id);
create index customers_by_assignee on {schema}.customers (assigned_to, created_at, id) where not archived;
create index customers_by_segment on {schema}.customers (segment, created_at, id);
create index customers_by_revenue on {schema}.customers (total_revenue, id) where not archived;
create index customers_by_name on {schema}.customers (name, id) where not archived;
create index customers_merged on {schema}.customers (merged_into) where merged_into is not null;
create index customers_by_tag on {schema}.customers using gin (tags jsonb_path_ops);
create index customers_by_custom on {schema}.customers using gin (custom jsonb_path_ops);
create index customers_search on {schema}.customers using gin (search_text {trgm}.gin_trgm_ops);
