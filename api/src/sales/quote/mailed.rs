//! The mail that takes an offer to its customer: who makes it, the link and the paper. That it is owed stands in a row of ids, without
//! name and address; where it goes and what it says is read from the log when it goes out. Whoever sends a version again owes no second
//! mail, unless the first one failed or the customer has another address by now.

use super::{Ticket, printed};
use crate::{
    i18n::Language,
    identity::{pending::FAILURES_MAX, secrets},
    mail::{Unsent, address, letter, owed::Owed},
    problem::Problem,
    state::App,
};
use async_trait::async_trait;
use commands::Error;
use domain::{
    id::{CustomerId, UserId},
    sales::{
        customer::{Customer, CustomerRejection},
        deal::{Answer, Deal, DealRejection, Offered},
    },
};
use lettre::{Message, message::Mailbox};
use log::migrate::Migration;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

const MIGRATIONS: &[Migration] = &[Migration::new(
    "0020_offers",
    include_str!("../../../../migrations/platform/0020_offers.sql"),
)];

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    secrets::apply(pool, MIGRATIONS).await
}

/// Owes it, if somebody is to get it; whether one is owed or has been.
pub(super) async fn owe(app: &App, ticket: Ticket, language: Language, by: UserId) -> Result<bool, Problem> {
    if !app.mail.is_configured() {
        return Ok(false);
    }
    if let Some((customer, email)) = addressee(app, ticket).await? {
        let entry = Entry {
            ticket,
            customer,
            address: tag(app, &email),
            language,
            by,
        };
        entry.enter(&app.pool).await?;
        app.mail.ring();
    }
    let known = sqlx::query_scalar("select exists (select from platform.offers where quote_id = $1)");
    Ok(known.bind(ticket.quote.uuid()).fetch_one(&app.pool).await?)
}

/// The customer of an offer that waits for an answer, and where mail reaches them.
async fn addressee(app: &App, ticket: Ticket) -> Result<Option<(CustomerId, String)>, Problem> {
    let look = app.executor.look::<Deal, DealRejection>(ticket.workspace, ticket.deal);
    let deal = look.await?.state;
    let customer = deal.details().and_then(|details| details.customer_id);
    let (Some(_), Some(customer)) = (waiting(&deal, ticket), customer) else {
        return Ok(None);
    };
    let email = email(app, ticket, customer).await?;
    Ok(email.map(|email| (customer, email)))
}

fn waiting(deal: &Deal, ticket: Ticket) -> Option<Offered<'_>> {
    deal.offered(ticket.quote)
        .filter(|offered| offered.answer == Answer::Sent)
}

async fn email(app: &App, ticket: Ticket, customer: CustomerId) -> Result<Option<String>, Error<CustomerRejection>> {
    let look = app
        .executor
        .look::<Customer, CustomerRejection>(ticket.workspace, customer);
    let customer = look.await?.state;
    let mut emails = customer.profile().into_iter().flat_map(|profile| profile.emails());
    Ok(emails.find(|email| address::is_address(email)).map(str::to_owned))
}

fn tag(app: &App, email: &str) -> [u8; 32] {
    app.pepper
        .tag("an offer's address", &[address::normal(email).as_bytes()])
}

/// A row that is to be.
struct Entry {
    ticket: Ticket,
    customer: CustomerId,
    address: [u8; 32],
    language: Language,
    by: UserId,
}

impl Entry {
    async fn enter(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let enter = "insert into platform.offers as o \
                (id, quote_id, deal_id, workspace_id, customer_id, user_id, address, language, mail_due_at) \
            values ($1, $2, $3, $4, $5, $6, $7, $8, log.clock()) \
            on conflict (quote_id) do update set id = excluded.id, customer_id = excluded.customer_id, user_id = excluded.user_id, \
                address = excluded.address, language = excluded.language, mail_due_at = excluded.mail_due_at, mail_attempts = 0, \
                failures = 0, told_at = null, created_at = now() \
            where o.failures >= $9 or o.address <> excluded.address";
        sqlx::query(enter)
            .bind(Uuid::now_v7())
            .bind(self.ticket.quote.uuid())
            .bind(self.ticket.deal.uuid())
            .bind(self.ticket.workspace.uuid())
            .bind(self.customer.uuid())
            .bind(self.by.uuid())
            .bind(&self.address[..])
            .bind(self.language.tag())
            .bind(FAILURES_MAX)
            .execute(pool)
            .await
            .map(drop)
    }
}

