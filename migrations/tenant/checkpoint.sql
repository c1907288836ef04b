-- How far the read models have come in the workspace's log: all of them, to the same position.

create table {schema}.checkpoint (position bigint not null);
insert into {schema}.checkpoint values (0);
