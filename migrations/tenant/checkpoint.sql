-- How far the read models have come in the workspace's log: all of them, to the same position. Rows that are made again are
-- others, though they may stand at the same position: what nodes remember of the ones before is worth nothing then.

create table {schema}.checkpoint (
    position bigint not null,
    made     uuid   not null default gen_random_uuid()
);
insert into {schema}.checkpoint values (0);
