-- When each sweeping was last begun, so that of all nodes one does it (log/src/sweep.rs).
create table log.sweeps (
    what     text        primary key,
    began_at timestamptz not null
);

-- A range of blocks only ever widens: once new rows stand where swept ones went, every range seems to hold old ones,
-- and each look reads the whole table. The sweep walks it by its pages instead.
drop index log.commands_by_age;
