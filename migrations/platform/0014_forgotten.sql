-- Of whom everything that was folded from a workspace's log has been folded anew since their key there was destroyed. Whoever
-- is erased and not here is still to be done, also when a database has gone back to a backup.
create table {schema}.forgotten (
    workspace_id uuid        not null,
    person_id    uuid        not null,
    forgotten_at timestamptz not null default now(),
    primary key (workspace_id, person_id)
);
