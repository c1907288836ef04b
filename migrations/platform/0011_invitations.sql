-- Invitations to work in a workspace. Nothing of them is in a log before the mailed code was typed in.

create table {schema}.invitations (
    id            uuid primary key,
    workspace_id  uuid        not null,
    email         text        not null,
    invited_by    uuid        not null, -- whose rights the invited one's must not exceed
    access        jsonb       not null, -- what they are to be
    employee_id   uuid        not null, -- the employee's, there already or to be
    details       jsonb       not null, -- names, position, department
    code_hash     bytea       not null, -- keyed, of id and code
    failures      integer     not null default 0,
    expires_at    timestamptz not null, -- the mail's
    valid_until   timestamptz not null,
    mail_seed     bytea,       -- what the code is drawn from, as long as its mail is owed
    mail_due_at   timestamptz, -- when its mail is tried next, as long as it is owed
    mail_attempts integer     not null default 0,
    accepted_at   timestamptz,
    told_at       timestamptz, -- when whoever invited was told that it failed
    created_at    timestamptz not null default now(),
    unique (workspace_id, email)
);
create index invitations_by_email on {schema}.invitations (email);
create index invitations_owed on {schema}.invitations (mail_due_at) where mail_due_at is not null;
create index invitations_failed on {schema}.invitations (failures) where accepted_at is null and told_at is null;
