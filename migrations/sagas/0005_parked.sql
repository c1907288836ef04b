-- Those that wait for an operator's word: metrics count them at each look.
create index instances_parked on {schema}.instances (updated_at) where status = 'parked';
