-- Where each saga's instance stands, moved in the same transaction as the position it was folded to. Outside the
-- workspaces' schemas, because a rebuild of read models must never touch it.

create table {schema}.checkpoints (
    workspace_id uuid primary key,
    position     bigint not null
);

create table {schema}.instances (
    workspace_id uuid        not null,
    saga         text        not null,
    instance     uuid        not null, -- what it is about: the deal, the order
    state        jsonb       not null,
    status       text        not null, -- running, waiting, done, parked
    reason       text,
    owes         boolean     not null, -- commands are still to be carried out
    started_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (workspace_id, saga, instance)
);
create index instances_owing on {schema}.instances (workspace_id) where owes;
