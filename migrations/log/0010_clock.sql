-- The clock by which things are due, on every node: one, the database's, read in one place. A test that wants another day
-- replaces the function. Stable, so that an index can be asked with it.
create function {schema}.clock() returns timestamptz language sql stable parallel safe return now();
