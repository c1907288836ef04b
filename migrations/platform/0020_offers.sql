-- Mails with offers: one for each version that was sent, anew where it failed or its customer's address became another. The address itself
-- is the customer's in the log, and read there when the mail goes out.

create table {schema}.offers (
    id            uuid primary key,     -- another one each time it is owed
    quote_id      uuid        not null unique,
    deal_id       uuid        not null,
    workspace_id  uuid        not null,
    customer_id   uuid        not null,
    user_id       uuid        not null, -- who sent it, and is told when it does not arrive
    address       bytea       not null, -- keyed hash of where it goes
    language      text        not null,
    failures      integer     not null default 0,
    mail_due_at   timestamptz,          -- when it is tried next, as long as it is owed
    mail_attempts integer     not null default 0,
    told_at       timestamptz,          -- when its sender was told that it failed
    created_at    timestamptz not null default now()
);
create index offers_owed on {schema}.offers (mail_due_at) where mail_due_at is not null;
create index offers_failed on {schema}.offers (failures) where told_at is null;
create index offers_by_age on {schema}.offers (created_at);
