-- What members may do beyond their role, and workspaces' own roles.

alter table {schema}.memberships add column version bigint not null default 0;
alter table {schema}.memberships add column role_id uuid;
alter table {schema}.memberships add column permissions jsonb not null default '[]';
create index memberships_by_workspace on {schema}.memberships (workspace_id, created_at, id);

create table {schema}.own_roles (
    id           uuid primary key,
    version      bigint      not null,
    workspace_id uuid        not null,
    name         text        not null,
    permissions  jsonb       not null, -- as grants are spelled
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);
create index own_roles_by_workspace on {schema}.own_roles (workspace_id, created_at, id);
