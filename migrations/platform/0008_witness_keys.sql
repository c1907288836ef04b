-- The key that a witness was first met with: whoever answers under its URL with another one later is not it.

create table {schema}.witness_keys (
    witness    text primary key, -- its URL
    public_key text        not null, -- SubjectPublicKeyInfo in PEM
    met_at     timestamptz not null default clock_timestamp()
);
