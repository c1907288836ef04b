//! What the binary can be told: sub-commands, and settings that come from flags or the environment.

use crate::{
    edge::settings::Edge,
    engine::LogEngine,
    grpc::Grpc,
    heads::Heads,
    identity::certificate::Signatures,
    operator::{
        account::Account,
        audit::Audit,
        doctor::Doctor,
        history::History,
        organization::Organization,
        replay::Replay,
        sagas::Sagas,
        show::{Diff, Show},
        status::Status,
        witness::Witness,
        workspace::Workspace,
    },
    storage::Storage,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::finance::terms::{NET_DAYS_MAX, PAYMENT_DAYS};
use std::{convert::Infallible, net::IpAddr, path::PathBuf, time::Duration};
use uuid::Uuid;

#[derive(Debug, Parser)]
#[command(
    name = "prometric",
    version,
    about = "An ERP backend on one append-only event log per workspace"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers HTTP, keeps the read models, pursues processes, sends mail and feeds NATS.
    Serve(Config),
    /// Another password for who has forgotten theirs and has no address.
    #[command(subcommand)]
    Account(Account),
    /// Keys that personal data is sealed with, and those that sign access tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// Proves that the log is whole, and signs where it stands.
    #[command(subcommand)]
    Audit(Audit),
    /// What an installation needs, looked at one by one, and what to do about it.
    Doctor(Box<Doctor>),
    /// Events as they are stored; and the tables made again from the log's engine.
    #[command(subcommand)]
    Log(History),
    /// Which companies there are, and which of them are premium.
    #[command(subcommand)]
    Organization(Organization),
    /// Makes read models again from the log, or compares them with it; the server may run meanwhile.
    Replay(Replay),
    /// A row of a read model as it was at a moment.
    Show(Show),
    /// What changed in a row between two moments.
    Diff(Diff),
    /// Which processes run, and what they wait for.
    #[command(subcommand)]
    Sagas(Sagas),
    /// How far everybody is who follows the log, and what holds them up.
    Status(Status),
    /// A workspace's log into a file and out of one, and its old part away into files and back.
    #[command(subcommand)]
    Workspace(Workspace),
    /// A second party's server, who keeps what heads it was shown.
    #[command(subcommand)]
    Witness(Witness),
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Wraps every person's key with the first master key; afterwards the others are not needed.
    Rotate {
        #[command(flatten)]
        store: Store,
    },
    /// Makes a new key that access tokens are signed with; running servers take it up by themselves.
    RotateTokens {
        /// Tokens signed with the keys before are worth nothing any more: for when one of them has leaked.
        #[arg(long)]
        drop_others: bool,
        #[command(flatten)]
        store: Store,
    },
    /// Destroys a person's key in one workspace, for good: what was sealed with it can never be read again.
    Erase {
        workspace: Uuid,
        person: Uuid,
        #[command(flatten)]
        store: Store,
    },
}

/// Where the data is; what every sub-command needs.
#[derive(Clone, Args)]
pub struct Store {
    /// PostgreSQL, e.g. postgres://user@host/database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The most connections held at once.
    #[arg(long, env = "DATABASE_POOL", default_value_t = 30)]
    pub database_pool: u32,
    /// Master keys of personal data, a line each: `id base64-of-32-bytes`, the one in use first. Without it there is one in
    /// the database.
    #[arg(long, env = "PERSONAL_KEYS_FILE")]
    pub personal_keys_file: Option<PathBuf>,
    /// Where it is noted, outside the database, who was erased: whose keys come back with a backup are destroyed again at
    /// the next start, before anything is served.
    #[arg(long, env = "ERASURES_FILE", value_name = "FILE", value_parser = folder)]
    pub erasures_file: Option<PathBuf>,
    /// The folder with the files of what `workspace archive` has put away: it is read from there.
    #[arg(long, env = "ARCHIVE_DIR", value_name = "FOLDER", value_parser = folder)]
    pub archive_dir: Option<PathBuf>,
    #[command(flatten)]
    pub engine: LogEngine,
}

