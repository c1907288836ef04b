-- Files in the store that may belong to nobody: noted before they are put there, or before what shows them is removed, and looked at when they are
-- due. Whether they belong to somebody, the log knows.

create table {schema}.stray_files (
    name         text primary key, -- in the store
    workspace_id uuid        not null,
    product_id   uuid        not null,
    image_id     uuid        not null,
    due_at       timestamptz not null
);
create index stray_files_due on {schema}.stray_files (due_at);
