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
    id::{DealId, QuoteId},
    sales::{
        deal::{Deal, DealRejection},
        line::Line,
    },
    time,
};
use projections::{
    sales::{deal, quote},
    view::{One, Reader, View, ViewError},
};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

/// What stands on the paper, from a row or from the deal itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    #[serde(default)]
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
    let read = async |reader: Reader<'_>| -> Result<_, ViewError> {
        let offered = seen::<quote::Row>(reader, quote.into()).await?;
        Ok((offered, seen::<deal::Row>(reader, deal.into()).await?))
    };
    let (offered, subject) = view::as_reader_at(&app, &caller, None, read).await?;
    let offered: Offered = read_from(offered)?;
    let subject: Subject = read_from(subject)?;
    if offered.deal_id != Uuid::from(deal) {
        return Err(missing());
    }
    printed(&app, caller.workspace_id().into(), language, &subject, &offered).await
}

pub async fn pdf_by_link(
    State(app): State<App>,
    language: Language,
    Body { value, .. }: Body<Said>,
) -> Result<Pdf, Problem> {
    let Ticket { workspace, deal, quote } = Ticket::of(&app, &value).await?;
    let deal = app.executor.look::<Deal, DealRejection>(workspace, deal).await?.state;
    let shown = deal.offered(quote).ok_or_else(missing)?;
    let subject = Subject {
        title: shown.title.to_owned(),
        customer_name: shown.customer_name.map(str::to_owned),
    };
    let offered = Offered {
        deal_id: Uuid::nil(),
        number: shown.quote.number,
        items: shown.quote.items.clone(),
        amount: shown.quote.amount,
        currency: shown.quote.currency.clone(),
        valid_until: shown.quote.valid_until,
        notes: shown.quote.notes.clone(),
        created_at: None,
    };
    printed(&app, workspace.into(), language, &subject, &offered).await
}

async fn seen<V: View>(reader: Reader<'_>, id: Uuid) -> Result<Option<One>, ViewError> {
    projections::view::one::<V>(reader, id).await
}

fn read_from<T: DeserializeOwned>(found: Option<One>) -> Result<T, Problem> {
    let found = found.ok_or_else(missing)?;
    serde_json::from_str(found.item.get()).map_err(|error| {
        tracing::error!(%error, "an offer cannot be read to be printed");
        Problem::internal()
    })
}

async fn printed(
    app: &App,
    workspace: Uuid,
    language: Language,
    subject: &Subject,
    offered: &Offered,
) -> Result<Pdf, Problem> {
    let seller = "select o.name, o.bin from platform.organizations o join platform.workspaces w \
        on w.organization_id = o.id where w.id = $1";
    let seller = sqlx::query_as::<_, (String, String)>(seller).bind(workspace);
    let seller = seller.fetch_optional(&app.pool).await?;
    let word = |key| word(language, key);
    let seller = seller.map(|(name, bin)| format!("{name}, {} {bin}", word("bin")));
    let day = |day| paper::day(language, day);
    let facts = [
        ("seller", seller),
        ("customer", subject.customer_name.clone()),
        ("subject", Some(subject.title.clone())),
        ("made", offered.created_at.map(|at| day(time::local_date(at)))),
        ("valid", offered.valid_until.map(day)),
    ];
    let facts = facts.into_iter().filter_map(|(key, words)| Some((word(key), words?)));
    let paper = Paper {
        language: language.code().to_owned(),
        title: format!("{} № {}", word("quote"), offered.number),
        facts: facts.collect(),
        columns: columns(language),
        rows: offered
            .items
            .iter()
            .enumerate()
            .map(|(place, line)| row(language, place + 1, line, &offered.currency))
            .collect(),
        totals: totals(language, offered),
        note: offered.notes.clone(),
        page: word("page"),
    };
    Pdf::of(paper, format!("quote-{}", offered.number)).await
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
fn totals(language: Language, offered: &Offered) -> Vec<(String, String)> {
    let amount = |key, money| (word(language, key), paper::amount(language, money, &offered.currency));
    let taxes: Option<Vec<Money>> = offered.items.iter().map(|line| line.tax_amount).collect();
    let tax = taxes.and_then(Money::checked_sum).filter(|tax| !tax.is_zero());
    let tax = tax.map(|tax| amount("tax", tax));
    tax.into_iter().chain([amount("total", offered.amount)]).collect()
}
