//! Mail: follows the platform's log and owes each new user a mail with the code that proves their address; signing in
//! may owe one too. The postman posts what is owed and holds nothing of the database meanwhile. A mail that fails is
//! tried again ever more slowly, and no other waits for it; a crash sends it twice, with the same code, rather than not
//! at all.

use crate::{
    i18n::{self, Language},
    identity::code::{self, Owed},
    state::App,
};
use async_trait::async_trait;
use domain::{
    Fact,
    id::WorkspaceId,
    identity::user::{Registered, UserEvent},
};
use fluent_bundle::FluentArgs;
use futures::FutureExt;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Body, Mailbox, SinglePart, header::ContentTransferEncoding, header::ContentType},
};
use log::{Consumer, ConsumerError, Log, Progress};
use sqlx::PgPool;
use std::{io, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

const NAME: &str = "mail";
const BATCH: i64 = 200;
const REGISTERED: &str = "user.registered";
/// How often the postman looks for mail that nobody rang for: from sign-ins, from other nodes, for another try.
const POLL: Duration = Duration::from_secs(1);
/// For one conversation with the mail server; shorter than a mail is the postman's.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pauses between them double from two seconds on: about a quarter of an hour in all.
const ATTEMPTS_MAX: i32 = 10;

pub struct Mailer {
    pool: PgPool,
    log: Log,
    bell: Arc<Notify>,
}

struct Postman {
    pool: PgPool,
    log: Log,
    bell: Arc<Notify>,
    from: Mailbox,
    out: Out,
}

enum Out {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("MAIL_FROM is not an address")]
    From(#[source] lettre::address::AddressError),
    #[error("SMTP_URL cannot be used")]
    Url(#[source] lettre::transport::smtp::Error),
}

/// Why a mail did not go out.
enum Unsent {
    /// Trying again cannot help.
    Never,
    Later(ConsumerError),
}

impl Mailer {
    /// The one that follows the log; its postman begins at once.
    pub fn new(app: &App) -> Result<Self, MailError> {
        let out = match &app.config.smtp_url {
            Some(url) => Out::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(MailError::Url)?
                    .build(),
            ),
            None => Out::Folder(app.config.mail_dir.clone()),
        };
        let bell = Arc::new(Notify::new());
        let postman = Postman {
            pool: app.pool.clone(),
            log: app.log.clone(),
            bell: bell.clone(),
            from: app.config.mail_from.parse().map_err(MailError::From)?,
            out,
        };
        app.consumers.keep(tokio::spawn(async move { postman.run().await }));
        Ok(Self {
            pool: app.pool.clone(),
            log: app.log.clone(),
            bell,
        })
    }

    async fn cursor(&self, workspace: Uuid) -> Result<i64, sqlx::Error> {
        let cursor =
            sqlx::query_scalar("select position from platform.cursors where consumer = $1 and workspace_id = $2");
        let cursor = cursor.bind(NAME).bind(workspace).fetch_optional(&self.pool).await?;
        Ok(cursor.unwrap_or(0))
    }

    async fn move_cursor(&self, workspace: Uuid, position: i64) -> Result<(), sqlx::Error> {
        let upsert = "insert into platform.cursors (consumer, workspace_id, position) values ($1, $2, $3) \
            on conflict (consumer, workspace_id) do update set position = greatest(cursors.position, excluded.position)";
        let upsert = sqlx::query(upsert).bind(NAME).bind(workspace).bind(position);
        upsert.execute(&self.pool).await.map(drop)
    }
}

#[async_trait]
impl Consumer for Mailer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn follows(&self, workspace: Uuid) -> bool {
        workspace == WorkspaceId::PLATFORM.uuid()
    }

    /// A user is owed one first mail however often, and on however many nodes, their registration is seen.
    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let cursor = self.cursor(workspace).await?;
        let events = self.log.read(workspace, cursor, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(Progress {
                position: cursor,
                more: false,
            });
        };
        for event in events.iter().filter(|event| event.event_type == REGISTERED) {
            code::first(&self.pool, event.stream_id).await?;
            self.bell.notify_one();
        }
        self.move_cursor(workspace, last.position).await?;
        Ok(Progress {
            position: last.position,
            more: last.position - cursor == BATCH,
        })
    }
}

impl Postman {
    async fn run(&self) {
        loop {
            // A panic must not leave all later mail with nobody.
            let posted = AssertUnwindSafe(self.post()).catch_unwind().await;
            match posted.unwrap_or_else(|_| Err("the postman panicked".into())) {
                Ok(true) => {}
                Ok(false) => {
                    timeout(POLL, self.bell.notified()).await.ok();
                }
                Err(error) => {
                    tracing::error!(%error, "mail cannot be looked for");
                    sleep(POLL).await;
                }
            }
        }
    }

