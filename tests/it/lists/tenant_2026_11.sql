-- A workspace's read models: everything people read, folded from its log, all at one position.

create table {schema}.checkpoint (position bigint not null);
insert into {schema}.checkpoint values (0);

create table {schema}.customers (
    id              uuid primary key,
    version         bigint        not null,
    customer_number text          not null,
    name            text          not null,
    type            text          not null,
    status          text          not null,
    email           text,
    phone           text,
    bin             text,
    iin             text,
    source          text,
    segment         text,
    rating          numeric,
    credit_limit    numeric,
    payment_terms   text,
    contacts        jsonb         not null,
    addresses       jsonb         not null,
    tags            jsonb         not null,
    balance         numeric not null,
    lifetime_value  numeric not null,
    total_orders    bigint        not null,
    total_revenue   numeric not null,
    last_order_date date,
    archived        boolean       not null,
    created_at      timestamptz   not null,
    updated_at      timestamptz   not null
);
create index customers_by_creation on {schema}.customers (created_at desc, id);

create table {schema}.products (
    id             uuid primary key,
    version        bigint         not null,
    code           text           not null,
    name           text           not null,
    type           text           not null,
    status         text           not null,
    category       text,
    description    text,
    unit           text           not null,
    price          numeric not null,
    cost           numeric,
    currency       text           not null,
    vat_rate       numeric,
    vat_included   boolean        not null,
    barcode        text,
    min_stock      numeric,
    max_stock      numeric,
    in_stock       numeric not null,
    reserved       numeric not null,
    specifications jsonb          not null,
    price_history  jsonb          not null,
    created_at     timestamptz    not null,
    updated_at     timestamptz    not null
);
create index products_by_creation on {schema}.products (created_at desc, id);
create index products_by_code on {schema}.products (code);

create table {schema}.stock_movements (
    id         uuid primary key,
    product_id uuid           not null,
    type       text           not null,
    quantity   numeric not null,
    unit_cost  numeric,
    reference  text,
    created_at timestamptz    not null
);
create index stock_movements_by_product on {schema}.stock_movements (product_id, created_at desc, id);

create table {schema}.boms (
    id         uuid primary key, -- the product
    version    bigint         not null,
    bom_version integer       not null,
    components jsonb          not null,
    operations jsonb          not null,
    total_cost numeric not null,
    total_time bigint         not null,
    updated_at timestamptz    not null
);

create table {schema}.deals (
    id                  uuid primary key,
    version             bigint         not null,
    deal_number         text           not null,
    title               text           not null,
    description         text,
    customer_id         uuid,
    customer_name       text,
    value               numeric not null,
    estimate            numeric,
    currency            text           not null,
    stage               text           not null,
    probability         numeric,
    expected_close_date date,
    actual_close_date   date,
    assigned_to         uuid,
    assigned_to_name    text,
    source              text,
    competitors         jsonb          not null,
    tags                jsonb          not null,
    products            jsonb          not null,
    timeline            jsonb          not null,
    final_amount        numeric,
    lost_reason         text,
    competitor_won      text,
    won_at              timestamptz,
    lost_at             timestamptz,
    created_at          timestamptz    not null,
    updated_at          timestamptz    not null
);
create index deals_by_creation on {schema}.deals (created_at desc, id);
create index deals_by_customer on {schema}.deals (customer_id);

create table {schema}.orders (
    id                uuid primary key,
    version           bigint         not null,
    order_number      text           not null,
    type              text           not null,
    status            text           not null,
    customer_id       uuid           not null,
    customer_name     text,
    deal_id           uuid,
    deal_number       text,
    items             jsonb          not null,
    total_amount      numeric not null,
    paid_amount       numeric not null,
    payment_status    text           not null,
    production_status text           not null,
    currency          text           not null,
    assigned_to       uuid,
    shipping_address  jsonb,
    delivery_date     date,
    payment_terms     text,
    notes             text,
    status_history    jsonb          not null,
    created_at        timestamptz    not null,
    updated_at        timestamptz    not null
);
create index orders_by_creation on {schema}.orders (created_at desc, id);
create index orders_by_customer on {schema}.orders (customer_id);
create index orders_by_deal on {schema}.orders (deal_id);

create table {schema}.invoices (
    id             uuid primary key,
    version        bigint         not null,
    invoice_number text           not null,
    kind           text           not null,
    state          text           not null,
    customer_id    uuid           not null,
    customer_name  text,
    order_id       uuid,
    order_number   text,
    deal_id        uuid,
    items          jsonb          not null,
    amount         numeric not null,
    paid_amount    numeric not null,
    currency       text           not null,
    issue_date     date           not null,
    due_date       date           not null,
    paid_at        timestamptz,
    notes          text,
    created_at     timestamptz    not null,
    updated_at     timestamptz    not null
);
create index invoices_by_creation on {schema}.invoices (created_at desc, id);
create index invoices_by_order on {schema}.invoices (order_id);
create index invoices_by_customer on {schema}.invoices (customer_id);

create table {schema}.payments (
    id             uuid primary key,
    version        bigint         not null,
    payment_number text           not null,
    invoice_id     uuid           not null,
    invoice_number text           not null,
    customer_id    uuid           not null,
    order_id       uuid,
    amount         numeric not null,
    applied        numeric not null,
    credit         numeric not null,
    currency       text           not null,
    method         text           not null,
    reference      text,
    date           date           not null,
    created_at     timestamptz    not null
);
create index payments_by_creation on {schema}.payments (created_at desc, id);
create index payments_by_invoice on {schema}.payments (invoice_id, created_at);

create table {schema}.production_orders (
    id                   uuid primary key,
    version              bigint         not null,
    production_number    text           not null,
    order_id             uuid           not null,
    order_number         text           not null,
    line                 integer        not null,
    product_id           uuid           not null,
    product_name         text           not null,
    quantity             numeric not null,
    completed_quantity   numeric not null,
    status               text           not null,
    material_state       text           not null,
    priority             text           not null,
    bom_version          integer        not null,
    materials            jsonb          not null,
    work_orders          jsonb          not null,
    start_date           date,
    due_date             date,
    estimated_completion date,
    notes                text,
    created_at           timestamptz    not null,
    updated_at           timestamptz    not null
);
create index production_orders_by_creation on {schema}.production_orders (created_at desc, id);
create index production_orders_by_order on {schema}.production_orders (order_id);

create table {schema}.notifications (
    id         uuid primary key,
    version    bigint      not null,
    type       text        not null,
    role       text,
    user_id    uuid,
    about      uuid        not null,
    data       jsonb       not null,
    read_by    jsonb       not null,
    created_at timestamptz not null
);
create index notifications_by_creation on {schema}.notifications (created_at desc, id);
