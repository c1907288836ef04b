-- What customers are recognised by. Beside `customers`, whose rows every order writes anew.

create table {schema}.customer_marks (
    id              uuid primary key,
    customer_number text not null,
    name            text not null,
    phone           text,
    email           text,
    bin             text,
    iin             text,
    assigned_to     uuid,
    merged_into     uuid, -- the one that is told of in its place
    core_name       text not null,
    marks           jsonb not null
);
create index customer_marks_by_mark on {schema}.customer_marks using gin (marks);
create index customer_marks_by_name on {schema}.customer_marks using gin (core_name {trgm}.gin_trgm_ops);
