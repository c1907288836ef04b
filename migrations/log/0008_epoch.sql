-- A node that plans a batch upon the head as it knows it (log/src/batch/write.rs) takes an equal hash for an equal past.
-- Archiving changes what is in the tables and no hash: it moves the head's epoch instead, and so is noticed.
alter table log.heads add column epoch bigint not null default 0;
