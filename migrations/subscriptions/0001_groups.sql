-- Groups of consumers that share a stream, made by clients of EventStoreDB (docs/eventstoredb.md), and how far each has come. A place
-- is a position of the log; in a single stream, a version.
create table {schema}.groups (
    workspace_id uuid   not null,
    stream       text   not null, -- as clients call it, $all among them
    name         text   not null,
    settings     jsonb  not null,
    start        bigint not null, -- it began behind that place
    taken        bigint not null, -- up to there everything was taken from the stream,
    open         jsonb  not null default '[]', -- and is done but for these: [place, tries]
    epoch        bigint not null default 0, -- whoever begins to run it counts this up, and writes as long as it is theirs
    host         text, -- where they are reached
    port         integer,
    primary key (workspace_id, stream, name)
);

-- What no consumer could deal with, until somebody has it tried again.
create table {schema}.parked (
    workspace_id uuid        not null,
    stream       text        not null,
    name         text        not null,
    place        bigint      not null,
    why          text        not null,
    replay       boolean     not null default false, -- it is to be tried again
    parked_at    timestamptz not null default clock_timestamp(),
    primary key (workspace_id, stream, name, place),
    foreign key (workspace_id, stream, name) references {schema}.groups on delete cascade
);
