-- How many commits of the engine's stream the tables hold, which are then its replica (log/src/engine.rs). 0 where PostgreSQL itself is
-- the log.
alter table log.heads add column commits bigint not null default 0;

-- Up to where, in the engine's own order over all streams, nothing is missing here. It only tells where to begin to look after a start:
-- what stands too far back costs a look, and no row a look at everything.
create table log.followed (
    engine  text   primary key,
    commit  bigint not null,
    prepare bigint not null
);
