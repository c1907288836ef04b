//! Codes that wait to be typed in: whoever makes one writes into the same row that its mail is owed. The code is drawn from a seed
//! that goes when the mail is out, so that every try, also on another node or after a crash, mails the same code; only its keyed
//! hash stays.

use super::{Unsent, letter, owed::Owed};
use crate::{i18n::Language, identity::code, state::App};
use async_trait::async_trait;
use lettre::{Message, message::Mailbox};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// A table whose rows owe mail. Its columns: `id`, `email`, `language`, `mail_seed`, `mail_due_at`, `mail_attempts`, and of the
/// code `failures` and `expires_at`.
#[derive(Debug, Clone, Copy)]
pub struct Debtor {
    table: &'static str,
    /// What the keys of its words begin with.
    pub words: &'static str,
    /// How long its codes are good for.
    minutes: f64,
}

/// All of them: a line each.
pub const DEBTORS: [Debtor; 3] = [
    Debtor {
        table: "platform.registrations",
        words: "mail-verify",
        minutes: code::MINUTES,
    },
    Debtor {
        table: "platform.invitations",
        words: "mail-invite",
        minutes: 7.0 * 24.0 * 60.0,
    },
    Debtor {
        table: "platform.password_resets",
        words: "mail-reset",
        minutes: code::MINUTES,
    },
];

/// A mail with a code.
pub struct OwedCode {
    debtor: Debtor,
    id: Uuid,
    email: String,
    language: Language,
    attempts: i32,
    seed: Vec<u8>,
}

#[async_trait]
impl Owed for OwedCode {
    fn id(&self) -> Uuid {
        self.id
    }

    fn attempts(&self) -> i32 {
        self.attempts
    }

    async fn mail(&self, app: &App, from: &Mailbox) -> Result<Message, Unsent> {
        let code = code::draw(&app.pepper, &self.seed);
        let mail = letter::compose(from, &self.email, self.language, self.debtor.words, &code);
        mail.ok_or(Unsent::Never)
    }

    async fn settle(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let settle = self.statement("mail_seed = null, mail_due_at = null");
        let settle = sqlx::query(AssertSqlSafe(settle)).bind(self.id).bind(&self.seed);
        settle.execute(pool).await.map(drop)
    }

    async fn postpone(&self, pool: &PgPool, pause: Duration) -> Result<(), sqlx::Error> {
        let postpone = self.statement("mail_due_at = log.clock() + $3 * interval '1 second'");
        let postpone = sqlx::query(AssertSqlSafe(postpone)).bind(self.id).bind(&self.seed);
        postpone.bind(pause.as_secs_f64()).execute(pool).await.map(drop)
    }

    /// A code that nobody got is used up, so that another may be asked for.
    async fn give_up(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let give_up = self.statement("mail_seed = null, mail_due_at = null, failures = $3");
        let give_up = sqlx::query(AssertSqlSafe(give_up)).bind(self.id).bind(&self.seed);
        give_up.bind(code::FAILURES_MAX).execute(pool).await.map(drop)
    }
}

impl OwedCode {
    /// Unless another code was made meanwhile.
    fn statement(&self, change: &str) -> String {
        format!(
            "update {} set {change} where id = $1 and mail_seed = $2",
            self.debtor.table
        )
    }
}

/// The mail of that table that has been due longest. For two minutes it is the caller's, then, if nothing more was heard,
/// anybody's. A code's time begins with its mail.
pub async fn take(pool: &PgPool, debtor: Debtor) -> Result<Option<OwedCode>, sqlx::Error> {
    let Debtor { table, minutes, .. } = debtor;
    let take = format!(
        "update {table} set mail_attempts = mail_attempts + 1, mail_due_at = log.clock() + interval '2 minutes', \
            expires_at = log.clock() + $1 * interval '1 minute' \
        where id = (select id from {table} where mail_due_at <= log.clock() order by mail_due_at limit 1 \
            for update skip locked) \
        returning id, email, language, mail_attempts, mail_seed"
    );
    let taken = sqlx::query_as::<_, (Uuid, String, String, i32, Vec<u8>)>(AssertSqlSafe(take)).bind(minutes);
    let taken = taken.fetch_optional(pool).await?;
    Ok(taken.map(|(id, email, language, attempts, seed)| OwedCode {
        debtor,
        id,
        email,
        language: Language::from_tag(&language).unwrap_or_default(),
        attempts,
        seed,
    }))
}
