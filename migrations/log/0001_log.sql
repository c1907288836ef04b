-- The append-only store. One head per workspace: its lock orders that workspace's appends and nobody else's,
-- so positions are dense, commit order is position order, and a reader needs only `position > p`.

create table log.heads (
    workspace_id uuid primary key,
    position     bigint      not null default 0,
    hash         bytea       not null default '\x0000000000000000000000000000000000000000000000000000000000000000',
    recorded_at  timestamptz not null default '-infinity'
) with (fillfactor = 50);

create table log.events (
    workspace_id    uuid        not null,
    position        bigint      not null,
    stream_category text        not null,
    stream_id       uuid        not null,
    version         bigint      not null,
    event_id        uuid        not null,
    type            text        not null,
    schema          integer     not null,
    data            json        not null, -- json keeps the text as written, so that its bytes can be hashed again
    metadata        json        not null,
    recorded_at     timestamptz not null,
    hash            bytea       not null,
    primary key (workspace_id, position),
    unique (workspace_id, stream_id, version)
);

create table log.claims (
    workspace_id uuid not null,
    kind         text not null,
    key          text not null,
    stream_id    uuid not null,
    primary key (workspace_id, kind, key)
);

create table log.numbers (
    workspace_id uuid    not null,
    series       text    not null,
    year         integer not null,
    last         bigint  not null,
    primary key (workspace_id, series, year)
) with (fillfactor = 50);

create table log.commands (
    workspace_id   uuid        not null,
    command_id     uuid        not null,
    request_hash   bytea       not null,
    first_position bigint      not null,
    last_position  bigint      not null,
    answer         text        not null,
    recorded_at    timestamptz not null,
    primary key (workspace_id, command_id)
);

create index commands_by_age on log.commands (recorded_at);
