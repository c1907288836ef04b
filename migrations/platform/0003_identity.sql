-- Registrations that wait for the mailed code. Nothing of them is in the log, and nothing is claimed, until the code
-- was right: whoever proves the address gets it. Each attempt has a code and a password of its own, so that no code
-- ever makes another attempt's password valid.

create table {schema}.registrations (
    id            uuid primary key, -- of the attempt, and of the user it becomes
    email         text        not null,
    client        text        not null, -- the address it was made from
    details       jsonb,       -- names and company; null once the user is in the log
    password_hash text,        -- Argon2id, PHC string; null once it is among the credentials
    code_hash     bytea       not null, -- keyed, of id and code
    failures      integer     not null default 0,
    expires_at    timestamptz not null,
    verified_at   timestamptz,
    mail_seed     bytea,       -- what the code is drawn from, as long as its mail is owed
    mail_due_at   timestamptz, -- when its mail is tried next, as long as it is owed
    mail_attempts integer     not null default 0,
    created_at    timestamptz not null default now(),
    unique (email, client)
);
create index registrations_owed on {schema}.registrations (mail_due_at) where mail_due_at is not null;
create index registrations_by_expiry on {schema}.registrations (expires_at);

-- Users who registered when that was an event, and did not get round to their code. Signing in mails them a new one.
insert into {schema}.registrations (id, email, client, code_hash, failures, expires_at, created_at)
    select id, email, '', '', 5, now() + interval '1 day', created_at from {schema}.users where not verified;
drop table {schema}.email_codes;
-- Mail followed the log for that; now nobody of that name does, nor holds anybody up.
delete from {schema}.cursors where consumer = 'mail';
delete from log.followers where consumer = 'mail';
delete from log.leases where consumer = 'mail';

-- How many codes were asked for of late: by mail address and client, by mail address, by client.
create table {schema}.code_pauses (
    key     bytea primary key, -- keyed hash of whom it counts
    sent    integer     not null,
    since   timestamptz not null,
    next_at timestamptz not null
);
create index code_pauses_by_age on {schema}.code_pauses (since);

-- What requests that must not be in the log answered to an Idempotency-Key. Sealed: some answers are tokens.
create table {schema}.answers (
    id           uuid primary key, -- of caller and key
    request_hash bytea       not null,
    sealed       bytea,
    created_at   timestamptz not null default now()
);
create index answers_by_age on {schema}.answers (created_at);

-- Secrets that outlive every rotation.
create table {schema}.secrets (
    name   text  primary key,
    secret bytea not null
);

-- A session has an end, however much it is used.
alter table {schema}.sessions add column began_at timestamptz not null default now();
update {schema}.sessions set began_at = created_at;
