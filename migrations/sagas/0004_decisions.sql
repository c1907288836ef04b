-- What was refused waits for an operator's word, and what was given up has come to its end. States know of both: all is
-- folded anew from the log, which does nothing twice.
truncate {schema}.instances, {schema}.checkpoints;
delete from log.followers where consumer = 'sagas';
drop index {schema}.instances_running;
create index instances_running on {schema}.instances (workspace_id, saga, instance) where status not in ('done', 'abandoned');
