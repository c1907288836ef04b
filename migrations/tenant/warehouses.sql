-- Warehouses, and the locations inside of them.

create table {schema}.warehouses (
    id         uuid primary key,
    version    bigint not null,
    name       text collate reading.kazakh not null,
    code       text,
    address    text,
    parent_id  uuid,
    archived   boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index warehouses_newest on {schema}.warehouses (created_at, id);
create index warehouses_by_parent on {schema}.warehouses (parent_id, created_at, id);
create index warehouses_by_name on {schema}.warehouses (name, id);
