-- How many rows there are for readers: of a table, and of those with one value in a column (docs/operations.md). Kept by
-- the runner with the rows, so that no list has to count them.

create table {schema}.counts (
    name    text not null, -- the table
    field   text not null, -- the column; empty: all rows
    value   text not null,
    total   bigint not null,
    primary key (name, field, value)
);
