//! A deal as people see it, with each stay in a stage.

pub mod metrics;
mod sums;

use super::{
    customer,
    order::{self, exposure, pending_reason, unpaid},
};
use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    counts::total_of,
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, Nested, Owned, Related, Scope, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Changes, Choice, Fact, Fields, Money, Percent, Permission,
    id::{DealId, OrderId},
    sales::{
        deal::{DealEvent, Details, Document, LossReason, Place, Stage},
        line::{self, Line},
        order::OrderEvent,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub deal_number: String,
    pub stage: Stage,
    /// Of the workspace's own; none: the pipeline that every workspace has.
    pub pipeline_id: Option<Uuid>,
    pub pipeline_stage_id: Option<Uuid>,
    /// The same with what they were called.
    pub place: Option<Place>,
    /// `value` here is what is shown: the estimate, else the sum of the lines.
    #[serde(flatten)]
    pub details: Details,
    /// The value somebody named.
    pub estimate: Option<Money>,
    /// The probability that somebody named, else that of its stage; what is over is certain.
    pub effective_probability: Percent,
    pub products: Vec<Line>,
    pub timeline: Vec<Stay>,
    pub documents: Vec<Paper>,
    pub final_amount: Option<Money>,
    pub actual_close_date: Option<NaiveDate>,
    pub lost_reason: Option<String>,
    /// What that counts under.
    pub lost_category: Option<LossReason>,
    pub competitor_won: Option<String>,
    pub won_at: Option<DateTime<Utc>>,
    pub lost_at: Option<DateTime<Utc>>,
    /// When the order that it was won for was cancelled: it stays won.
    pub order_cancelled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One stay in a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    pub stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_stage_id: Option<Uuid>,
    pub entered_at: DateTime<Utc>,
    pub exited_at: Option<DateTime<Utc>>,
}

