//! Quotes of deals, a row each version. They are folded from the deals' events; who may see a deal may see what it offers.

use super::deal;
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Part, Scope, View, Within},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Choice, Fact, Money,
    finance::Currency,
    sales::{
        deal::{DealEvent, Quote, QuoteStatus},
        line::Line,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    /// The deal's when this was last changed.
    pub version: i64,
    pub deal_id: Uuid,
    /// Which version of the deal's offer it is, from 1.
    pub number: u32,
    pub status: QuoteStatus,
    pub items: Vec<Line>,
    pub amount: Money,
    pub currency: Currency,
    pub valid_until: Option<NaiveDate>,
    pub notes: Option<String>,
    pub accepted_by: Option<String>,
    /// Why it was declined.
    pub reason: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "quotes";
    const SQL: &'static str = include_str!("../../../migrations/tenant/quotes.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("deal_id", K::Uuid),
            Column::new("number", K::Number),
            Column::new("status", K::Choice(QuoteStatus::WORDS)),
            Column::new("items", K::Json),
            Column::new("amount", K::Number),
            Column::new("currency", K::Text),
            Column::new("valid_until", K::Date).nullable(),
            Column::new("notes", K::Text).nullable(),
            Column::new("accepted_by", K::Text).nullable(),
            Column::new("reason", K::Text).nullable(),
            Column::new("sent_at", K::Time).nullable(),
            Column::new("answered_at", K::Time).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("deal_id", self.deal_id.to_string())]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Deal(DealEvent::QuoteMade(quote)) => {
                let replaced = quote.replaces.map(Uuid::from);
                [quote.quote_id.into()].into_iter().chain(replaced).collect()
            }
            Fact::Deal(
                DealEvent::QuoteSent { quote_id }
                | DealEvent::QuoteAccepted { quote_id, .. }
                | DealEvent::QuoteDeclined { quote_id, .. },
            ) => vec![(*quote_id).into()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Deal(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let (DealEvent::QuoteMade(quote), None) = (fact, &row)
            && quote.quote_id.uuid() == key
        {
            *row = Some(made(quote, event.id(), at));
        }
        let Some(quote) = row else { return };
        match fact {
            DealEvent::QuoteMade(newer) if newer.replaces.map(Uuid::from) == Some(key) => {
                quote.status = QuoteStatus::Replaced;
            }
            DealEvent::QuoteSent { .. } => (quote.status, quote.sent_at) = (QuoteStatus::Sent, Some(at)),
            DealEvent::QuoteAccepted { by, .. } => {
                (quote.status, quote.answered_at) = (QuoteStatus::Accepted, Some(at));
                quote.accepted_by.clone_from(by);
            }
            DealEvent::QuoteDeclined { reason, .. } => {
                (quote.status, quote.answered_at) = (QuoteStatus::Declined, Some(at));
                quote.reason.clone_from(reason);
            }
            _ => {}
        }
        (quote.version, quote.updated_at) = (event.recorded.version, at);
    }
}

fn made(quote: &Quote, deal: Uuid, at: DateTime<Utc>) -> Row {
    Row {
        id: quote.quote_id.into(),
        version: 0,
        deal_id: deal,
        number: quote.number,
        status: QuoteStatus::Draft,
        items: quote.items.clone(),
        amount: quote.amount,
        currency: quote.currency.clone(),
        valid_until: quote.valid_until,
        notes: quote.notes.clone(),
        accepted_by: None,
        reason: None,
        sent_at: None,
        answered_at: None,
        created_at: at,
        updated_at: at,
    }
}

impl View for Row {
    const WITHIN: Option<Within> = Some(Within {
        table: deal::Row::NAME,
        by: "deal_id",
        owned: deal::OWNED,
    });
    const SEARCH: &'static str = "reading.folded(coalesce(t.notes, ''))";
}

impl Part for Row {
    type Whole = deal::Row;

    fn of(schema: &str, deal: Uuid) -> Scope {
        deal::scope::<Self>(schema, deal)
    }
}
