-- What is to be signed to sign in by certificate, once and soon.
create table {schema}.nonces (
    nonce_hash bytea       primary key, -- SHA-256
    purpose    text        not null, -- sign-in, link
    expires_at timestamptz not null
);
create index nonces_by_expiry on {schema}.nonces (expires_at);
