//! `prometric doctor`: what an installation needs, looked at one by one; whatever is wrong is told with what to do about it. It
//! reads, and changes nothing: it does not even apply migrations. Only where files are kept it puts one, and deletes it.

mod database;
mod outside;

use super::{Failure, tell};
use crate::config::Config;
use clap::Args;
use futures::{FutureExt, future::BoxFuture};
use serde::Serialize;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Doctor {
    /// A JSON array instead of lines.
    #[arg(long)]
    json: bool,
    /// As the server is started with.
    #[command(flatten)]
    config: Config,
}

/// How long anybody may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and somebody should know.
    Mind,
    Wrong,
}

/// What a check has found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    verdict: Verdict,
    found: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Finding {
    fn ok(found: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn mind(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Mind,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn wrong(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Wrong,
            ..Self::mind(found, advice)
        }
    }
}

/// Who is asked.
pub(crate) struct Site {
    pool: PgPool,
    config: Config,
}

type Check = for<'a> fn(&'a Site) -> BoxFuture<'a, Result<Finding, Failure>>;

/// Those that need the database are asked when it answers.
const OF_DATABASE: [(&str, Check); 9] = [
    ("PostgreSQL", |site| database::version(site).boxed()),
    ("durability", |site| database::durability(site).boxed()),
    ("limits", |site| database::limits(site).boxed()),
    ("clock", |site| database::clock(site).boxed()),
    ("privileges", |site| database::privileges(site).boxed()),
    ("extensions", |site| database::extensions(site).boxed()),
    ("migrations", |site| database::migrations(site).boxed()),
    ("indexes", |site| database::indexes(site).boxed()),
    ("disk", |site| database::disk(site).boxed()),
];

const OUTSIDE: [(&str, Check); 5] = [
    ("NATS", |site| outside::nats(site).boxed()),
    ("mail", |site| outside::mail(site).boxed()),
    ("files", |site| outside::files(site).boxed()),
    ("personal keys", |site| outside::personal_keys(site).boxed()),
    ("witnesses", |site| outside::witnesses(site).boxed()),
];

/// A finding under the name of its check.
#[derive(Debug, Serialize)]
struct Told {
    check: &'static str,
    #[serde(flatten)]
    finding: Finding,
}

pub async fn run(doctor: Box<Doctor>) -> Result<(), Failure> {
    let Doctor { json, config } = *doctor;
    let options = config.store.database_url.parse::<PgConnectOptions>()?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let pool = pool.connect_lazy_with(options.application_name("prometric doctor"));
    let site = Site { pool, config };
    let mut all = vec![];
    match site.pool.acquire().await {
        Ok(connection) => {
            drop(connection);
            all.extend(ask(&site, &OF_DATABASE).await);
        }
        Err(error) => {
            let advice = "see that it runs, and that DATABASE_URL names its host, user, password and database";
            let finding = Finding::wrong(format!("the database does not answer: {error}"), advice);
            let check = "PostgreSQL";
            all.push(Told { check, finding });
        }
    }
    all.extend(ask(&site, &OUTSIDE).await);
    show(&all, json)?;
    let wrong = all.iter().filter(|told| told.finding.verdict == Verdict::Wrong).count();
    match wrong {
        0 => Ok(()),
        wrong => Err(format!("{wrong} of {} checks found something wrong", all.len()).into()),
    }
}

async fn ask(site: &Site, checks: &[(&'static str, Check)]) -> Vec<Told> {
    let mut all = Vec::with_capacity(checks.len());
    for (check, look) in checks {
        let finding = look(site).await;
        let finding = finding.unwrap_or_else(|error| Finding::wrong(error.to_string(), "mend that, and ask again"));
        all.push(Told { check, finding });
    }
    all
}

fn show(all: &[Told], json: bool) -> Result<(), Failure> {
    if json {
        return Ok(tell(serde_json::to_string_pretty(all)?)?);
    }
    for Told { check, finding } in all {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Mind => "mind",
            Verdict::Wrong => "WRONG",
        };
        let advice = finding.advice.iter().map(|advice| format!("\n{:21}→ {advice}", ""));
        tell(format_args!(
            "{verdict:<5} {check:<14} {}{}",
            finding.found,
            advice.collect::<String>()
        ))?;
    }
    Ok(())
}
