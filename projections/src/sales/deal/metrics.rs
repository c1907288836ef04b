//! Summaries of deals, read from the lines that are kept with them (`sums`): as exact and as quick with a million deals as with ten.

use super::{
    OWNED, Row,
    sums::{
        CLOSED, CLOSED_DAYS, CLOSED_VALUE, REACHED, STANDING, STANDING_VALUE, STANDING_WEIGHTED, STAYS, STAYS_SECONDS,
    },
};
use crate::{
    Table,
    view::{Reader, ViewError, reached_users},
};
use domain::{
    Choice, Percent, Quantity, Total,
    id::{PipelineId, UserId},
    sales::deal::{LossReason, Stage},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::AssertSqlSafe;

/// Which deals are summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub assigned_to: Option<UserId>,
    /// One of the workspace's own.
    pub pipeline: Option<PipelineId>,
    /// The first and the last month of what was won and lost, as `2026-11`.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// How deals stand now, and how they ended in the months asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// All there are.
    pub total: u32,
    pub in_pipeline: u32,
    pub won: u32,
    pub lost: u32,
    /// Of a hundred that were won or lost, those won; nothing before the first.
    pub win_rate: Option<Percent>,
    /// Days from a deal's first to its winning.
    pub average_cycle_time: Option<Quantity>,
    pub currencies: Vec<OfCurrency>,
    /// The open ones, in their order.
    pub stages: Vec<OfStage>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfCurrency {
    pub currency: String,
    pub in_pipeline: u32,
    pub pipeline_value: Total,
    /// Each value by its probability.
    pub weighted_value: Total,
    pub won: u32,
    pub won_value: Total,
    /// Nothing before the first that was won.
    pub average_value: Option<Total>,
    pub lost: u32,
    pub lost_value: Total,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfStage {
    pub stage: Stage,
    /// In it now.
    pub count: u32,
    pub values: Vec<ValueInStage>,
    /// Of stays that are over.
    pub average_days: Option<Quantity>,
    /// Ever in it, …
    pub reached: u32,
    /// … and of these those that were won since, …
    pub won: u32,
    /// … and lost.
    pub lost: u32,
    /// Of a hundred that were in it and are over, those won.
    pub conversion: Option<Percent>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueInStage {
    pub currency: String,
    pub count: u32,
    pub value: Total,
    pub weighted_value: Total,
}

/// Why deals were lost.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostReasons {
    pub total: u32,
    /// The most frequent first.
    pub reasons: Vec<LostBy<LossReason>>,
    /// Who won instead, where that was said: the twenty most frequent.
    pub competitors: Vec<LostBy<String>>,
    /// Months as `2026-11`, the latest first.
    pub months: Vec<LostBy<String>>,
}

/// Lost for that reason, to that competitor, or in that month.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LostBy{T}")]
pub struct LostBy<T> {
    pub name: T,
    pub count: u32,
    /// Of a hundred.
    pub share: Percent,
    pub values: Vec<LostValue>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostValue {
    pub currency: String,
    pub count: u32,
    pub value: Total,
}

/// How deals stand, and how they ended: a JSON object, [`Metrics`].
pub async fn metrics(reader: Reader<'_>, asked: &Asked) -> Result<Box<RawValue>, ViewError> {
    read(reader, asked, &FIELDS, &metrics_sql()).await
}

/// Why deals were lost: a JSON object, [`LostReasons`].
pub async fn lost_reasons(reader: Reader<'_>, asked: &Asked) -> Result<Box<RawValue>, ViewError> {
    read(reader, asked, &[CLOSED, CLOSED_VALUE], &lost_sql()).await
}

const FIELDS: [&str; 9] = [
    STANDING,
    STANDING_VALUE,
    STANDING_WEIGHTED,
    CLOSED,
    CLOSED_VALUE,
    CLOSED_DAYS,
    STAYS,
    STAYS_SECONDS,
    REACHED,
];

/// The lines of those deals that were asked for and that the reader's right reaches to, as `lines (field, k, total)`.
fn lines(schema: &str) -> String {
    let all = format!(
        "select c.field, case when c.field = any($1) then c.value::jsonb end as k, c.total from {schema}.counts c \
         where c.name = '{}' and c.field = any($1)",
        Row::NAME
    );
    format!(
        "with lines as materialized (select l.field, l.k, l.total from ({all}) l \
         where ($2::text[] is null or l.k->>0 = any($2)) and ($3::text is null or l.k->>0 = $3) \
         and ($6::text is null or l.k->>1 = $6) and (l.field not like 'closed%' or (($4::text is null or l.k->>2 >= $4) and ($5::text is null or l.k->>2 <= $5))))"
    )
}

/// Only of the fields that the summary speaks of is a line's key read.
async fn read(reader: Reader<'_>, asked: &Asked, fields: &[&str], summary: &str) -> Result<Box<RawValue>, ViewError> {
    let sql = format!("{}{summary}", lines(reader.schema));
    let users: Option<Vec<String>> =
        reached_users(reader, OWNED).map(|users| users.iter().map(ToString::to_string).collect());
    let mut session = reader.enter().await?;
    let text: String = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(fields)
        .bind(users)
        .bind(asked.assigned_to.map(|user| user.to_string()))
        .bind(asked.from.as_deref())
        .bind(asked.to.as_deref())
        .bind(asked.pipeline.map(|pipeline| pipeline.to_string()))
        .fetch_one(&mut *session)
        .await?;
    session.leave();
    Ok(RawValue::from_string(text)?)
}

/// An expression's amount, from the smallest unit.
fn amount(units: &str) -> String {
    format!("trim_scale(round(coalesce({units}, 0) / 100, 2))")
}

/// `part` of a hundred of `whole`; nothing of nothing.
fn share(part: &str, whole: &str) -> String {
    format!("trim_scale(round(100 * coalesce({part}, 0) / nullif({whole}, 0), 2))")
}

fn metrics_sql() -> String {
    let sum = |field: &str| format!("coalesce(sum(l.total) filter (where l.field = '{field}'), 0)");
    let (n, value, weighted) = (sum(STANDING), sum(STANDING_VALUE), sum(STANDING_WEIGHTED));
    let (ended, worth, days) = (sum(CLOSED), sum(CLOSED_VALUE), sum(CLOSED_DAYS));
    let (stays, seconds) = (sum(STAYS), sum(STAYS_SECONDS));
    let open = Stage::ALL.iter().filter(|stage| stage.is_open());
    let stages: Vec<String> = open.map(|stage| format!("'{}'", stage.as_str())).collect();
    let win_rate = share("sum(n) filter (where stage = 'WON')", "sum(n)");
    let conversion = share("r.won", "(r.won + r.lost)");
    format!(
        ", standing as (select l.k->>2 as stage, l.k->>3 as currency, {n} as n, {value} as value, {weighted} as weighted from lines l \
           where l.field like 'standing%' group by 1, 2 having {n} <> 0), \
         open as (select * from standing where stage not in ('WON', 'LOST')), \
         closed as (select l.k->>3 as stage, l.k->>4 as currency, {ended} as n, {worth} as value, {days} as days from lines l \
           where l.field like 'closed%' group by 1, 2 having {ended} <> 0), \
         stays as (select l.k->>2 as stage, {stays} as n, {seconds} as seconds from lines l where l.field like 'stays%' group by 1), \
         reached as (select l.k->>2 as stage, sum(l.total) as n, coalesce(sum(l.total) filter (where l.k->>3 = 'WON'), 0) as won, \
           coalesce(sum(l.total) filter (where l.k->>3 = 'LOST'), 0) as lost from lines l where l.field = '{REACHED}' group by 1), \
         by_currency as (select c.currency, \
           (select coalesce(sum(o.n), 0) from open o where o.currency = c.currency) as n, \
           (select sum(o.value) from open o where o.currency = c.currency) as value, \
           (select sum(o.weighted) from open o where o.currency = c.currency) as weighted, \
           (select coalesce(sum(e.n), 0) from closed e where e.currency = c.currency and e.stage = 'WON') as won, \
           (select sum(e.value) from closed e where e.currency = c.currency and e.stage = 'WON') as won_value, \
           (select coalesce(sum(e.n), 0) from closed e where e.currency = c.currency and e.stage = 'LOST') as lost, \
           (select sum(e.value) from closed e where e.currency = c.currency and e.stage = 'LOST') as lost_value \
           from (select currency from standing union select currency from closed) c) \
         select json_build_object( \
           'total', (select coalesce(sum(n), 0) from standing), \
           'inPipeline', (select coalesce(sum(n), 0) from open), \
           'won', (select coalesce(sum(n), 0) from closed where stage = 'WON'), \
           'lost', (select coalesce(sum(n), 0) from closed where stage = 'LOST'), \
           'winRate', (select {win_rate} from closed), \
           'averageCycleTime', (select trim_scale(round(sum(days) / nullif(sum(n), 0), 1)) from closed where stage = 'WON'), \
           'currencies', (select coalesce(json_agg(json_build_object('currency', c.currency, 'inPipeline', c.n, 'pipelineValue', {}, \
             'weightedValue', {}, 'won', c.won, 'wonValue', {}, 'averageValue', trim_scale(round(c.won_value / nullif(c.won, 0) / 100, 2)), \
             'lost', c.lost, 'lostValue', {}) order by c.currency), '[]') from by_currency c), \
           'stages', (select json_agg(json_build_object('stage', s.stage, \
             'count', (select coalesce(sum(o.n), 0) from open o where o.stage = s.stage), \
             'values', (select coalesce(json_agg(json_build_object('currency', o.currency, 'count', o.n, 'value', {}, 'weightedValue', {}) \
               order by o.currency), '[]') from open o where o.stage = s.stage), \
             'averageDays', (select trim_scale(round(t.seconds / nullif(t.n, 0) / 86400, 1)) from stays t where t.stage = s.stage), \
             'reached', coalesce(r.n, 0), 'won', coalesce(r.won, 0), 'lost', coalesce(r.lost, 0), 'conversion', {conversion}) order by s.nth) \
             from unnest(array[{}]) with ordinality s(stage, nth) left join reached r on r.stage = s.stage))::text",
        amount("c.value"),
        amount("c.weighted"),
        amount("c.won_value"),
        amount("c.lost_value"),
        amount("o.value"),
        amount("o.weighted"),
        stages.join(", ")
    )
}

fn lost_sql() -> String {
    let sum = |field: &str| format!("coalesce(sum(l.total) filter (where l.field = '{field}'), 0)");
    let (n, value) = (sum(CLOSED), sum(CLOSED_VALUE));
    // By one part of the key: each with its share, and its value by currency.
    let by = |part: &str, order: &str, most: &str| {
        let share = share("b.n", "(select sum(n) from lost)");
        let amount = amount("v.value");
        format!(
            "(select coalesce(json_agg(json_build_object('name', b.name, 'count', b.n, 'share', {share}, \
             'values', (select json_agg(json_build_object('currency', v.currency, 'count', v.n, 'value', {amount}) order by v.currency) \
               from (select currency, sum(n) as n, sum(value) as value from lost where {part} = b.name group by 1) v)) order by {order}), '[]') \
             from (select {part} as name, sum(n) as n from lost where {part} <> '' group by 1 order by {order} {most}) b)"
        )
    };
    // Within the subquery the same names are its own.
    let (frequent, latest) = ("n desc, name", "name desc");
    format!(
        ", lost as (select l.k->>2 as month, l.k->>4 as currency, l.k->>5 as reason, l.k->>6 as competitor, {n} as n, {value} as value \
           from lines l where l.field like 'closed%' and l.k->>3 = 'LOST' group by 1, 2, 3, 4 having {n} <> 0) \
         select json_build_object('total', (select coalesce(sum(n), 0) from lost), 'reasons', {}, 'competitors', {}, 'months', {})::text",
        by("reason", frequent, ""),
        by("competitor", frequent, "limit 20"),
        by("month", latest, "limit 120"),
    )
}
