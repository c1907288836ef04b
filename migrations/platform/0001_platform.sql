-- Read models of the platform's own log: who there is, and which workspaces they may enter. Rebuilt from the log
-- like any other; secrets are in tables of their own.

create table {schema}.checkpoint (position bigint not null);
insert into {schema}.checkpoint values (0);

create table {schema}.users (
    id              uuid primary key,
    version         bigint      not null,
    email           text        not null unique,
    first_name      text        not null,
    last_name       text        not null,
    phone           text,
    organization_id uuid,
    verified        boolean     not null,
    created_at      timestamptz not null
);

create table {schema}.organizations (
    id         uuid primary key,
    version    bigint      not null,
    name       text        not null,
    bin        text        not null unique,
    owner_id   uuid        not null,
    created_at timestamptz not null
);

create table {schema}.workspaces (
    id              uuid primary key,
    version         bigint      not null,
    name            text        not null,
    kind            text        not null,
    slug            text        not null unique,
    tenant_key      text        not null unique,
    organization_id uuid,
    owner_id        uuid        not null,
    created_at      timestamptz not null
);

create table {schema}.memberships (
    id           uuid primary key,
    workspace_id uuid        not null,
    user_id      uuid        not null,
    role         text        not null,
    created_at   timestamptz not null
);
create index memberships_by_user on {schema}.memberships (user_id, created_at);
