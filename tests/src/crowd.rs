//! A workspace with many rows in every large list, written straight into the read models: the same tables and indexes as
//! in life, filled set-wise, so that a million of each take minutes and not days.

use projections::schema;
use sqlx::{AssertSqlSafe, PgPool};

/// The lists that grow with a business.
pub const TABLES: [&str; 9] = [
    "customers",
    "products",
    "deals",
    "orders",
    "invoices",
    "payments",
    "production_orders",
    "notifications",
    "employees",
];

/// Ids as the product's are: in the order of time.
const ID: &str = "(lpad(to_hex(1700000000000 + i * 60000), 12, '0') || '70008000' || lpad(to_hex({kind} * 16777216 + i), 12, '0'))::uuid";
/// A minute apart, the last one now.
const AT: &str = "now() - ({n} - i) * interval '1 minute'";

const CUSTOMERS: &str = "insert into {s}.customers (id, version, customer_number, name, type, status, email, phone, bin, segment, rating, \
    credit_limit, contacts, addresses, tags, balance, balances, lifetime_value, total_orders, valued_orders, total_revenue, revenues, archived, assigned_to, created_at, updated_at) \
    select {customer}, 1, 'CUS-2026-' || lpad(i::text, 7, '0'), (array['Тоо','Әділ','Қазына','Алтын','ИП'])[1 + h % 5] || ' ' || md5(i::text), \
    case when h % 10 < 7 then 'COMPANY' else 'INDIVIDUAL' end, (array['LEAD','PROSPECT','ACTIVE','ACTIVE','ACTIVE','INACTIVE','CHURNED'])[1 + h % 7], \
    'mail' || i || '@company.kz', '+7700' || lpad((h % 10000000)::text, 7, '0'), lpad(i::text, 12, '0'), \
    case when h % 1000 = 0 then 'VIP' else (array['Enterprise','SMB','Retail'])[1 + h % 3] end, 4.5, 5000000, '[]', '[]', \
    case when h % 1000 = 0 then '[\"vip\"]'::jsonb else '[\"regular\"]' end, 0, '{}', h % 50000000, h % 40, h % 40, h % 50000000, '{}', false, {someone}, {at}, {at} from {rows}";
const PRODUCTS: &str = "insert into {s}.products (id, version, code, name, type, status, category, description, unit, price, cost, currency, \
    vat_included, in_stock, reserved, specifications, price_history, barcodes, units, images, image_files, suppliers, translations, parts, tracking, archived, created_at, updated_at) \
    select {product}, 1, 'PRD-' || lpad(i::text, 7, '0'), (array['Ноутбук','Өнім','Үстел','Сервер','Кабель'])[1 + h % 5] || ' ' || md5(i::text), \
    (array['PRODUCT','MATERIAL','SERVICE','MANUFACTURED'])[1 + h % 4], case when h % 50 = 0 then 'DISCONTINUED' else 'ACTIVE' end, \
    'Category ' || h % 40, 'Описание товара', 'шт', 1000 + h % 1000000, 500, 'KZT', true, 10, 3, '{}', '[]', '[]', '[]', '[]', '[]', '[]', '[]', '[]', 'none', false, {at}, {at} from {rows}";
const DEALS: &str = "insert into {s}.deals (id, version, deal_number, title, description, customer_id, customer_name, value, currency, stage, \
    probability, effective_probability, assigned_to, source, competitors, tags, products, timeline, documents, created_at, updated_at) \
    select {deal}, 1, 'DL-2026-' || lpad(i::text, 7, '0'), (array['Внедрение','Жеткізу','Поставка','Сервис'])[1 + h % 4] || ' ' || md5(i::text), \
    'Описание сделки', {some_customer}, 'ТОО Компания ' || h % 5000, (1 + h % 50000) * 1000, 'KZT', \
    (array['LEAD','QUALIFIED','PROPOSAL','NEGOTIATION','CLOSING','WON','LOST'])[1 + h % 7], 50, 50, {someone}, 'web', '[]', \
    case when h % 1000 = 0 then '[\"vip\"]'::jsonb else '[\"regular\"]' end, \
    '[{\"productName\": \"ERP License\", \"quantity\": 50, \"unitPrice\": 400000, \"totalPrice\": 20160000}]', '[]', '[]', {at}, {at} from {rows}";
