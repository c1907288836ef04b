-- Files whose rows are to become things, and what becomes of each row. They are in no log: what came of them is, and what is wrong with a
-- row is nobody's history. They are gone some time after they were sent, with the personal values in them.

create table {schema}.imports (
    id           uuid primary key,
    workspace_id uuid        not null,
    user_id      uuid        not null,
    key_id       uuid,                 -- of the machine that sent it in their name
    request_hash bytea,                -- of the request, where it had an Idempotency-Key
    resource     text        not null,
    file_name    text,
    file         bytea       not null,
    heads        jsonb       not null, -- each column with the field that it is of, or null
    lines        integer     not null, -- rows but for the first and for empty ones
    is_dry       boolean     not null,
    state        text        not null, -- checking, ready, running, done, cancelled, failed
    problem      jsonb,                -- why it failed as a whole, in each language
    leased_until timestamptz not null default '-infinity', -- somebody is at it
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    ended_at     timestamptz
);
create index imports_newest on {schema}.imports (workspace_id, user_id, created_at);
create index imports_due on {schema}.imports (leased_until) where state in ('checking', 'running');
create index imports_by_age on {schema}.imports (created_at);

create table {schema}.import_lines (
    import_id   uuid    not null references {schema}.imports (id) on delete cascade,
    nth         integer not null, -- as a spreadsheet counts rows, from 1, which are the heads
    outcome     text    not null, -- create, update, unchanged, error: what it would come to, then what it came to
    thing       uuid,
    is_new      boolean not null,
    error       jsonb,            -- in each language
    carried_out boolean not null default false,
    primary key (import_id, nth)
);
create index import_lines_left on {schema}.import_lines (import_id, nth) where not carried_out and outcome <> 'error';
