-- What people and machines sign in with, beside passwords; none of it enters the log.

-- In which language to write to them.
alter table {schema}.registrations add column language text not null default 'ru-RU';

-- Codes that set another password. An address that nobody has leaves a row as well, so that neither the answer nor its time
-- tells which ones are registered; no mail goes there.
create table {schema}.password_resets (
    id            uuid primary key, -- keyed hash of the address
    user_id       uuid,             -- null: nobody has that address
    email         text,
    language      text        not null,
    code_hash     bytea       not null, -- keyed, of id and code
    failures      integer     not null default 0,
    expires_at    timestamptz not null,
    mail_seed     bytea,       -- what the code is drawn from, as long as its mail is owed
    mail_due_at   timestamptz, -- when its mail is tried next, as long as it is owed
    mail_attempts integer     not null default 0
);
create index password_resets_owed on {schema}.password_resets (mail_due_at) where mail_due_at is not null;
create index password_resets_by_expiry on {schema}.password_resets (expires_at);

-- Where and on what a session is, as its owner sees it, and how sure we are of them.
alter table {schema}.sessions
    add column device        text    not null default '', -- User-Agent
    add column address       text    not null default '',
    add column second_factor boolean not null default false;

create table {schema}.second_factors (
    user_id      uuid primary key,
    sealed       bytea       not null, -- the secret, under a key made for this user
    confirmed_at timestamptz, -- null: offered, and not proved yet
    used_step    bigint      not null default 0, -- of the last code that was used: no code is good twice
    failures     integer     not null default 0,
    next_at      timestamptz not null default now(), -- no try before
    created_at   timestamptz not null default now()
);

create table {schema}.recovery_codes (
    user_id   uuid  not null,
    code_hash bytea not null, -- keyed, of user and code
    primary key (user_id, code_hash)
);

create table {schema}.api_key_secrets (
    hash       bytea primary key, -- SHA-256 of the key
    key_id     uuid        not null,
    expires_at timestamptz, -- of one that was rotated
    created_at timestamptz not null default now()
);
create index api_key_secrets_by_key on {schema}.api_key_secrets (key_id);

-- Where and when a key was last used, a minute or so late.
create table {schema}.api_key_uses (
    key_id  uuid primary key,
    used_at timestamptz not null,
    address text        not null
);
