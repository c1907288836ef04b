//! `prometric show` and `prometric diff`: a row of a read model as it was at a moment, and what changed between two.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use clap::Args;
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
    /// Its table: `deals`, `customers`, …
    table: String,
    id: Uuid,
    #[arg(long)]
    workspace: Uuid,
}

impl Show {
    pub async fn run(self) -> Result<(), Failure> {
        let projections = open(&self.store).await?;
        let row = self.row.at(&projections, self.as_of).await?;
        let row = row.ok_or_else(|| format!("{} {} was not there", self.row.table, self.row.id))?;
        Ok(tell(serde_json::to_string_pretty(&row)?)?)
    }
}

impl Diff {
    pub async fn run(self) -> Result<(), Failure> {
        let projections = open(&self.store).await?;
        let before = self.row.at(&projections, Some(self.from)).await?.unwrap_or_default();
        let after = self.row.at(&projections, self.to).await?.unwrap_or_default();
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

async fn open(store: &Store) -> Result<Projections, Failure> {
    let (log, pool) = open_store(store).await?;
    Ok(Projections::new(log, pool))
}

impl Row {
    async fn at(&self, projections: &Projections, as_of: Option<AsOf>) -> Result<Option<Fields>, Failure> {
        let known = Tables::named(std::slice::from_ref(&self.table));
        known.map_err(|table| {
            let known: Vec<&str> = Tables::all().names().collect();
            format!("there is no table {table}, only {}", known.join(", "))
        })?;
        let as_of = as_of.unwrap_or(AsOf::Time(chrono::Utc::now()));
        let moment = projections.moment(self.workspace.into(), as_of).await?;
        let moment = moment.ok_or("this moment has not come yet")?;
        let row = projections.row_at(self.workspace.into(), &self.table, self.id, moment);
        Ok(row.await?.map(|row| serde_json::from_str(&row)).transpose()?)
    }
}
