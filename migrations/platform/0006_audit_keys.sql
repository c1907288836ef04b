-- What `audit heads` signs with when it is given no key. Whoever has the database has these too: a key kept elsewhere
-- proves more.

create table {schema}.audit_keys (
    seed       bytea primary key, -- Ed25519, 32 bytes
    created_at timestamptz not null default clock_timestamp()
);
