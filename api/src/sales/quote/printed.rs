//! A version of an offer as a PDF: for those who may see the deal, any version of it; for whoever has the link, what they are shown.

use super::{Said, Ticket, missing};
use crate::{
    extract::{Body, May, ParamWithin, Within, rights::DealsView},
    i18n::Language,
    paper::{self, Pdf, Wanted, word},
    problem::Problem,
    state::App,
    view,
};
use ::paper::{Column, Paper};
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Money,
    finance::Currency,
    id::{DealId, QuoteId, WorkspaceId},
    sales::{
        deal::{Deal, DealRejection, Offered},
        line::Line,
    },
    time,
};
use projections::{
    sales::{deal, quote},
    view::{One, Reader, ViewError, one},
};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::PgPool;
use uuid::Uuid;

/// A version of an offer, from its row or from the deal itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    deal_id: Uuid,
    number: u32,
    items: Vec<Line>,
    amount: Money,
    currency: Currency,
    valid_until: Option<NaiveDate>,
    notes: Option<String>,
    created_at: Option<DateTime<Utc>>,
}

/// What it is about and for whom.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    title: String,
    customer_name: Option<String>,
}

pub async fn pdf(
    State(app): State<App>,
    caller: May<DealsView>,
    Within(deal): Within<DealId>,
    ParamWithin(quote): ParamWithin<QuoteId>,
    Wanted(language): Wanted,
) -> Result<Pdf, Problem> {
    let read = async |reader: Reader<'_>| {
        let version = one::<quote::Row>(reader, quote.into()).await?;
        let subject = one::<deal::Row>(reader, deal.into()).await?;
        Ok::<_, ViewError>((version, subject))
    };
    let (version, subject) = view::as_reader_at(&app, &caller, None, read).await?;
    let version: Version = read_from(version)?;
    let subject: Subject = read_from(subject)?;
    if version.deal_id != deal.uuid() {
        return Err(missing());
    }
    printed(&app, caller.workspace_id(), language, &subject, &version).await
}

pub async fn pdf_by_link(
    State(app): State<App>,
    language: Language,
    Body { value, .. }: Body<Said>,
) -> Result<Pdf, Problem> {
    let ticket = Ticket::of(&app, &value).await?;
    let deal = app.executor.look::<Deal, DealRejection>(ticket.workspace, ticket.deal);
    let deal = deal.await?.state;
    let shown = deal.offered(ticket.quote).ok_or_else(missing)?;
    pdf_for_customer(&app, ticket, language, shown).await
}

/// What whoever has the link is shown.
pub(super) async fn pdf_for_customer(
    app: &App,
    ticket: Ticket,
    language: Language,
    shown: Offered<'_>,
) -> Result<Pdf, Problem> {
    let subject = Subject {
        title: shown.title.to_owned(),
        customer_name: shown.customer_name.map(str::to_owned),
    };
    let version = Version {
        deal_id: ticket.deal.uuid(),
        number: shown.quote.number,
        items: shown.quote.items.clone(),
        amount: shown.quote.amount,
        currency: shown.quote.currency.clone(),
        valid_until: shown.quote.valid_until,
        notes: shown.quote.notes.clone(),
        created_at: None,
    };
    printed(app, ticket.workspace, language, &subject, &version).await
}

fn read_from<T: DeserializeOwned>(found: Option<One>) -> Result<T, Problem> {
    let found = found.ok_or_else(missing)?;
    serde_json::from_str(found.item.get()).map_err(|error| {
        tracing::error!(%error, "an offer cannot be read to be printed");
        Problem::internal()
    })
}

/// Who offers: the company, or the workspace of somebody who has none, and the company's BIN.
pub(super) async fn seller(pool: &PgPool, workspace: WorkspaceId) -> Result<(String, Option<String>), sqlx::Error> {
    let seller = "select coalesce(o.name, w.name), o.bin from platform.workspaces w \
        left join platform.organizations o on o.id = w.organization_id where w.id = $1";
    let seller = sqlx::query_as(seller).bind(workspace.uuid());
    seller.fetch_one(pool).await
}

async fn printed(
    app: &App,
    workspace: WorkspaceId,
    language: Language,
    subject: &Subject,
    version: &Version,
) -> Result<Pdf, Problem> {
    let word = |key| word(language, key);
    let day = |day| paper::day(language, day);
    let seller = match seller(&app.pool, workspace).await? {
        (name, Some(bin)) => format!("{name}, {} {bin}", word("bin")),
        (name, None) => name,
    };
    let facts = [
        ("seller", Some(seller)),
        ("customer", subject.customer_name.clone()),
        ("subject", Some(subject.title.clone())),
        ("made", version.created_at.map(|at| day(time::local_date(at)))),
        ("valid", version.valid_until.map(day)),
    ];
    let facts = facts.into_iter().filter_map(|(key, words)| Some((word(key), words?)));
    let lines = version.items.iter().enumerate();
    let paper = Paper {
        language: language.code().to_owned(),
        title: format!("{} № {}", word("quote"), version.number),
        facts: facts.collect(),
        columns: columns(language),
        rows: lines
            .map(|(place, line)| row(language, place + 1, line, &version.currency))
            .collect(),
        totals: totals(language, version),
        note: version.notes.clone(),
        page: word("page"),
    };
    Pdf::of(paper, format!("quote-{}", version.number)).await
}

fn columns(language: Language) -> Vec<Column> {
    let column = |title, share, is_amount| Column {
        title,
        share,
        is_amount,
    };
    let amounts = [
        ("quantity", 9),
        ("price", 17),
        ("discount", 10),
        ("vat", 9),
        ("sum", 18),
    ];
    let amounts = amounts.map(|(key, share)| column(word(language, key), share, true));
    let names = [
        column("№".to_owned(), 5, false),
        column(word(language, "name"), 32, false),
    ];
    names.into_iter().chain(amounts).collect()
}

fn row(language: Language, place: usize, line: &Line, currency: &Currency) -> Vec<String> {
    vec![
        place.to_string(),
        line.product_name.clone(),
        paper::quantity(language, line.quantity),
        paper::amount(language, line.unit_price, currency),
        paper::percent(language, line.discount),
        paper::percent(language, line.tax),
        paper::amount(language, line.total_price, currency),
    ]
}

/// The tax only where every line has kept how much of it is tax.
fn totals(language: Language, version: &Version) -> Vec<(String, String)> {
    let amount = |key, money| (word(language, key), paper::amount(language, money, &version.currency));
    let taxes: Option<Vec<Money>> = version.items.iter().map(|line| line.tax_amount).collect();
    let tax = taxes.and_then(Money::checked_sum).filter(|tax| !tax.is_zero());
    let tax = tax.map(|tax| amount("tax", tax));
    tax.into_iter().chain([amount("total", version.amount)]).collect()
}