const ORDERS: &str = "insert into {s}.orders (id, version, order_number, type, status, customer_id, customer_name, deal_id, items, total_amount, \
    billed_amount, billing_status, paid_amount, refunded_amount, payment_status, production_status, made_by, delivery_status, shipments, returns, currency, status_history, created_at, updated_at) \
    select {order}, 1, 'ORD-2026-' || lpad(i::text, 7, '0'), 'SALES', \
    (array['pending','confirmed','processing','shipped','delivered','completed','cancelled'])[1 + h % 7], {some_customer}, \
    'ТОО Компания ' || h % 5000, {deal}, '[{\"productName\": \"ERP License\", \"quantity\": 50, \"totalPrice\": 20160000}]', 1000, 0, 'none', 0, 0, 'unpaid', \
    'none', '[]', 'none', '[]', '[]', 'KZT', '[]', {at}, {at} from {rows}";
const INVOICES: &str = "insert into {s}.invoices (id, version, invoice_number, kind, state, customer_id, customer_name, order_id, order_number, \
    items, amount, paid_amount, refunded_amount, currency, issue_date, due_date, created_at, updated_at) \
    select {invoice}, 1, 'INV-2026-' || lpad(i::text, 7, '0'), 'tax', case when h % 20 = 0 then 'sent' when h % 20 = 1 then 'partial' \
    when h % 1000 = 7 then 'draft' else 'paid' end, {some_customer}, 'ТОО Компания ' || h % 5000, {order}, 'ORD-2026-' || lpad(i::text, 7, '0'), \
    '[{\"productName\": \"ERP License\", \"quantity\": 50, \"totalPrice\": 20160000}]', 1000, 0, 0, 'KZT', ({at})::date, ({at})::date + 30, {at}, {at} from {rows}";
const PAYMENTS: &str = "insert into {s}.payments (id, version, payment_number, invoice_id, invoice_number, customer_id, amount, applied, credit, \
    currency, method, date, created_at) select {payment}, 1, 'PAY-2026-' || lpad(i::text, 7, '0'), {invoice}, 'INV-2026-' || lpad(i::text, 7, '0'), \
    {some_customer}, 1000, 1000, 0, 'KZT', 'bank_transfer', ({at})::date, {at} from {rows}";
const PRODUCTION_ORDERS: &str = "insert into {s}.production_orders (id, version, production_number, order_id, order_number, line, product_id, \
    product_name, quantity, completed_quantity, status, material_state, priority, bom_version, materials, work_orders, created_at, updated_at) \
    select {production}, 1, 'PRD-2026-' || lpad(i::text, 7, '0'), {order}, 'ORD-2026-' || lpad(i::text, 7, '0'), 1, {some_product}, 'Server Cabinet', \
    10, 0, (array['pending','scheduled','in_progress','completed','completed','completed','cancelled'])[1 + h % 7], 'none', \
    (array['low','medium','high','urgent'])[1 + h % 4], 1, '[]', '[]', {at}, {at} from {rows}";
const NOTIFICATIONS: &str = "insert into {s}.notifications (id, version, type, role, user_id, about, data, read_by, created_at) \
    select {notification}, 1, (array['deal_won','production_shortage','process_parked'])[1 + h % 3], case when h % 2 = 0 then 'owner' end, \
    case when h % 2 = 1 then {someone} end, {deal}, '{\"dealNumber\": \"DL-2026-0001\"}', '[]', {at} from {rows}";
const EMPLOYEES: &str = "insert into {s}.employees (id, version, status, email, first_name, last_name, position, department_id, phone, currency, \
    organization_role, permissions, created_at, updated_at) select {employee}, 1, (array['active','active','active','inactive','pending'])[1 + h % 5], \
    'mail' || i || '@company.kz', (array['Айгерім','Әсел','Данияр','Ержан','Іңкәр'])[1 + h % 5], 'Сәтбаев' || md5(i::text), 'Маман', {someone}, \
    '+7700' || lpad((h % 10000000)::text, 7, '0'), 'KZT', (array['employee','employee','manager','accountant'])[1 + h % 4], '[]', {at}, {at} from {rows}";

