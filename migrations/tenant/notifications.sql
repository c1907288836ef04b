-- Notifications, for a role or for one person; read again and again, the newest first.

create table {schema}.notifications (
    id         uuid primary key,
    version    bigint not null,
    type       text not null,
    role       text,
    user_id    uuid,
    about      uuid not null,
    data       jsonb not null,
    read_by    jsonb not null,
    created_at timestamptz not null
);
create index notifications_by_role on {schema}.notifications (role, created_at, id) where role is not null;
create index notifications_by_user on {schema}.notifications (user_id, created_at, id) where user_id is not null;
