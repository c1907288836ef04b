-- Bills of materials, one a product; found by it alone.

create table {schema}.boms (
    id          uuid primary key, -- the product
    version     bigint not null,
    bom_version integer not null,
    components  jsonb not null,
    operations  jsonb not null,
    total_cost  numeric not null,
    total_time  bigint not null,
    updated_at  timestamptz not null
);