/// A document, and since when it is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paper {
    pub id: Uuid,
    #[serde(flatten)]
    pub document: Document,
    pub uploaded_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "deals";
    const SQL: &'static str = include_str!("../../../migrations/tenant/deals.sql");
    const FOLD: u32 = 3;

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("deal_number", K::Text),
            Column::new("stage", K::Choice(Stage::WORDS)),
            Column::new("pipeline_id", K::Uuid).nullable(),
            Column::new("pipeline_stage_id", K::Uuid).nullable(),
            Column::new("place", K::Hidden).nullable(),
            Column::new("estimate", K::Hidden).nullable(),
            Column::new("effective_probability", K::Number),
            Column::new("actual_close_date", K::Date).nullable(),
            Column::new("products", K::Json),
            Column::new("timeline", K::Hidden),
            Column::new("documents", K::Hidden),
            Column::new("final_amount", K::Number).nullable(),
            Column::new("lost_reason", K::Text).nullable(),
            Column::new("lost_category", K::Choice(LossReason::WORDS)).nullable(),
            Column::new("competitor_won", K::Text).nullable(),
            Column::new("won_at", K::Time).nullable(),
            Column::new("lost_at", K::Time).nullable(),
            Column::new("order_cancelled_at", K::Time).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Details::FIELDS.iter().map(|field| match field.name {
            "value" => Column::new("value", K::Number), // never empty here: else it is the sum of the lines
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("stage", word(self.stage))]
    }

    fn summed(&self) -> Vec<(&'static str, String, i64)> {
        sums::lines(self)
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Deal(_) => vec![event.id()],
            // Of its own order: another one by hand for the same deal is none of its.
            Fact::Order(OrderEvent::Cancelled(cancelled)) => {
                let own = |deal: &DealId| OrderId::of_deal(*deal).uuid() == event.id();
                cancelled.deal_id.filter(own).map(Into::into).into_iter().collect()
            }
            _ => vec![],
        }
    }

    const HOLDERS: &'static str = "customer_id = any($1) and stage <> 'WON'";

    /// Deals follow their customer's name; a won one keeps what its documents say.
    fn concerns(event: &Seen) -> Option<Uuid> {
        match &event.fact {
            Fact::Customer(fact) if fact.renames().is_some() => Some(event.id()),
            _ => None,
        }
    }

    fn held(&self) -> Option<Uuid> {
        self.details
            .customer_id
            .map(Uuid::from)
            .filter(|_| self.stage != Stage::Won)
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        if let (Some(deal), Fact::Customer(fact)) = (row.as_mut(), &event.fact) {
            deal.details.customer_name = fact.renames().cloned().or(deal.details.customer_name.take());
        }
        if let (Some(deal), Fact::Order(OrderEvent::Cancelled(_))) = (row.as_mut(), &event.fact) {
            deal.order_cancelled_at = Some(event.recorded.recorded_at);
        }
        let Fact::Deal(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let DealEvent::Created {
            deal_number,
            stage,
            details,
            products,
            ..
        } = fact
        {
            *row = Some(Self {
                id: key,
                version: 0,
                deal_number: deal_number.to_string(),
                stage: *stage,
                pipeline_id: None,
                pipeline_stage_id: None,
                place: None,
                estimate: details.value,
                effective_probability: Percent::ZERO,
                details: details.as_ref().clone(),
                products: products.clone(),
                timeline: vec![],
                documents: vec![],
                final_amount: None,
                actual_close_date: None,
                lost_reason: None,
                lost_category: None,
                competitor_won: None,
                won_at: None,
                lost_at: None,
                order_cancelled_at: None,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(deal) = row else { return };
        deal.apply(fact, at);
        deal.details.value = deal.estimate.or_else(|| line::sum(&deal.products));
        deal.effective_probability = deal.likelihood();
        (deal.version, deal.updated_at) = (event.recorded.version, at);
    }
}

impl Row {
    fn apply(&mut self, event: &DealEvent, at: DateTime<Utc>) {
        match event {
            DealEvent::Created { stage, pipeline, .. } => self.stand(*stage, pipeline.as_ref(), at),
            DealEvent::Updated { change, products } => {
                self.details.apply(change);
                change.value.apply(&mut self.estimate);
                if let Some(products) = products {
                    self.products.clone_from(products);
                }
            }
            DealEvent::StageChanged { to, pipeline, .. } => {
                self.stand(*to, pipeline.as_ref(), at);
                (self.lost_at, self.lost_reason, self.competitor_won) = (None, None, None);
                self.lost_category = None;
            }
            DealEvent::Won(won) => {
                self.enter(Stage::Won, at);
                self.details.customer_name.clone_from(&won.customer_name);
                self.final_amount = Some(won.amount);
                self.actual_close_date = won.actual_close_date;
                self.won_at = Some(at);
            }
            DealEvent::Lost { reason, competitor, .. } => {
                self.enter(Stage::Lost, at);
                self.lost_category = Some(LossReason::of(reason));
                self.lost_reason = Some(reason.clone());
                self.competitor_won.clone_from(competitor);
                self.lost_at = Some(at);
            }
            DealEvent::DocumentAttached { document_id, document } => self.documents.push(Paper {
                id: (*document_id).into(),
                document: document.as_ref().clone(),
                uploaded_at: at,
            }),
            DealEvent::DocumentRemoved { document_id } => {
                self.documents.retain(|paper| paper.id != document_id.uuid());
            }
            // They have rows of their own.
            DealEvent::QuoteMade(_)
            | DealEvent::QuoteSent { .. }
            | DealEvent::QuoteAccepted { .. }
            | DealEvent::QuoteDeclined { .. } => {}
        }
    }

    /// How likely it is to be won, in percent: what is over is certain.
    fn likelihood(&self) -> Percent {
        let of_place = || self.place.as_ref().and_then(|place| place.probability);
        let said = self.details.probability.or_else(of_place);
        let said = said.filter(|_| self.stage.is_open());
        said.unwrap_or_else(|| self.stage.probability())
    }

    /// An open stage, and where that is in a pipeline.
    fn stand(&mut self, stage: Stage, place: Option<&Place>, at: DateTime<Utc>) {
        self.pipeline_id = place.map(|place| place.pipeline_id.into());
        self.pipeline_stage_id = place.map(|place| place.stage_id.into());
        self.place = place.cloned();
        self.enter(stage, at);
    }

    fn enter(&mut self, stage: Stage, at: DateTime<Utc>) {
        if let Some(stay) = self.timeline.last_mut() {
            stay.exited_at = Some(at);
        }
        self.timeline.push(Stay {
            stage,
            pipeline_stage_id: self.pipeline_stage_id.filter(|_| stage.is_open()),
            entered_at: at,
            exited_at: None,
        });
        self.stage = stage;
    }
}

/// Whose they are.
pub(crate) const OWNED: Option<Owned> = Some(Owned {
    right: Permission::DealsView,
    user: "assigned_to",
    department: None,
});

/// What there is of that kind about a deal, and how many they are.
pub(super) fn scope<V: View>(schema: &str, deal: Uuid) -> Scope {
    Scope {
        alternatives: vec!["t.deal_id = {1}::uuid".to_owned()],
        condition: None,
        values: vec![deal.to_string()],
        total: Some(total_of(schema, V::NAME, "deal_id", &["{1}".to_owned()])),
    }
}

impl View for Row {
    const OWNED: Option<Owned> = OWNED;
    const COUNTED: &'static [&'static str] = &["stage"];
    const SEARCH: &'static str = "t.search_text";
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[
        ("minValue", "value", Op::Gte),
        ("maxValue", "value", Op::Lte),
        ("dateFrom", "createdAt", Op::Gte),
        ("dateTo", "createdAt", Op::Lte),
    ];
    const SHOWN: &'static [Computed] = &[
        Computed::new(
            "pipeline",
            K::Json,
            "(select json_build_object('id', t.pipeline_id, 'name', coalesce(p.name, t.place->>'pipelineName'), 'stageId', t.pipeline_stage_id, \
             'stageName', coalesce((select s.stage->>'name' from jsonb_array_elements(p.stages) s(stage) where s.stage->>'id' = t.pipeline_stage_id::text limit 1), \
             t.place->>'stageName')) from (select 1) one left join {s}.pipelines p on p.id = t.pipeline_id where t.pipeline_id is not null)",
        ),
        Computed::new(
            "metrics",
            K::Json,
            "json_build_object('daysInPipeline', reading.day(coalesce(t.won_at, t.lost_at, reading.moment())) - reading.day(t.created_at), \
         'daysInStage', reading.day(coalesce(t.won_at, t.lost_at, reading.moment())) - reading.day(coalesce((t.timeline->-1->>'enteredAt')::timestamptz, t.created_at)), \
         'weightedValue', trim_scale(round(t.value * t.effective_probability / 100, 2)), \
         'activitiesCount', coalesce((select c.total from {s}.counts c where c.name = 'activities' and c.field = 'deal_id' and c.value = t.id::text), 0), \
         'lastActivityDate', (select reading.day(max(a.date)) from {s}.activities a where a.deal_id = t.id and a.date <= reading.moment()))",
        ),
    ];
    const RELATED: &'static [Related] = &[customer::RELATED];
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "customer",
            K::Json,
            // The name is the deal's as well; how to reach the customer is known to whoever may see them.
            "(select jsonb_build_object('id', c.id, 'name', c.name, 'type', c.type) || case when {reached} then jsonb_build_object('email', c.email) \
             else '{}' end from {s}.customers c where c.id = t.customer_id)",
        )
        .right(Permission::CustomersView)
        .owned(customer::OWNED),
        Computed::new(
            "products",
            K::Json,
            "(select coalesce(json_agg(l.line || jsonb_build_object('product', jsonb_build_object('name', l.line->'productName', 'code', l.line->'productCode')) order by l.nth), '[]') \
             from jsonb_array_elements(t.products) with ordinality l(line, nth))",
        ),
        // Of the order that it became, while that is pending.
        Computed::new(
            "orderPendingReason",
            K::Text,
            concat!(
                "(select ",
                pending_reason!("p", "p.customer_id"),
                " from {s}.orders p where p.deal_id = t.id order by p.created_at, p.id limit 1)"
            ),
        )
        .nullable()
        .right(Permission::OrdersView),
        Computed::new(
            "timeline",
            K::Json,
            "(select coalesce(json_agg(json_build_object('stage', s.stay->'stage', 'pipelineStageId', s.stay->'pipelineStageId', 'enteredAt', reading.day((s.stay->>'enteredAt')::timestamptz), \
             'exitedAt', reading.day((s.stay->>'exitedAt')::timestamptz)) order by s.nth), '[]') from jsonb_array_elements(t.timeline) with ordinality s(stay, nth))",
        ),
        Computed::new(
            "documents",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', d.paper->'id', 'name', d.paper->'name', 'type', d.paper->'type', 'url', d.paper->'url', \
             'uploadedAt', reading.day((d.paper->>'uploadedAt')::timestamptz)) order by d.nth), '[]') from jsonb_array_elements(t.documents) with ordinality d(paper, nth))",
        ),
    ];
    const NESTED: &'static [Nested] = &[
        Nested::new(
            "orders",
            "orders",
            "deal_id",
            "json_build_object('id', n.id, 'orderNumber', n.order_number, 'status', n.status, 'totalAmount', n.total_amount, 'currency', n.currency)",
        )
        .rest("/orders?dealId=")
        .right(Permission::OrdersView)
        .owned(order::OWNED),
        // Who sees the deal sees them.
        Nested::new(
            "activities",
            "activities",
            "deal_id",
            "json_build_object('id', n.id, 'type', n.type, 'subject', n.subject, 'date', reading.day(n.date), 'duration', n.duration, 'notes', n.notes, \
             'outcome', n.outcome, 'nextStep', n.next_step, 'nextStepDate', n.next_step_date, 'participants', n.participants, \
             'authorId', n.author_id, 'authorName', n.author_name)",
        )
        .rest("/activities?dealId="),
        Nested::new(
            "quotes",
            "quotes",
            "deal_id",
            "json_build_object('id', n.id, 'number', n.number, 'status', n.status, 'amount', n.amount, 'currency', n.currency, 'validUntil', n.valid_until)",
        )
        .rest("/quotes?dealId="),
    ];
}

/// When a deal was won and lost, as its row has it.
pub async fn closed_at(readers: &Readers, schema: &str, deal: Uuid) -> Result<Closed, sqlx::Error> {
    let closed = format!("select won_at, lost_at from {schema}.deals where id = $1");
    let mut session = readers.enter(schema).await?;
    let closed = sqlx::query_as(AssertSqlSafe(closed))
        .bind(deal)
        .fetch_optional(&mut *session)
        .await?;
    session.leave();
    Ok(closed
        .map(|(won_at, lost_at)| Closed { won_at, lost_at })
        .unwrap_or_default())
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closed {
    pub won_at: Option<DateTime<Utc>>,
    pub lost_at: Option<DateTime<Utc>>,
}
