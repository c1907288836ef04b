-- States of long streams, written down so that loading one need not begin at its first event. Nothing here is truth:
-- every row may be deleted at any time, and is not believed unless the fold and the event it stands on are the same.

create table log.snapshots (
    workspace_id uuid        not null,
    stream_id    uuid        not null,
    version      bigint      not null, -- of the last event folded in
    hash         bytea       not null, -- of that event: after a restore the version may belong to another one
    fingerprint  bytea       not null, -- of the fold
    state        text        not null, -- opaque here: JSON, or its ciphertext
    taken_at     timestamptz not null default now(),
    primary key (workspace_id, stream_id)
) with (fillfactor = 70);
