-- A node that plans a batch upon the head as it knows it (log/src/batch/write.rs) takes an equal hash for an equal past.
-- Archiving changes what is in the tables and no hash: it moves the head's epoch instead, and so is noticed. As long as
-- the epoch is 0, nothing of the workspace is archived, and no stream need be looked for in the archive.
alter table log.heads add column epoch bigint not null default 0;
update log.heads set epoch = 1 where workspace_id in (select workspace_id from log.archives);
