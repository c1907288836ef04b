-- Passwords of employees who wait to be let in: nobody signs in with them before.

create table {schema}.waiting_accounts (
    employee_id   uuid primary key,
    workspace_id  uuid        not null,
    user_id       uuid        not null, -- the user's, should they be let in
    password_hash text        not null, -- Argon2id, PHC string
    created_at    timestamptz not null default now()
);
