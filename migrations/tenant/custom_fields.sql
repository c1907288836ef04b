-- Fields that the workspace defined: a few rows, found by what they are fields of.

create table {schema}.custom_fields (
    id           uuid primary key,
    version      bigint not null,
    resource     text not null,
    key          text not null,
    type         text not null,
    label        text collate reading.kazakh not null,
    translations jsonb not null,
    choices      jsonb not null,
    refers_to    text,
    required     boolean not null,
    archived     boolean not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
create index custom_fields_newest on {schema}.custom_fields (created_at, id);
create index custom_fields_by_resource on {schema}.custom_fields (resource, created_at, id);
