//! Mail: follows the platform's log and sends each new user the code that proves their address. The cursor moves when
//! the mail is out; a crash in between sends a second one with a fresh code rather than none.

use crate::{
    i18n::{self, Language},
    identity::code,
    state::App,
};
use async_trait::async_trait;
use domain::{
    Fact,
    id::WorkspaceId,
    identity::user::{Registered, UserEvent},
};
use fluent_bundle::FluentArgs;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Body, Mailbox, SinglePart, header::ContentTransferEncoding, header::ContentType},
};
use log::{Consumer, ConsumerError, Log, Progress, Recorded};
use sqlx::{PgConnection, PgPool};
use std::{io, path::PathBuf};
use uuid::Uuid;

const NAME: &str = "mail";
const BATCH: i64 = 200;
const REGISTERED: &str = "user.registered";
const VERIFIED: &str = "user.email.verified";

pub struct Mailer {
    pool: PgPool,
    log: Log,
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
    pub fn new(app: &App) -> Result<Self, MailError> {
        let out = match &app.config.smtp_url {
            Some(url) => Out::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(MailError::Url)?
                    .build(),
            ),
            None => Out::Folder(app.config.mail_dir.clone()),
        };
        let from = app.config.mail_from.parse().map_err(MailError::From)?;
        Ok(Self {
            pool: app.pool.clone(),
            log: app.log.clone(),
            from,
            out,
        })
    }

    /// Sends to the first new user in the batch, if there is one; answers the position that is done with.
    async fn step(&self, events: &[Recorded]) -> Result<Option<i64>, ConsumerError> {
        let Some(event) = events.iter().find(|event| event.event_type == REGISTERED) else {
            return Ok(events.last().map(|event| event.position));
        };
        let Fact::User(UserEvent::Registered(user)) = Fact::decode(&event.category, &event.event_type, &event.data)?
        else {
            return Ok(Some(event.position));
        };
        let story = self
            .log
            .read_stream(event.workspace, event.stream_id, event.version)
            .await?;
        if !story.iter().any(|later| later.event_type == VERIFIED) {
            let code = code::make(&self.pool, event.stream_id).await?;
            match self.send(&user, &code).await {
                Ok(()) => {}
                Err(Unsent::Later(error)) => return Err(error),
                Err(Unsent::Never) => tracing::warn!(user = %event.stream_id, "a mail was refused for good"),
            }
        }
        Ok(Some(event.position))
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

#[async_trait]
impl Consumer for Mailer {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        if workspace != WorkspaceId::PLATFORM.uuid() {
            return Ok(Progress::CaughtUp);
        }
        let mut tx = self.pool.begin().await?;
        // Another node at work on it will see the same events.
        let Some(cursor) = lock_cursor(&mut tx, workspace).await? else {
            return Ok(Progress::CaughtUp);
        };
        let events = self.log.read(workspace, cursor, BATCH).await?;
        let Some(done) = self.step(&events).await? else {
            return Ok(Progress::CaughtUp);
        };
        let advance = "update platform.cursors set position = $3 where consumer = $1 and workspace_id = $2";
        sqlx::query(advance)
            .bind(NAME)
            .bind(workspace)
            .bind(done)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Progress::More)
    }
}

/// The position, held until the transaction ends; `None` while another node holds it.
async fn lock_cursor(connection: &mut PgConnection, workspace: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let first = "insert into platform.cursors (consumer, workspace_id, position) select $1, $2, 0 \
        where not exists (select from platform.cursors where consumer = $1 and workspace_id = $2) on conflict do nothing";
    sqlx::query(first)
        .bind(NAME)
        .bind(workspace)
        .execute(&mut *connection)
        .await?;
    let lock = "select position from platform.cursors where consumer = $1 and workspace_id = $2 for update skip locked";
    sqlx::query_scalar(lock)
        .bind(NAME)
        .bind(workspace)
        .fetch_optional(connection)
        .await
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
