-- What never enters the log: password hashes, codes, sessions, keys. And cursors of those who follow the log to the
-- outside. Not rebuilt from anything.

create table {schema}.credentials (
    user_id       uuid primary key,
    password_hash text        not null, -- Argon2id, PHC string
    changed_at    timestamptz not null default now()
);

create table {schema}.email_codes (
    user_id       uuid primary key,
    code_hash     bytea       not null, -- SHA-256 of user id and code
    failures      integer     not null default 0,
    expires_at    timestamptz not null,
    renewed_at    timestamptz, -- when signing in last asked for a fresh one
    mail_seed     bytea,       -- what the code is drawn from, as long as its mail is owed
    mail_due_at   timestamptz, -- when its mail is tried next, as long as it is owed
    mail_attempts integer     not null default 0
);
create index email_codes_owed on {schema}.email_codes (mail_due_at) where mail_due_at is not null;

create table {schema}.sessions (
    token_hash  bytea primary key, -- SHA-256 of the refresh token
    family      uuid        not null, -- one sign-in; every refresh adds a token to it
    user_id     uuid        not null,
    expires_at  timestamptz not null,
    replaced_by bytea,
    revoked_at  timestamptz,
    created_at  timestamptz not null default now()
);
create index sessions_by_family on {schema}.sessions (family);
create index sessions_by_user on {schema}.sessions (user_id);
create index sessions_by_expiry on {schema}.sessions (expires_at);

create table {schema}.signing_keys (
    kid        text primary key,
    seed       bytea       not null, -- Ed25519, 32 bytes
    created_at timestamptz not null default now()
);

create table {schema}.cursors (
    consumer     text   not null,
    workspace_id uuid   not null,
    position     bigint not null,
    primary key (consumer, workspace_id)
) with (fillfactor = 50);
