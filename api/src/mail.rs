//! Mail: the codes that prove addresses. Who asks for one owes the mail, in the row that holds the code; the postman posts
//! what is owed and holds nothing of the database meanwhile. A mail that fails is tried again ever more slowly, and no
//! other waits for it; a crash sends it twice, with the same code, rather than not at all. Nothing in it was written by
//! whoever caused it: the address may be a stranger's.

use crate::{
    i18n::{self, Language},
    identity::{
        pending::{self, DEBTORS, Owed},
        secrets::Pepper,
    },
    state::App,
};
use fluent_bundle::FluentArgs;
use futures::FutureExt;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Body, Mailbox, SinglePart, header::ContentTransferEncoding, header::ContentType},
};
use log::ConsumerError;
use sqlx::PgPool;
use std::{io, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// How often the postman looks for mail that nobody rang for: from other nodes, for another try.
const POLL: Duration = Duration::from_secs(1);
/// For one conversation with the mail server; shorter than a mail is the postman's.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pauses between them double from two seconds on: about a quarter of an hour in all.
const ATTEMPTS_MAX: i32 = 10;

/// Whether there is mail at all, and the postman's bell.
pub struct Mail {
    out: Option<Out>,
    bell: Arc<Notify>,
}

struct Postman {
    pool: PgPool,
    pepper: Arc<Pepper>,
    bell: Arc<Notify>,
    from: Mailbox,
    out: Out,
}

#[derive(Clone)]
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

/// Whether mail can go there; one parser for what is accepted and what is sent to.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

impl Mail {
    /// To a server, else to files, if there is a folder for them, else not at all.
    pub fn new(smtp_url: Option<&str>, folder: Option<PathBuf>) -> Result<Self, MailError> {
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let out = match (smtp_url, folder) {
            (Some(url), _) => {
                let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(MailError::Url)?;
                Some(Out::Smtp(transport.build()))
            }
            (None, Some(folder)) => Some(Out::Folder(folder)),
            (None, None) => None,
        };
        Ok(Self {
            out,
            bell: Arc::new(Notify::new()),
        })
    }

    pub fn is_configured(&self) -> bool {
        self.out.is_some()
    }

    /// As `/health` tells it.
    pub fn state(&self) -> &'static str {
        match &self.out {
            Some(Out::Smtp(_)) => "smtp",
            Some(Out::Folder(_)) => "files",
            None => "not configured",
        }
    }

    /// A mail is owed.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Sets the postman to work, or says loudly what will not work.
    pub fn start(&self, app: &App) -> Result<(), MailError> {
        let from = app.config.mail_from.parse().map_err(MailError::From)?;
        let Some(out) = self.out.clone() else {
            tracing::warn!(
                "NO MAIL IS SENT: neither SMTP_URL nor MAIL_DIR is set. Nobody can register: they are answered 503."
            );
            return Ok(());
        };
        if let Out::Folder(folder) = &out {
            let folder = folder.display();
            tracing::warn!(%folder, "MAIL GOES TO FILES: whoever reads the folder reads the codes. For trying only; set SMTP_URL.");
        }
        let postman = Postman {
            pool: app.pool.clone(),
            pepper: app.pepper.clone(),
            bell: self.bell.clone(),
            from,
            out,
        };
        app.consumers.keep(tokio::spawn(async move { postman.run().await }));
        Ok(())
    }
}

/// Why a mail did not go out.
enum Unsent {
    /// Trying again cannot help.
    Never,
    Later(ConsumerError),
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

    /// Tries one mail of each kind that is due, if there is one.
    async fn post(&self) -> Result<bool, ConsumerError> {
        let mut any = false;
        for debtor in DEBTORS {
            let Some(owed) = pending::take_owed(&self.pool, debtor).await? else {
                continue;
            };
            self.try_to_send(owed).await?;
            any = true;
        }
        Ok(any)
    }

    async fn try_to_send(&self, owed: Owed) -> Result<(), ConsumerError> {
        let user = owed.id;
        let sent = timeout(PATIENCE, self.send(&owed)).await;
        match sent.unwrap_or_else(|_| Err(Unsent::Later("the mail server takes too long".into()))) {
            Ok(()) => pending::settle(&self.pool, &owed).await?,
            Err(Unsent::Never) => {
                tracing::warn!(%user, "a mail was refused for good");
                pending::give_up(&self.pool, &owed).await?;
            }
            Err(Unsent::Later(error)) if owed.attempts >= ATTEMPTS_MAX => {
                tracing::warn!(%user, %error, "a mail is given up");
                pending::give_up(&self.pool, &owed).await?;
            }
            Err(Unsent::Later(error)) => {
                let pause = Duration::from_secs(1 << owed.attempts.clamp(1, ATTEMPTS_MAX));
                tracing::warn!(%user, %error, ?pause, "a mail did not go out and will be tried again");
                metrics::counter!("prometric_mail_failures_total").increment(1);
                pending::postpone(&self.pool, &owed, pause).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, owed: &Owed) -> Result<(), Unsent> {
        let mail = compose(&self.from, &owed.email, owed.words(), &owed.code(&self.pepper)).ok_or(Unsent::Never)?;
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
            Out::Folder(folder) => write_file(folder, &owed.email, &mail.formatted())
                .await
                .map_err(|error| Unsent::Later(error.into())),
        }
    }
}

/// In Russian and Kazakh, with the code as the only free-standing number of six digits; `None` when the address is
/// none that mail can go to.
fn compose(from: &Mailbox, to: &str, words: &str, code: &str) -> Option<Message> {
    let to = Mailbox::new(None, to.parse().ok()?);
    let part =
        |language, key: &str| i18n::text(language, &format!("{words}-{key}"), &FluentArgs::new()).unwrap_or_default();
    let both = |key: &str, between: &str| format!("{}{between}{}", part(Language::Ru, key), part(Language::Kk, key));
    let text = format!("{}\n\n{code}\n\n{}\n", both("greeting", "\n"), both("closing", "\n"));
    // Quoted-printable leaves the code readable in the raw mail, where base64 would hide it.
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).ok()?;
    let mail = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(both("subject", " / "))
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
        for debtor in DEBTORS {
            let mail = compose(&from, "owner@company.kz", debtor.words, "012345")
                .unwrap()
                .formatted();
            let mail = String::from_utf8(mail).unwrap();
            assert_eq!(standing_alone(&mail), ["012345"], "{mail}");
        }
    }

    #[test]
    fn an_impossible_address_is_no_mail() {
        let from = "no-reply@prometric.kz".parse().unwrap();
        for impossible in ["a b@@", "a@b\r\nBcc: c@d.kz", "a@b.kz, c@d.kz", "a@b.kz>", ""] {
            assert!(
                !is_address(impossible) && compose(&from, impossible, "mail-verify", "012345").is_none(),
                "{impossible:?}"
            );
        }
        assert!(is_address("owner@company.kz") && is_address("owner+a@компания.қаз"));
    }
}
