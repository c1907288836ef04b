//! `prometric show` and `prometric diff`: a row of a read model as it was at a moment, and what changed between two.

use super::{Failure, tell, whose::Whose};
use crate::{audit, config::Store, serve::open_store};
use clap::Args;
use log::Log;
use projections::{AsOf, Projections, Tables};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    row: Row,
    /// A time or a position; without it as it is now.
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<AsOf>,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Diff {
    #[command(flatten)]
    row: Row,
    /// A time or a position.
    #[arg(long, value_name = "MOMENT")]
    from: AsOf,
    /// The same; without it as it is now.
    #[arg(long, value_name = "MOMENT")]
    to: Option<AsOf>,
    #[command(flatten)]
    store: Store,
}

/// By their names, as they are written: amounts pass through no float.
type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Debug, Args)]
struct Row {
    /// What kind of thing: `deal`, `customer`, …, or its table, `payments`.
    resource: String,
    id: Uuid,
    #[command(flatten)]
    whose: Whose,
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let opened = open(&self.store).await?;
        let row = self.row.at(&opened, self.as_of).await?;
        let row = row.ok_or_else(|| format!("{} {} was not there", self.row.resource, self.row.id))?;
        Ok(tell(serde_json::to_string_pretty(&row)?)?)
    }
}

impl Diff {
    pub async fn run(self) -> Result<(), Failure> {
        let opened = open(&self.store).await?;
        let before = self.row.at(&opened, Some(self.from)).await?.unwrap_or_default();
        let after = self.row.at(&opened, self.to).await?.unwrap_or_default();
        let names = before
            .keys()
            .chain(after.keys().filter(|name| !before.contains_key(*name)));
        for name in names {
            let text = |row: &Fields| row.get(name).map_or("-", |value| value.get()).to_owned();
            let (before, after) = (text(&before), text(&after));
            if before != after {
                tell(format_args!("{name}: {before} -> {after}"))?;
            }
        }
        Ok(())
    }
}

/// The log, and what is folded from it.
struct Opened {
    log: Log,
    projections: Projections,
}

async fn open(store: &Store) -> Result<Opened, Failure> {
    let (log, pool) = open_store(store).await?;
    let projections = Projections::new(log.clone(), pool);
    Ok(Opened { log, projections })
}

impl Row {
    async fn at(&self, opened: &Opened, as_of: Option<AsOf>) -> Result<Option<Fields>, Failure> {
        let Opened { log, projections } = opened;
        let noun = audit::named(&self.resource);
        let table = noun.and_then(audit::Noun::table).unwrap_or(&self.resource).to_owned();
        let known = Tables::named(std::slice::from_ref(&table));
        known.map_err(|_| {
            let known: Vec<&str> = Tables::all().names().collect();
            format!("there is no {}; tables are {}", self.resource, known.join(", "))
        })?;
        let stream = noun.map_or(self.id, |noun| noun.stream(self.id));
        let workspace = self.whose.with(log, stream).await?.into();
        let as_of = as_of.unwrap_or(AsOf::Time(chrono::Utc::now()));
        let moment = projections.moment(workspace, as_of).await?;
        let moment = moment.ok_or("this moment has not come yet")?;
        let row = projections.row_at(workspace, &table, self.id, moment).await?;
        Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
    }
}
