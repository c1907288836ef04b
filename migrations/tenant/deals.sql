-- Deals. Filtered by stage, place in a pipeline, customer, whom it is assigned to, why it was lost, value, day and tag; sorted by
-- value; searched.

create table {schema}.deals (
    id                    uuid primary key,
    version               bigint not null,
    deal_number           text not null,
    title                 text collate reading.kazakh not null,
    description           text,
    customer_id           uuid,
    customer_name         text collate reading.kazakh,
    value                 numeric not null,
    estimate              numeric,
    currency              text not null,
    stage                 text not null,
    pipeline_id           uuid,
    pipeline_stage_id     uuid,
    place                 jsonb,
    probability           numeric,
    effective_probability numeric not null,
    expected_close_date   date,
    actual_close_date     date,
    next_step             text,
    assigned_to           uuid,
    assigned_to_name      text collate reading.kazakh,
    source                text,
    competitors           jsonb not null,
    tags                  jsonb not null,
    custom                jsonb,
    products              jsonb not null,
    timeline              jsonb not null,
    documents             jsonb not null,
    final_amount          numeric,
    lost_reason           text,
    lost_category         text,
    competitor_won        text,
    won_at                timestamptz,
    lost_at               timestamptz,
    order_cancelled_at    timestamptz,
    created_at            timestamptz not null,
    updated_at            timestamptz not null,
    search_text           text
        generated always as (reading.folded(title || e'\n' || deal_number || e'\n' || coalesce(customer_name, '') || e'\n' || coalesce(description, ''))) stored
);
create index deals_newest on {schema}.deals (created_at, id);
create index deals_by_stage on {schema}.deals (stage, created_at, id);
create index deals_by_customer on {schema}.deals (customer_id, created_at, id);
create index deals_by_assignee on {schema}.deals (assigned_to, created_at, id);
-- For the documents' own order: the highest value first, among equals the oldest.
create index deals_by_value on {schema}.deals (value desc, created_at, id desc);
create index deals_by_pipeline on {schema}.deals (pipeline_id, created_at, id) where pipeline_id is not null;
create index deals_by_pipeline_stage on {schema}.deals (pipeline_stage_id, created_at, id) where pipeline_stage_id is not null;
create index deals_by_loss on {schema}.deals (lost_category, created_at, id) where lost_category is not null;
create index deals_by_tag on {schema}.deals using gin (tags jsonb_path_ops);
create index deals_by_custom on {schema}.deals using gin (custom jsonb_path_ops);
create index deals_search on {schema}.deals using gin (search_text {trgm}.gin_trgm_ops);
