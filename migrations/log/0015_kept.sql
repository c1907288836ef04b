-- Keys of documents that the law has kept although whom they tell of was erased: destroyed at that time.
alter table log.person_keys add column keep_until timestamptz;
create index person_keys_kept on log.person_keys (keep_until) where keep_until is not null and wrapped is not null;