    /// Tries one mail that is due, if there is one.
    async fn post(&self) -> Result<bool, ConsumerError> {
        let Some(owed) = code::take_owed(&self.pool).await? else {
            return Ok(false);
        };
        let user = owed.user;
        match self.deliver(&owed).await {
            Ok(()) => code::settle(&self.pool, &owed).await?,
            Err(Unsent::Never) => {
                tracing::warn!(%user, "a mail was refused for good");
                code::give_up(&self.pool, &owed).await?;
            }
            Err(Unsent::Later(error)) if owed.attempts >= ATTEMPTS_MAX => {
                tracing::warn!(%user, %error, "a mail is given up");
                code::give_up(&self.pool, &owed).await?;
            }
            Err(Unsent::Later(error)) => {
                let pause = Duration::from_secs(1 << owed.attempts.clamp(1, ATTEMPTS_MAX));
                tracing::warn!(%user, %error, ?pause, "a mail did not go out and will be tried again");
                metrics::counter!("prometric_mail_failures_total").increment(1);
                code::postpone(&self.pool, &owed, pause).await?;
            }
        }
        Ok(true)
    }

    /// To a user who still has to prove their address; to others there is nothing to send.
    async fn deliver(&self, owed: &Owed) -> Result<(), Unsent> {
        match self.recipient(owed.user).await.map_err(Unsent::Later)? {
            Some(user) => timeout(PATIENCE, self.send(&user, &owed.code()))
                .await
                .unwrap_or_else(|_| Err(Unsent::Later("the mail server takes too long".into()))),
            None => Ok(()),
        }
    }

    async fn recipient(&self, user: Uuid) -> Result<Option<Registered>, ConsumerError> {
        let mut recipient = None;
        let mut events = self.log.read_stream(WorkspaceId::PLATFORM.uuid(), user, 0).await?;
        self.log.open_personal(&mut events).await?;
        for event in events {
            if let Fact::User(event) = Fact::decode(&event.category, &event.event_type, event.schema, &event.data)? {
                recipient = match event {
                    UserEvent::Registered(registered) => Some(registered),
                    UserEvent::EmailVerified {} => None,
                };
            }
        }
        Ok(recipient)
    }

    async fn send(&self, user: &Registered, code: &str) -> Result<(), Unsent> {
        let mail = compose(&self.from, user, code).ok_or(Unsent::Never)?;
        match &self.out {
            Out::Smtp(transport) => match transport.send(mail).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(Unsent::Never),
                // What the server says besides its code may name the recipient.
                Err(error) => Err(Unsent::Later(match error.status() {
                    Some(code) => format!("the mail server answered {code}").into(),
                    None => error.into(),
                })),
            },
            Out::Folder(folder) => write_file(folder, &user.email, &mail.formatted())
                .await
                .map_err(|error| Unsent::Later(error.into())),
        }
    }
}

/// In Russian and Kazakh, with the code as the only free-standing number of six digits; `None` when the address is
/// none that mail can go to.
fn compose(from: &Mailbox, user: &Registered, code: &str) -> Option<Message> {
    let to = Mailbox::new(None, user.email.parse().ok()?);
    let part = |language, key: &str, args: &FluentArgs| i18n::text(language, key, args).unwrap_or_default();
    // A name with digits in it could be taken for the code.
    let named = !user.first_name.chars().any(char::is_numeric) && !user.first_name.contains(char::is_control);
    let mut args = FluentArgs::new();
    args.set("name", user.first_name.as_str());
    args.set("named", if named { "yes" } else { "no" });
    let both = |key: &str, between: &str| {
        format!(
            "{}{between}{}",
            part(Language::Ru, key, &args),
            part(Language::Kk, key, &args)
        )
    };
    let text = format!(
        "{}\n\n{code}\n\n{}\n",
        both("mail-verify-greeting", "\n"),
        both("mail-verify-closing", "\n")
    );
    // Quoted-printable leaves the code readable in the raw mail, where base64 would hide it.
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).ok()?;
    let mail = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(both("mail-verify-subject", " / "))
        .date_now();
    mail.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body))
        .ok()
}

/// Whole or not there: readers of the folder never see half a mail.
async fn write_file(folder: &PathBuf, recipient: &str, mail: &[u8]) -> Result<(), io::Error> {
    tokio::fs::create_dir_all(folder).await?;
    let safe = |c: char| {
        if c.is_alphanumeric() || "@.+-_".contains(c) {
            c
        } else {
            '_'
        }
    };
    let recipient: String = recipient.chars().map(safe).take(100).collect();
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
    let unfinished = folder.join(format!(".{}.part", Uuid::now_v7()));
    tokio::fs::write(&unfinished, mail).await?;
    tokio::fs::rename(&unfinished, folder.join(format!("{stamp}-{recipient}.eml"))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(first_name: &str) -> Registered {
        Registered {
            email: "owner@company.kz".into(),
            first_name: first_name.into(),
            last_name: "Ахматов".into(),
            phone: None,
            organization_id: None,
        }
    }

    /// Runs of exactly six digits with nothing alphanumeric beside them.
    fn standing_alone(text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .collect()
    }

    #[test]
    fn the_code_is_the_only_number_of_six_digits() {
        let from = "Prometric <no-reply@prometric.kz>".parse().unwrap();
        for name in ["Нұрдәулет", "Agent 654321", "654321"] {
            let mail = String::from_utf8(compose(&from, &user(name), "012345").unwrap().formatted()).unwrap();
            assert_eq!(standing_alone(&mail), ["012345"], "{mail}");
        }
    }

    #[test]
    fn an_impossible_address_is_no_mail() {
        let from = "no-reply@prometric.kz".parse().unwrap();
        let impossible = Registered {
            email: "a b@@".into(),
            ..user("Имя")
        };
        assert!(compose(&from, &impossible, "012345").is_none());
    }
}
