//! What came and went of a product on a day, a row each: the day that a fact counts from, and not that on which it was written
//! down. What lay there at the end of any day, and what it was worth, is the sum of all until then.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Reader, ViewError},
};
use chrono::NaiveDate;
use domain::{
    Fact, Permission, Quantity, Total,
    finance::Currency,
    id::{ProductId, derive},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub product_id: Uuid,
    pub date: NaiveDate,
    /// What came, less what went.
    pub quantity: Quantity,
    /// What that was worth, as it was written down.
    pub value: Total,
}

impl Table for Row {
    const NAME: &'static str = "stock_days";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_days.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("date", K::Date),
            Column::new("quantity", K::Number),
            Column::new("value", K::Number),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(fact) if !fact.difference().is_zero() || !fact.worth().is_zero() => {
                vec![key(fact.product(), fact.day(event.recorded.recorded_at))]
            }
            _ => vec![],
        }
    }

    /// A day may begin at any version of the stock's stream.
    fn begins(_: &Seen, _: Uuid) -> bool {
        false
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Stock(fact) = &event.fact else { return };
        let day = row.get_or_insert_with(|| Self {
            id: key,
            product_id: fact.product().into(),
            date: fact.day(event.recorded.recorded_at),
            quantity: Quantity::ZERO,
            value: Total::ZERO,
        });
        day.quantity = day.quantity.plus(fact.difference());
        day.value = day.value.plus(fact.worth());
    }
}

fn key(product: ProductId, day: NaiveDate) -> Uuid {
    derive(product, &format!("stock on {day}"))
}

/// Of which day, and of which products.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub date: NaiveDate,
    pub product: Option<ProductId>,
    /// Those that come after it, in the order of their ids.
    pub after: Option<ProductId>,
    pub limit: u8,
}

/// What lay there at the end of a day.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    pub date: NaiveDate,
    /// In the order of their ids; products of which there was nothing are not among them.
    pub items: Vec<BalanceOfProduct>,
    /// What to ask for as `after`, where there are more.
    pub after: Option<Uuid>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BalanceOfProduct {
    pub product_id: Uuid,
    pub product_code: String,
    pub product_name: String,
    pub unit: String,
    pub currency: Currency,
    pub quantity: Quantity,
    /// For those who may see what goods cost.
    pub value: Option<Total>,
}

/// What lay there at the end of a day: a JSON object, [`Balance`].
pub async fn balance(reader: Reader<'_>, asked: Asked) -> Result<Box<RawValue>, ViewError> {
    let sees_costs = (reader.may)(Permission::FinanceView) || (reader.may)(Permission::StockUpdate);
    let mut session = reader.enter().await?;
    let text: String = sqlx::query_scalar(AssertSqlSafe(sql(reader.schema)))
        .bind(asked.date)
        .bind(asked.product.map(Uuid::from))
        .bind(asked.after.map(Uuid::from))
        .bind(i64::from(asked.limit))
        .bind(sees_costs)
        .fetch_one(&mut *session)
        .await?;
    session.leave();
    Ok(RawValue::from_string(text)?)
}

/// One more than asked for tells whether there are more.
fn sql(schema: &str) -> String {
    format!(
        "with found as (select d.product_id, sum(d.quantity) as quantity, sum(d.value) as value from {schema}.stock_days d \
           where d.date <= $1 and ($2::uuid is null or d.product_id = $2) and ($3::uuid is null or d.product_id > $3) \
           group by d.product_id having sum(d.quantity) <> 0 or sum(d.value) <> 0 order by d.product_id limit $4 + 1), \
         page as (select * from found order by product_id limit $4) \
         select json_build_object('date', $1::date, 'items', coalesce((select json_agg(json_build_object('productId', p.product_id, \
           'productCode', l.product_code, 'productName', l.product_name, 'unit', l.unit, 'currency', l.currency, \
           'quantity', trim_scale(p.quantity), 'value', case when $5 then trim_scale(p.value) end) order by p.product_id) \
           from page p join {schema}.stock_levels l on l.id = p.product_id), '[]'), \
         'after', case when (select count(*) from found) > $4 then (select p.product_id from page p order by p.product_id desc limit 1) end)::text"
    )
}
