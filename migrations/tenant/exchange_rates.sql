-- Exchange rates, one of a currency and a day. A small table.

create table {schema}.exchange_rates (
    id         uuid primary key, -- of a currency and a day
    version    bigint not null,
    currency   text not null,
    date       date not null,
    rate       numeric not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index exchange_rates_newest on {schema}.exchange_rates (created_at, id);
