-- Categories of products. Shown as a list, and as one tree.

create table {schema}.categories (
    id         uuid primary key,
    version    bigint not null,
    name       text collate reading.kazakh not null,
    parent_id  uuid,
    sort_order numeric not null,
    archived   boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index categories_newest on {schema}.categories (created_at, id);
create index categories_by_parent on {schema}.categories (parent_id, created_at, id);
create index categories_by_name on {schema}.categories (name, id);
