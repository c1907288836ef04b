//! Mail: the codes that prove addresses. Who asks for one owes the mail, in the row that holds the code; the postman posts
//! what is owed and holds nothing of the database meanwhile. A mail that fails is tried again ever more slowly, and no
//! other waits for it; a crash sends it twice, with the same code, rather than not at all. Nothing in it was written by
//! whoever caused it: the address may be a stranger's.

pub mod address;
mod letter;
mod owed;

use crate::{identity::secrets::Pepper, state::App};
use futures::FutureExt;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, message::Mailbox};
use log::ConsumerError;
pub(crate) use owed::DEBTORS;
use owed::Owed;
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
            let Some(owed) = owed::take(&self.pool, debtor).await? else {
                continue;
            };
            self.try_to_send(&owed).await?;
            any = true;
        }
        Ok(any)
    }

    async fn try_to_send(&self, owed: &Owed) -> Result<(), ConsumerError> {
        let id = owed.id;
        let sent = timeout(PATIENCE, self.send(owed)).await;
        match sent.unwrap_or_else(|_| Err(Unsent::Later("the mail server takes too long".into()))) {
            Ok(()) => owed.settle(&self.pool).await?,
            Err(Unsent::Never) => {
                tracing::warn!(%id, "a mail was refused for good");
                owed.give_up(&self.pool).await?;
            }
            Err(Unsent::Later(error)) if owed.attempts >= ATTEMPTS_MAX => {
                tracing::warn!(%id, %error, "a mail is given up");
                owed.give_up(&self.pool).await?;
            }
            Err(Unsent::Later(error)) => {
                let pause = Duration::from_secs(1 << owed.attempts.clamp(1, ATTEMPTS_MAX));
                tracing::warn!(%id, %error, ?pause, "a mail did not go out and will be tried again");
                metrics::counter!("prometric_mail_failures_total").increment(1);
                owed.postpone(&self.pool, pause).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, owed: &Owed) -> Result<(), Unsent> {
        let code = owed.code(&self.pepper);
        let mail = letter::compose(&self.from, &owed.email, owed.language, owed.words(), &code).ok_or(Unsent::Never)?;
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
