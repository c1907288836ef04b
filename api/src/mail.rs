//! Mail: the codes that prove addresses, and offers. Who causes one owes it, in a row of its own; the postman posts what is
//! owed and holds nothing of the database meanwhile. A mail that fails is tried again ever more slowly, and no other waits for
//! it; a crash sends it twice, with the same code, rather than not at all. The address may be a stranger's: nothing in a mail was
//! written by whoever caused it but what stands on an offer.

pub mod address;
mod code;
pub(crate) mod failed;
pub(crate) mod letter;
pub(crate) mod owed;

use crate::{sales::quote::mailed, state::App};
pub(crate) use code::DEBTORS;
use futures::FutureExt;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox};
use log::ConsumerError;
use owed::Owed;
use std::{io, panic::AssertUnwindSafe, path::PathBuf, time::Duration};
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
    bell: Notify,
}

struct Postman {
    app: App,
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
            bell: Notify::new(),
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
            app: app.clone(),
            from,
            out,
        };
        app.consumers.keep(tokio::spawn(async move { postman.run().await }));
        Ok(())
    }
}

/// Why a mail did not go out.
pub(crate) enum Unsent {
    /// It says what is not so any more.
    Moot,
    /// Trying again cannot help.
    Never,
    Later(ConsumerError),
}

impl Unsent {
    pub(crate) fn later(error: impl Into<ConsumerError>) -> Self {
        Self::Later(error.into())
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
                    timeout(POLL, self.app.mail.bell.notified()).await.ok();
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
        let pool = &self.app.pool;
        let mut any = false;
        for debtor in DEBTORS {
            if let Some(owed) = code::take(pool, debtor).await? {
                self.try_to_send(&owed).await?;
                any = true;
            }
        }
        if let Some(owed) = mailed::take(pool).await? {
            self.try_to_send(&owed).await?;
            any = true;
        }
        Ok(any)
    }

    async fn try_to_send(&self, owed: &dyn Owed) -> Result<(), ConsumerError> {
        let (id, attempts, pool) = (owed.id(), owed.attempts(), &self.app.pool);
        let sent = timeout(PATIENCE, self.send(owed)).await;
        match sent.unwrap_or_else(|_| Err(Unsent::later("the mail server takes too long"))) {
            Ok(()) | Err(Unsent::Moot) => owed.settle(pool).await?,
            Err(Unsent::Never) => {
                tracing::warn!(%id, "a mail was refused for good");
                owed.give_up(pool).await?;
            }
            Err(Unsent::Later(error)) if attempts >= ATTEMPTS_MAX => {
                tracing::warn!(%id, %error, "a mail is given up");
                owed.give_up(pool).await?;
            }
            Err(Unsent::Later(error)) => {
                let pause = Duration::from_secs(1 << attempts.clamp(1, ATTEMPTS_MAX));
                tracing::warn!(%id, %error, ?pause, "a mail did not go out and will be tried again");
                metrics::counter!("prometric_mail_failures_total").increment(1);
                owed.postpone(pool, pause).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, owed: &dyn Owed) -> Result<(), Unsent> {
        let mail = owed.mail(&self.app, &self.from).await?;
        match &self.out {
            Out::Smtp(transport) => match transport.send(mail).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(Unsent::Never),
                // What the server says besides its code may name the recipient.
                Err(error) => Err(match error.status() {
                    Some(code) => Unsent::later(format!("the mail server answered {code}")),
                    None => Unsent::later(error),
                }),
            },
            Out::Folder(folder) => write_file(folder, &mail).await.map_err(Unsent::later),
        }
    }
}

/// Whole or not there: readers of the folder never see half a mail.
async fn write_file(folder: &PathBuf, mail: &Message) -> Result<(), io::Error> {
    tokio::fs::create_dir_all(folder).await?;
    let safe = |c: char| {
        if c.is_alphanumeric() || "@.+-_".contains(c) {
            c
        } else {
            '_'
        }
    };
    let recipients = mail.envelope().to().iter().map(ToString::to_string);
    let recipient: String = recipients.collect::<String>().chars().map(safe).take(100).collect();
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
    let unfinished = folder.join(format!(".{}.part", Uuid::now_v7()));
    tokio::fs::write(&unfinished, mail.formatted()).await?;
    tokio::fs::rename(&unfinished, folder.join(format!("{stamp}-{recipient}.eml"))).await
}
