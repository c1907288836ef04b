-- States seal what tells of people, in marks whose spelling is theirs: as text they stay as they were written.
alter table {schema}.instances alter column state type json using state::json;
