-- When an instance owes something next that has to wait for its time: derived from its state, like `owes`.
alter table {schema}.instances add column due_at timestamptz;
create index instances_due on {schema}.instances (due_at, workspace_id) where due_at is not null;

-- States know since when they wait, and invoices have a process: all is folded anew from the log, which does nothing
-- twice.
truncate {schema}.instances, {schema}.checkpoints;
delete from log.followers where consumer = 'sagas';
