-- As in workspaces (migrations/tenant/checkpoint.sql).
alter table {schema}.checkpoint add column made uuid not null default gen_random_uuid();
