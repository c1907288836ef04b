-- What came and went of a product on a day; what lay there at the end of one is the sum of all until then.

create table {schema}.stock_days (
    id         uuid primary key,
    product_id uuid not null,
    date       date not null,
    quantity   numeric not null,
    value      numeric not null
);
create index stock_days_by_product on {schema}.stock_days (product_id, date);
