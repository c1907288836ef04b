//! What documents 1 and 2 ask of each list: its default page, every filter, sort and search. Each with the query that
//! somebody would write by hand for the same rows.

use domain::Role;
use projections::{
    catalog::product,
    finance::{invoice, payment},
    list::Page,
    office::notification,
    people::employee,
    production::production_order,
    sales::{customer, deal, order},
    view::{self, Reader, Scope, View, ViewError},
};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// One question. `{customer}` and the like stand for ids of what there is.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub table: &'static str,
    pub query: &'static str,
    /// `where` and `order by` of the query by hand.
    pub by_hand: &'static str,
}

const fn ask(table: &'static str, query: &'static str, by_hand: &'static str) -> Question {
    Question { table, query, by_hand }
}

pub const QUESTIONS: &[Question] = &[
    ask("customers", "", "order by created_at desc, id desc"),
    ask(
        "customers",
        "type=INDIVIDUAL",
        "where type = 'INDIVIDUAL' order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "status=CHURNED",
        "where status = 'CHURNED' order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "status=LEAD,PROSPECT",
        "where status in ('LEAD', 'PROSPECT') order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "custom.class=A",
        "where custom @> '{\"class\": \"A\"}' order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "segment=VIP",
        "where segment = 'VIP' order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "minRevenue=48000000",
        "where total_revenue >= 48000000 order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "minRevenue=1000000&maxRevenue=30000000",
        "where total_revenue between 1000000 and 30000000 order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "assignedTo={someone}",
        "where assigned_to = '{someone}' order by created_at desc, id desc",
    ),
    ask("customers", "sort=name", "order by name, id"),
    ask(
        "customers",
        "search=mail77%40",
        "where search_text like '%mail77@%' order by created_at desc, id desc",
    ),
    ask(
        "customers",
        "search=Қазына",
        "where search_text like '%қазына%' order by created_at desc, id desc",
    ),
    ask("products", "", "order by created_at desc, id desc"),
    ask("products", "sort=name&order=asc", "order by name, id"),
    ask(
        "products",
        "type=SERVICE",
        "where type = 'SERVICE' order by created_at desc, id desc",
    ),
    ask(
        "products",
        "status=DISCONTINUED",
        "where status = 'DISCONTINUED' order by created_at desc, id desc",
    ),
    ask(
        "products",
        "category=Category%207",
        "where category = 'Category 7' order by created_at desc, id desc",
    ),
    ask(
        "products",
        "minPrice=980000",
        "where price >= 980000 order by created_at desc, id desc",
    ),
    ask(
        "products",
        "minPrice=5000&maxPrice=500000",
        "where price between 5000 and 500000 order by created_at desc, id desc",
    ),
    ask(
        "products",
        "search=prd-0000077",
        "where search_text like '%prd-0000077%' order by created_at desc, id desc",
    ),
    ask("deals", "", "order by created_at desc, id desc"),
    ask(
        "deals",
        "stage=CLOSING",
        "where stage = 'CLOSING' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "stage=NEGOTIATION,CLOSING",
        "where stage in ('NEGOTIATION', 'CLOSING') order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "customerId={customer}",
        "where customer_id = '{customer}' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "assignedTo={someone}",
        "where assigned_to = '{someone}' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "minValue=48000000",
        "where value >= 48000000 order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "value[gte]=1000000&value[lte]=10000000",
        "where value between 1000000 and 10000000 order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "dateFrom={month}&dateTo={today}",
        "where created_at >= '{month}' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "sort=-value,createdAt",
        "order by value desc, created_at, id desc",
    ),
    ask("deals", "sort=-value", "order by value desc, id desc"),
    ask(
        "deals",
        "customer.type=COMPANY",
        "where customer_id in (select id from {s}.customers where type = 'COMPANY') order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "customer.segment=VIP",
        "where customer_id in (select id from {s}.customers where segment = 'VIP') order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "tags=vip",
        "where tags @> '[\"vip\"]' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "stage=NEGOTIATION,CLOSING&value[gte]=1000000&value[lte]=10000000&customer.type=COMPANY&assignedTo={someone}&createdAt[gte]=2025-01-01&sort=-value,createdAt",
        "where stage in ('NEGOTIATION', 'CLOSING') and value between 1000000 and 10000000 and customer_id in (select id from {s}.customers where type = 'COMPANY') \
         and assigned_to = '{someone}' and created_at >= '2025-01-01' order by value desc, created_at, id desc",
    ),
    ask(
        "deals",
        "search=dl-2026-0000077",
        "where search_text like '%dl-2026-0000077%' order by created_at desc, id desc",
    ),
    ask(
        "deals",
        "search=жеткізу",
        "where search_text like '%жеткізу%' order by created_at desc, id desc",
    ),
    ask("orders", "", "order by created_at desc, id desc"),
    ask(
        "orders",
        "status=processing",
        "where status = 'processing' order by created_at desc, id desc",
    ),
    ask(
        "orders",
        "customerId={customer}",
        "where customer_id = '{customer}' order by created_at desc, id desc",
    ),
    ask(
        "orders",
        "dealId={deal}",
        "where deal_id = '{deal}' order by created_at desc, id desc",
    ),
    ask(
        "orders",
        "dateFrom={month}&dateTo={today}",
        "where created_at >= '{month}' order by created_at desc, id desc",
    ),
    ask(
        "orders",
        "search=ord-2026-0000077",
        "where search_text like '%ord-2026-0000077%' order by created_at desc, id desc",
    ),
    ask("production_orders", "", "order by created_at desc, id desc"),
    ask(
        "production_orders",
        "status=in_progress",
        "where status = 'in_progress' order by created_at desc, id desc",
    ),
    ask(
        "production_orders",
        "priority=urgent",
        "where priority = 'urgent' order by created_at desc, id desc",
    ),
    ask(
        "production_orders",
        "productId={product}",
        "where product_id = '{product}' order by created_at desc, id desc",
    ),
    ask(
        "production_orders",
        "orderId={order}",
        "where order_id = '{order}' order by created_at desc, id desc",
    ),
    ask("invoices", "", "order by created_at desc, id desc"),
    ask(
        "invoices",
        "status=paid",
        "where state = 'paid' order by created_at desc, id desc",
    ),
    ask(
        "invoices",
        "status=draft",
        "where state = 'draft' order by created_at desc, id desc",
    ),
    ask(
        "invoices",
        "status=overdue",
        "where state in ('sent', 'partial') and due_date < current_date order by created_at desc, id desc",
    ),
    ask(
        "invoices",
        "customerId={customer}",
        "where customer_id = '{customer}' order by created_at desc, id desc",
    ),
    ask(
        "invoices",
        "orderId={order}",
        "where order_id = '{order}' order by created_at desc, id desc",
    ),
    ask(
        "invoices",
        "dateFrom={month}&dateTo={today}",
        "where issue_date between '{month}' and '{today}' order by created_at desc, id desc",
    ),
    ask("payments", "", "order by created_at desc, id desc"),
    ask(
        "payments",
        "dateFrom={month}&dateTo={today}",
        "where date between '{month}' and '{today}' order by created_at desc, id desc",
    ),
    ask(
        "notifications",
        "",
        "where role = 'owner' order by created_at desc, id desc",
    ),
    ask(
        "notifications",
        "type=deal_won",
        "where role = 'owner' and type = 'deal_won' order by created_at desc, id desc",
    ),
    ask("employees", "", "order by created_at desc, id desc"),
    ask(
        "employees",
        "status=pending",
        "where status = 'pending' order by created_at desc, id desc",
    ),
    ask(
        "employees",
        "departmentId={someone}",
        "where department_id = '{someone}' order by created_at desc, id desc",
    ),
    ask(
        "employees",
        "search=mail77%40",
        "where search_text like '%mail77@%' order by created_at desc, id desc",
    ),
];

