//! Quotes: versions of what a deal offers. One is made of the deal's lines, sent as a link, and accepted by whoever has that link,
//! which wins the deal. The link's token is no secret that is kept anywhere: it names the quote and is signed with this
//! installation's key, so that it can be given out again and cannot be guessed.

pub(crate) mod mailed;
mod printed;

use crate::{
    envelope::{self, Envelope},
    extract::{
        Body, Id, May, Param, Write,
        rights::{DealsUpdate, DealsView},
    },
    i18n::Language,
    openapi::{answering, told, told_to_all},
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{extract::State, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::NaiveDate;
use commands::{Context, Error, deal as deals};
use domain::{
    Choice, Money, Rule,
    catalog::product,
    field::{FILLED_LINE, LINE},
    id::{DealId, QuoteId, WorkspaceId},
    identity::workspace::{Workspace, WorkspaceRejection},
    sales::{
        deal::{Deal, DealCommand, DealEvent, DealRejection, Offer, Offered, QuoteStatus},
        line::Line,
    },
};
use projections::sales::quote::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of a signature.
const SIGNATURE: usize = 16;
/// Characters of a name or a reason.
const WORDS_MAX: usize = 500;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/deals/{id}/quotes",
            get_with(
                view::list_within::<Row, DealsView>,
                told("The versions of a deal's offer, the newest first"),
            )
            .post_with(
                make,
                told("A new version of the offer, of the deal's lines as they are; the one before stands no more"),
            ),
        )
        .api_route(
            "/deals/{id}/quotes/{quoteId}/send",
            post_with(
                send,
                told("Marks a version as sent and mails it to the customer; answers the token that its link has"),
            ),
        )
        .api_route(
            "/deals/{id}/quotes/{quoteId}/pdf",
            get_with(
                printed::pdf,
                told("A version of the offer as a PDF, in the language of `lang`"),
            ),
        )
        .api_route(
            "/quotes",
            get_with(
                view::list::<Row, DealsView>,
                told("Quotes of all deals, the newest first"),
            ),
        )
        .api_route(
            "/quotes/{id}",
            get_with(view::details::<Row, DealsView>, told("A quote with its lines")),
        )
}