/// Somebody that a fiftieth of all deals is assigned to.
pub const SOMEONE: &str = "00000000-0000-7000-8000-000000000007";

/// Empties the lists and writes so many rows into each, with the totals that the runner would have kept. Indexes are
/// made afterwards, which is quicker and leaves them as they are in life after a rebuild.
pub async fn fill(pool: &PgPool, schema: &str, rows: i64) {
    let mut tx = pool.begin().await.expect("a transaction");
    schema::provision(&mut tx, schema).await.expect("the tables");
    tx.commit().await.expect("the tables");
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select format('%I.%I', schemaname, indexname), indexdef from pg_indexes where schemaname = $1 and tablename = any($2) \
         and indexname not like '%\\_pkey'",
    )
    .bind(schema)
    .bind(TABLES.map(str::to_owned).to_vec())
    .fetch_all(pool)
    .await
    .expect("the indexes");
    for (index, _) in &indexes {
        run(pool, format!("drop index {index}")).await;
    }
    run(pool, format!("truncate {schema}.counts")).await;
    let statements = [
        CUSTOMERS,
        PRODUCTS,
        DEALS,
        ORDERS,
        INVOICES,
        PAYMENTS,
        PRODUCTION_ORDERS,
        NOTIFICATIONS,
        EMPLOYEES,
    ];
    for (table, statement) in TABLES.iter().zip(statements) {
        run(pool, format!("truncate {schema}.{table}")).await;
        run(pool, placed(statement, schema, rows)).await;
    }
    for (_, index) in indexes {
        run(pool, index).await;
    }
    for (table, field) in [
        ("customers", "type"),
        ("customers", "status"),
        ("customers", "segment"),
        ("products", "type"),
        ("products", "status"),
        ("products", "category"),
        ("deals", "stage"),
        ("orders", "status"),
        ("production_orders", "status"),
        ("production_orders", "priority"),
        ("notifications", "role"),
        ("notifications", "user_id"),
        ("employees", "status"),
    ] {
        let counts = format!(
            "insert into {schema}.counts select '{table}', '{field}', {field}::text, count(*) from {schema}.{table} where {field} is not null group by 3"
        );
        run(pool, counts).await;
    }
    for table in TABLES {
        let counts = format!("insert into {schema}.counts select '{table}', '', '', count(*) from {schema}.{table}");
        run(pool, counts).await;
        run(pool, format!("vacuum (analyze) {schema}.{table}")).await;
    }
}

/// The statement with its parts: ids by their kind, the moment, the rows `i` with a scattered number `h` each.
fn placed(statement: &str, schema: &str, rows: i64) -> String {
    let kinds = [
        "customer",
        "product",
        "deal",
        "order",
        "invoice",
        "payment",
        "production",
        "notification",
        "employee",
    ];
    let other = |kind: usize| {
        ID.replace("{kind}", &kind.to_string())
            .replace("i * 60000", "(h % {n} + 1) * 60000")
            .replace(" + i)", " + h % {n} + 1)")
    };
    let mut sql = statement
        .replace("{some_customer}", &other(0))
        .replace("{some_product}", &other(1))
        .replace(
            "{someone}",
            "(lpad('', 8, '0') || '00007000800000000000' || lpad(to_hex(h % 50), 4, '0'))::uuid",
        )
        .replace("{at}", AT)
        .replace(
            "{rows}",
            "(select i, (hashint8(i)::bigint & 2147483647) as h from generate_series(1::bigint, {n}) i) r",
        );
    for (kind, name) in kinds.iter().enumerate() {
        sql = sql.replace(&format!("{{{name}}}"), &ID.replace("{kind}", &kind.to_string()));
    }
    sql.replace("{s}", schema).replace("{n}", &rows.to_string())
}

async fn run(pool: &PgPool, sql: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(pool).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
