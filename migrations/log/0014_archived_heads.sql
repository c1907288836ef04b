-- The hash of the last event of a stream that was put away: a state that stands on it can be believed although its row is gone
-- (log/src/snapshot.rs). Of what was put away before, and of what was partly restored, it is not known.
alter table log.archived_streams add column hash bytea;