/// Ids and days that questions name, of what there is.
pub struct Names(Vec<(&'static str, String)>);

impl Names {
    pub async fn of(pool: &PgPool, schema: &str) -> Self {
        let mut names = vec![
            ("{s}", schema.to_owned()),
            ("{someone}", crate::crowd::SOMEONE.to_owned()),
        ];
        for (name, sql) in [
            (
                "{customer}",
                "select customer_id::text from {s}.deals order by created_at desc limit 1",
            ),
            (
                "{deal}",
                "select deal_id::text from {s}.orders order by created_at limit 1",
            ),
            (
                "{order}",
                "select order_id::text from {s}.invoices order by created_at limit 1",
            ),
            (
                "{product}",
                "select product_id::text from {s}.production_orders order by created_at limit 1",
            ),
            ("{today}", "select current_date::text"),
            ("{month}", "select (current_date - 3)::text"),
        ] {
            let found = sqlx::query_scalar(AssertSqlSafe(sql.replace("{s}", schema)))
                .fetch_one(pool)
                .await;
            names.push((name, found.expect("some of each")));
        }
        Self(names)
    }

    pub fn place(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// The pairs of a query string.
    pub fn pairs(&self, query: &str) -> Vec<(String, String)> {
        let decoded = |text: &str| text.replace("%40", "@").replace("%20", " ");
        let query = self.place(query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
    }
}

/// Notifications are read by an owner.
fn mine(schema: &str) -> Scope {
    let someone: Uuid = crate::crowd::SOMEONE.parse().expect("an id");
    notification::meant_for(schema, Role::Owner, someone, false)
}

/// What is wanted of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Page,
    /// How the database finds it.
    Plan,
}

/// What was answered.
#[derive(Debug)]
pub enum Told {
    Page(Page),
    Plan(String),
}

/// Asks the way the product does.
pub async fn tell(
    reader: Reader<'_>,
    table: &str,
    pairs: &[(String, String)],
    wanted: Wanted,
) -> Result<Told, ViewError> {
    let all = Scope::default();
    match table {
        "customers" => of::<customer::Row>(reader, pairs, &all, wanted).await,
        "products" => of::<product::Row>(reader, pairs, &all, wanted).await,
        "deals" => of::<deal::Row>(reader, pairs, &all, wanted).await,
        "orders" => of::<order::Row>(reader, pairs, &all, wanted).await,
        "invoices" => of::<invoice::Row>(reader, pairs, &all, wanted).await,
        "payments" => of::<payment::Row>(reader, pairs, &all, wanted).await,
        "production_orders" => of::<production_order::Row>(reader, pairs, &all, wanted).await,
        "notifications" => of::<notification::Row>(reader, pairs, &mine(reader.schema), wanted).await,
        "employees" => of::<employee::Row>(reader, pairs, &all, wanted).await,
        other => panic!("no list of {other}"),
    }
}

async fn of<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
    wanted: Wanted,
) -> Result<Told, ViewError> {
    Ok(match wanted {
        Wanted::Page => Told::Page(view::page_of::<V>(reader, pairs, scope).await?),
        Wanted::Plan => Told::Plan(view::explain::<V>(reader, pairs, scope).await?),
    })
}
