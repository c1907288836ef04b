-- A workspace's own pipelines: a few rows, found by their id.

create table {schema}.pipelines (
    id         uuid primary key,
    version    bigint not null,
    name       text collate reading.kazakh not null,
    stages     jsonb not null,
    archived   boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index pipelines_newest on {schema}.pipelines (created_at, id);
