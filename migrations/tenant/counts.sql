-- How many rows there are for readers: of a table, and of those with one value in a column (docs/operations.md); and sums over
-- rows, in the smallest unit. Kept by the runner with the rows, so that no list has to count them.

create table {schema}.counts (
    name    text not null, -- the table
    field   text not null, -- the column, or what is summed; empty: all rows
    value   text not null,
    total   numeric not null,
    primary key (name, field, value)
);
