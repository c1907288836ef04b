-- Keys that personal values are sealed with: one per person and workspace, itself wrapped by a master key.

create table log.master_keys (
    id          text primary key,
    fingerprint bytea       not null, -- SHA-256: a key that changed under its id is found before anything is lost
    secret      bytea,                -- 32 bytes; only of the one made here because none was configured
    created_at  timestamptz not null default now()
);

create table log.person_keys (
    workspace_id uuid        not null,
    person_id    uuid        not null,
    wrapped      bytea,
    -- A master key can be struck off only when nothing is wrapped by it, and nothing can be wrapped by it afterwards.
    master_key   text references log.master_keys (id),
    created_at   timestamptz not null default now(),
    erased_at    timestamptz,
    primary key (workspace_id, person_id),
    check ((wrapped is null) = (erased_at is not null)),
    check ((wrapped is null) = (master_key is null))
);

create index person_keys_by_master on log.person_keys (master_key);
