-- Those that have not come to their end: a node that takes a workspace over learns which they are, and need not look for
-- others.
create index instances_running on {schema}.instances (workspace_id, saga, instance) where status <> 'done';
