-- What each node has let through, for the other nodes: a row a second and node, kept for a minute or two. Unlogged: after a
-- crash the nodes begin to count anew.

create unlogged table {schema}.request_counts (
    id          bigint generated always as identity primary key,
    node        uuid        not null,
    recorded_at timestamptz not null default now(),
    subjects    text[]      not null, -- a user's id, or an address
    seconds     bigint[]    not null, -- since 1970
    counts      integer[]   not null
);
create index request_counts_recorded_at on {schema}.request_counts (recorded_at);
