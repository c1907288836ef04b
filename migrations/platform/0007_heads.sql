-- Heads that were signed on a schedule, and the receipts of the witnesses they were shown to. For looking at: whoever has the
-- database can change them, so what proves something is what others keep.

create table {schema}.signed_heads (
    workspace_id uuid        not null,
    position     bigint      not null,
    key_id       text        not null,
    head         jsonb       not null, -- docs/audit-format.md
    previous     bigint      not null, -- the position that was signed before, 0 = none
    path         jsonb       not null, -- proves that it goes on from there
    signed_at    timestamptz not null default clock_timestamp(),
    primary key (workspace_id, position, key_id)
);

create table {schema}.head_receipts (
    witness      text   not null, -- its URL
    workspace_id uuid   not null,
    position     bigint not null,
    receipt      jsonb  not null,
    primary key (witness, workspace_id, position)
);