/// A mail with an offer.
pub struct OwedOffer {
    id: Uuid,
    attempts: i32,
    language: Language,
    ticket: Ticket,
}

/// The one that has been due longest. For two minutes it is the caller's, then, if nothing more was heard, anybody's.
pub async fn take(pool: &PgPool) -> Result<Option<OwedOffer>, sqlx::Error> {
    let take = "update platform.offers set mail_attempts = mail_attempts + 1, mail_due_at = log.clock() + interval '2 minutes' \
        where id = (select id from platform.offers where mail_due_at <= log.clock() order by mail_due_at limit 1 \
            for update skip locked) \
        returning id, mail_attempts, language, workspace_id, deal_id, quote_id";
    let taken = sqlx::query_as::<_, (Uuid, i32, String, Uuid, Uuid, Uuid)>(take);
    let taken = taken.fetch_optional(pool).await?;
    Ok(taken.map(|(id, attempts, language, workspace, deal, quote)| OwedOffer {
        id,
        attempts,
        language: Language::from_tag(&language).unwrap_or_default(),
        ticket: Ticket {
            workspace: workspace.into(),
            deal: deal.into(),
            quote: quote.into(),
        },
    }))
}

#[async_trait]
impl Owed for OwedOffer {
    fn id(&self) -> Uuid {
        self.id
    }

    fn attempts(&self) -> i32 {
        self.attempts
    }

    /// Moot, where the offer does not wait for an answer any more.
    async fn mail(&self, app: &App, from: &Mailbox) -> Result<Message, Unsent> {
        let Self { ticket, language, .. } = *self;
        if !ticket.is_open(app).await.map_err(Unsent::later)? {
            return Err(Unsent::Moot);
        }
        let look = app.executor.look::<Deal, DealRejection>(ticket.workspace, ticket.deal);
        let deal = look.await.map_err(Unsent::later)?.state;
        let customer = deal.details().and_then(|details| details.customer_id);
        let (Some(offered), Some(customer)) = (waiting(&deal, ticket), customer) else {
            return Err(Unsent::Moot);
        };
        let number = offered.quote.number;
        let email = email(app, ticket, customer).await.map_err(Unsent::later)?;
        let email = email.ok_or(Unsent::Never)?;
        let paper = printed::pdf_for_customer(app, ticket, language, offered).await;
        let paper = paper.map_err(|problem| Unsent::later(format!("no paper: {}", problem.code().as_str())))?;
        let (seller, _) = printed::seller(&app.pool, ticket.workspace)
            .await
            .map_err(Unsent::later)?;
        let link = format!("{}/quotes#{}", app.config.frontend_url, ticket.token(app));
        let offer = letter::Offer {
            seller: &seller,
            number,
            link: &link,
            paper: paper.into_file(),
        };
        letter::offer(from, &email, language, offer).ok_or(Unsent::Never)
    }

    async fn settle(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let settle = sqlx::query("update platform.offers set mail_due_at = null where id = $1");
        settle.bind(self.id).execute(pool).await.map(drop)
    }

    async fn postpone(&self, pool: &PgPool, pause: Duration) -> Result<(), sqlx::Error> {
        let postpone = "update platform.offers set mail_due_at = log.clock() + $2 * interval '1 second' where id = $1";
        let postpone = sqlx::query(postpone).bind(self.id).bind(pause.as_secs_f64());
        postpone.execute(pool).await.map(drop)
    }

    async fn give_up(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let give_up = "update platform.offers set mail_due_at = null, failures = $2 where id = $1";
        let give_up = sqlx::query(give_up).bind(self.id).bind(FAILURES_MAX);
        give_up.execute(pool).await.map(drop)
    }
}
