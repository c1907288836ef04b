-- Following: who leads what, and how far everybody is. None of it is the truth: consumers keep their own cursors, and
-- emptying these tables costs one look at every workspace.

-- A node is there as long as its row. It renews the row about every second; whoever finds it expired, or the session
-- that it listens on gone, removes it, and with it the node's leases. A node that was removed comes back under a new id.
create table log.nodes (
    node       uuid primary key,
    session    integer     not null, -- the backend that it listens on, as in pg_stat_activity
    consumers  text[]      not null, -- that run on it
    expires_at timestamptz not null  -- by this clock and no other
) with (fillfactor = 50);

-- A lease is held as long as its node has a row that names the consumer. Leases have no expiry of their own, so that
-- one row a second is written for each node, and not one for each lease.
create table log.leases (
    consumer text     not null,
    range    smallint not null,
    node     uuid,
    epoch    bigint   not null default 0, -- grows whenever the lease changes hands: the fencing token
    primary key (consumer, range)
) with (fillfactor = 50);

create table log.followers (
    consumer      text        not null,
    workspace_id  uuid        not null,
    position      bigint      not null, -- never beyond the consumer's own cursor
    attempts      integer     not null, -- that failed since the last success
    error         text,
    failing_since timestamptz,
    node          uuid        not null,
    epoch         bigint      not null, -- of the lease it was reported under
    updated_at    timestamptz not null default now(),
    primary key (consumer, workspace_id)
) with (fillfactor = 50);

create view log.following as
    select f.consumer, f.workspace_id, f.position, h.position as head, greatest(h.position - f.position, 0) as lag,
        f.attempts, f.error, f.failing_since, f.node, f.updated_at
    from log.followers f join log.heads h using (workspace_id);
