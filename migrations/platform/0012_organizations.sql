-- What is known of a company besides its name, and what machines sign in with. Folded from the log like the rest.

alter table {schema}.organizations
    add column address             text,
    add column phone               text,
    add column email               text,
    add column premium             boolean not null default false,
    add column second_factor_roles jsonb   not null default '[]';

create table {schema}.api_keys (
    id           uuid primary key,
    version      bigint      not null,
    workspace_id uuid        not null,
    user_id      uuid        not null, -- who made it
    name         text        not null,
    permissions  jsonb       not null,
    addresses    jsonb       not null,
    expires_at   timestamptz not null,
    rotated_at   timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz not null
);
create index api_keys_by_workspace on {schema}.api_keys (workspace_id, created_at);
