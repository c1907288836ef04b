-- Departments. Shown as one tree.

create table {schema}.departments (
    id         uuid primary key,
    version    bigint not null,
    name       text collate reading.kazakh not null,
    code       text,
    head_id    uuid,
    budget     numeric,
    parent_id  uuid,
    is_active  boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index departments_newest on {schema}.departments (created_at, id);
create index departments_by_parent on {schema}.departments (parent_id, created_at, id);
create index departments_by_head on {schema}.departments (head_id);