/// For whoever has the link.
pub fn open_router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/quotes/open",
            post_with(
                open,
                answering::<Envelope<Shown>, 200>(told_to_all("What is offered, to whoever has the link's token")),
            ),
        )
        .api_route(
            "/quotes/pdf",
            post_with(
                printed::pdf_by_link,
                told_to_all("What is offered as a PDF, to whoever has the link's token"),
            ),
        )
        .api_route(
            "/quotes/accept",
            post_with(
                accept,
                answering::<Envelope<Answered>, 200>(told_to_all("Accepts what is offered, which wins the deal")),
            ),
        )
        .api_route(
            "/quotes/decline",
            post_with(
                decline,
                answering::<Envelope<Answered>, 200>(told_to_all("Declines what is offered")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteMade {
    id: Uuid,
    /// Which version it is, from 1.
    number: u32,
    amount: Money,
    /// The deal's.
    version: i64,
}

/// How a version is sent.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Sending {
    /// In which to write to the customer; the caller's, where none is named.
    #[serde(default)]
    language: Option<product::Language>,
    /// `false`: the link reaches the customer in another way.
    #[serde(default)]
    mail: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteSent {
    id: Uuid,
    /// For the link: whoever has it sees the quote and may accept it.
    token: String,
    /// Whether a mail takes it to the customer. `false` where no address of theirs is known, or no mail is sent from here.
    mailed: bool,
    /// The deal's.
    version: i64,
}

/// Who answers, and to which offer.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Said {
    #[schemars(regex(pattern = FILLED_LINE))]
    token: String,
    /// Who accepts, as they call themselves.
    #[serde(default)]
    #[schemars(length(max = WORDS_MAX), regex(pattern = LINE))]
    name: Option<String>,
    /// Why it is declined.
    #[serde(default)]
    #[schemars(length(max = WORDS_MAX), regex(pattern = LINE))]
    reason: Option<String>,
}

/// What the customer is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    title: String,
    customer_name: Option<String>,
    number: u32,
    items: Vec<Line>,
    amount: Money,
    currency: String,
    valid_until: Option<NaiveDate>,
    notes: Option<String>,
    status: QuoteStatus,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Answered {
    message: &'static str,
}

async fn make(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(deal): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<Offer>,
) -> Result<Created<QuoteMade>, Problem> {
    let context = write.context(&caller, hash);
    let offer = Offer {
        id: Uuid::now_v7().into(),
        ..value
    };
    let command = DealCommand::Quote(Box::new(offer));
    let done = deals::execute(&app.executor, deal, command, &context).await?;
    let said = |_deal, version, event| match event {
        DealEvent::QuoteMade(quote) => Some(QuoteMade {
            id: quote.quote_id.into(),
            number: quote.number,
            amount: quote.amount,
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
}

async fn send(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(deal): Id<DealId>,
    Param(quote): Param<QuoteId>,
    write: Write,
    language: Language,
    Body { value, hash }: Body<Sending>,
) -> Result<Reply<QuoteSent>, Problem> {
    let context = write.context(&caller, hash);
    let done = deals::execute(&app.executor, deal, DealCommand::SendQuote(quote), &context).await?;
    let ticket = Ticket {
        workspace: context.workspace,
        deal,
        quote,
    };
    // Whoever hears nothing of it, because of a crash in between, asks again, and owes it then.
    let named = value.language.and_then(|named| Language::from_tag(named.as_str()));
    let mailed =
        value.mail != Some(false) && mailed::owe(&app, ticket, named.unwrap_or(language), caller.user_id).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(QuoteSent {
        id: quote.into(),
        token: ticket.token(&app),
        mailed,
        version: done.version,
    }))
}

async fn open(State(app): State<App>, Body { value, .. }: Body<Said>) -> Result<Response, Problem> {
    let Ticket { workspace, deal, quote } = Ticket::of(&app, &value).await?;
    let deal = app.executor.look::<Deal, DealRejection>(workspace, deal).await?.state;
    let offered = deal.offered(quote).ok_or_else(missing)?;
    Ok(envelope::ok(Shown::from(offered)))
}

async fn accept(State(app): State<App>, write: Write, Body { value, .. }: Body<Said>) -> Result<Response, Problem> {
    let Ticket { workspace, deal, quote } = Ticket::of(&app, &value).await?;
    let context = by_link(&write, workspace);
    let done = deals::accept_quote(&app.executor, deal, quote, value.name, &context).await?;
    _ = write.settle(&app, workspace, &done).await;
    let message = "Quote accepted";
    Ok(envelope::ok(Answered { message }))
}

async fn decline(State(app): State<App>, write: Write, Body { value, .. }: Body<Said>) -> Result<Response, Problem> {
    let Ticket { workspace, deal, quote } = Ticket::of(&app, &value).await?;
    let context = by_link(&write, workspace);
    let command = DealCommand::DeclineQuote {
        quote,
        reason: value.reason,
    };
    let done = deals::execute(&app.executor, deal, command, &context).await?;
    _ = write.settle(&app, workspace, &done).await;
    let message = "Quote declined";
    Ok(envelope::ok(Answered { message }))
}

/// Whoever has the link, and is not signed in.
fn by_link(write: &Write, workspace: WorkspaceId) -> Context {
    Context {
        workspace,
        ..write.platform()
    }
}

fn missing() -> Problem {
    Problem::missing("deal.no_such_quote")
}

/// What a token names.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticket {
    workspace: WorkspaceId,
    deal: DealId,
    quote: QuoteId,
}

impl Ticket {
    fn token(self, app: &App) -> String {
        let ids = self.ids();
        URL_SAFE_NO_PAD.encode([&ids[..], &sign(app, &ids)[..]].concat())
    }

    fn ids(self) -> Vec<u8> {
        [self.workspace.uuid(), self.deal.uuid(), self.quote.uuid()]
            .iter()
            .flat_map(|id| *id.as_bytes())
            .collect()
    }

    async fn of(app: &App, said: &Said) -> Result<Self, Problem> {
        let ticket = Self::read(app, said)?;
        let open = ticket.is_open(app).await?;
        open.then_some(ticket).ok_or_else(missing)
    }

    /// Nobody enters a workspace that was archived, by a link neither.
    async fn is_open(self, app: &App) -> Result<bool, Error<WorkspaceRejection>> {
        let executor = &app.executor;
        let workspace = executor.load::<Workspace, WorkspaceRejection>(WorkspaceId::PLATFORM, self.workspace);
        Ok(matches!(workspace.await?.state.as_ref(), Workspace::Open(_)))
    }

    /// What is no token of ours names nothing.
    fn read(app: &App, said: &Said) -> Result<Self, Problem> {
        for (field, text) in [("name", &said.name), ("reason", &said.reason)] {
            let text = text.as_deref().unwrap_or_default();
            if text.chars().nth(WORDS_MAX).is_some() {
                return Err(Problem::invalid_field(field, Rule::TooLong { max: WORDS_MAX }));
            }
            if text.chars().any(char::is_control) {
                return Err(Problem::invalid_field(field, Rule::NotAllowed));
            }
        }
        if said.token.trim().is_empty() {
            return Err(Problem::invalid_field("token", Rule::Required));
        }
        let bytes = URL_SAFE_NO_PAD.decode(said.token.trim()).map_err(|_| missing())?;
        let (ids, signature) = bytes.split_at_checked(48).ok_or_else(missing)?;
        let expected = sign(app, ids);
        // However far it is right, it takes as long.
        let differs = expected
            .iter()
            .zip(signature)
            .fold(0, |differs, (a, b)| differs | (a ^ b));
        if signature.len() != SIGNATURE || differs != 0 {
            return Err(missing());
        }
        let mut ids = ids.chunks(16).filter_map(|id| Uuid::from_slice(id).ok());
        let mut next = || ids.next().ok_or_else(missing);
        Ok(Self {
            workspace: next()?.into(),
            deal: next()?.into(),
            quote: next()?.into(),
        })
    }
}

fn sign(app: &App, ids: &[u8]) -> [u8; SIGNATURE] {
    let tag = app.pepper.tag("a quote's link", &[ids]);
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&tag[..SIGNATURE]);
    signature
}

impl From<Offered<'_>> for Shown {
    fn from(offered: Offered<'_>) -> Self {
        let quote = offered.quote;
        Self {
            title: offered.title.to_owned(),
            customer_name: offered.customer_name.map(str::to_owned),
            number: quote.number,
            items: quote.items.clone(),
            amount: quote.amount,
            currency: quote.currency.to_string(),
            valid_until: quote.valid_until,
            notes: quote.notes.clone(),
            status: offered.answer.into(),
        }
    }
}
