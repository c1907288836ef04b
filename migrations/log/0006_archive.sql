-- Old parts of a workspace's log may live in files. What was put away is always positions 1 up to the last row's
-- `last_position`, without a gap; the rows in log.events are the rest.

create table log.archives (
    workspace_id   uuid        not null,
    first_position bigint      not null,
    last_position  bigint      not null,
    previous_hash  bytea       not null, -- what the first event is chained to
    last_hash      bytea       not null,
    file           text        not null, -- its name; the folder is configuration
    sha256         bytea       not null, -- of the whole file
    bytes          bigint      not null,
    archived_at    timestamptz not null default now(),
    primary key (workspace_id, first_position),
    unique (workspace_id, last_position),
    check (first_position <= last_position)
);

-- Where the streams stood in what was put away: a stream that has no rows left must not seem new to an append.
create table log.archived_streams (
    workspace_id uuid   not null,
    stream_id    uuid   not null,
    category     text   not null,
    version      bigint not null,
    primary key (workspace_id, stream_id)
);
