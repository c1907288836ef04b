-- What `log.heads.epoch` was changed for and when: each change enters what it left, so that an epoch that nobody entered is
-- found (`prometric audit verify`). Of changes before there was this table only the last one's outcome is known.
create table log.turns (
    workspace_id uuid        not null,
    epoch        bigint      not null,
    what         text        not null, -- archived, restored, closed, reopened; before: what was found here
    at           timestamptz not null default clock_timestamp(),
    primary key (workspace_id, epoch)
);
insert into log.turns (workspace_id, epoch, what) select workspace_id, epoch, 'before' from log.heads where epoch <> 0;