#[derive(Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub store: Store,
    /// NATS with JetStream; without it everything else works.
    #[arg(long, env = "NATS_URL", hide_env_values = true)]
    pub nats_url: Option<String>,
    /// Beside the events as they are stored, whose personal values are sealed, publishes them with these in the clear below
    /// this subject, for subscribers who may see them. Nothing keeps those.
    #[arg(long, env = "NATS_OPEN_PREFIX", value_name = "SUBJECT", value_parser = open_prefix)]
    pub nats_open_prefix: Option<String>,
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    pub host: IpAddr,
    #[arg(long, env = "PORT", default_value_t = 5001)]
    pub port: u16,
    /// smtp://host:port in the clear, smtps:// with TLS; credentials may stand in it. Without it mail goes to MAIL_DIR.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_parser = non_empty)]
    pub smtp_url: Option<String>,
    /// Where mail goes, a file each, when there is no SMTP_URL. Without either there is no mail, and nobody can register.
    #[arg(long, env = "MAIL_DIR", value_parser = folder)]
    pub mail_dir: Option<PathBuf>,
    #[arg(long, env = "MAIL_FROM", default_value = "Prometric <no-reply@prometric.kz>")]
    pub mail_from: String,
    /// Where people find the front end: an offer's link is this with `/quotes#` and its token, which so stays out of that server's lines.
    #[arg(long, env = "FRONTEND_URL", default_value = "http://localhost:3000", value_parser = page)]
    pub frontend_url: String,
    /// How long an access token is good for: `15m`, `24h`, `90s`, or seconds.
    #[arg(long, env = "JWT_EXPIRATION", default_value = "15m", value_parser = duration)]
    pub jwt_expiration: Duration,
    /// How long a session lasts without being used.
    #[arg(long, env = "REFRESH_EXPIRATION", default_value = "7d", value_parser = duration)]
    pub refresh_expiration: Duration,
    /// How long a repeat with the same Idempotency-Key is answered as the first time; at least 24h.
    #[arg(long, env = "COMMAND_RETENTION", default_value = "48h", value_parser = retention)]
    pub command_retention: Duration,
    /// What a start does where another build made read models.
    #[arg(long, env = "REBUILD", default_value = "wait")]
    pub rebuild: Rebuild,
    /// Days to pay for customers whose payment terms (`NET_n`) do not say.
    #[arg(long, env = "PAYMENT_DAYS", default_value_t = PAYMENT_DAYS, value_parser = clap::value_parser!(u32).range(0..=i64::from(NET_DAYS_MAX)))]
    pub payment_days: u32,
    /// What becomes of a BIN or IIN whose check digit does not hold.
    #[arg(long, env = "CHECK_DIGITS", default_value = "tell")]
    pub check_digits: CheckDigits,
    /// `off` lifts the limits of requests and log-ins a minute.
    #[arg(long, env = "PROMETRIC_RATE_LIMITS", default_value = "on", value_parser = ["on", "off"])]
    pub rate_limits: String,
    #[command(flatten)]
    pub signatures: Signatures,
    #[command(flatten)]
    pub heads: Heads,
    #[command(flatten)]
    pub edge: Edge,
    #[command(flatten)]
    pub grpc: Grpc,
    #[command(flatten)]
    pub storage: Storage,
}

impl Config {
    /// Whether there are limits to requests and to signing in.
    pub fn is_limited(&self) -> bool {
        !self.rate_limits.trim().eq_ignore_ascii_case("off")
    }
}

/// How much a check digit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckDigits {
    /// `check-bin` tells whether it holds, and that is all.
    Tell,
    /// Whoever names such a number is refused.
    Refuse,
}

/// How read models of another build are made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rebuild {
    /// Before anything is served; nodes of that build serve meanwhile.
    Wait,
    /// While all else is served: requests to a workspace whose read models are not made yet are answered 503.
    Background,
    /// Not at all: the server does not start.
    Refuse,
}

/// URLs may hold passwords, and a `Debug` line may end in a log.
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("database_pool", &self.database_pool)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// An empty one is none: that is how a container's environment says so.
pub(crate) fn folder(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}

/// A subject that no stream of ours keeps.
fn open_prefix(text: &str) -> Result<String, String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    match text.split('.').all(is_word) && text.split('.').next() != Some("prometric") {
        true => Ok(text.to_owned()),
        false => Err("is not a subject of words, or begins with `prometric`, where everything is kept".to_owned()),
    }
}

/// What paths can be added to, in a mail as well.
fn page(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>#?&".contains(&byte);
    match host {
        Some(host) if !host.is_empty() && host.bytes().all(is_plain) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(format!("`{text}` is no address such as https://app.company.kz")),
    }
}

fn non_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// `24h`, `15m`, `90s`, `7d`, or plain seconds; never nothing.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let seconds = digits
        .trim()
        .parse::<u32>()
        .map_err(|_| format!("`{text}` is not a duration such as 15m, 24h or 90"))?;
    if seconds == 0 {
        Err("a duration must not be zero".to_owned())
    } else {
        Ok(Duration::from_secs(u64::from(seconds) * unit))
    }
}

/// What clients are promised at least.
const RETENTION_MIN: Duration = Duration::from_secs(24 * 60 * 60);

fn retention(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        kept if kept >= RETENTION_MIN => Ok(kept),
        _ => Err("command ids are kept for 24h at least".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_address_that_a_path_can_be_added_to() {
        assert_eq!(page("https://app.company.kz/"), Ok("https://app.company.kz".to_owned()));
        assert_eq!(
            page("http://localhost:3000/erp"),
            Ok("http://localhost:3000/erp".to_owned())
        );
        for wrong in [
            "",
            "https://",
            "app.company.kz",
            "https://a b",
            "https://a#b",
            "javascript:alert(1)",
            "https://a\"b",
        ] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_read_with_their_units() {
        let cases = [
            ("15m", Some(900)),
            ("24h", Some(86_400)),
            ("90s", Some(90)),
            ("7d", Some(604_800)),
            ("30", Some(30)),
            ("0", None),
            ("m", None),
            ("", None),
            ("1w", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn command_ids_are_kept_for_a_day_at_least() {
        assert_eq!(retention("24h"), Ok(RETENTION_MIN));
        assert!(retention("86399").is_err());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
