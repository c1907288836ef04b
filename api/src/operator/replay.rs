//! `prometric replay`: makes read models again from the log, or compares them with it. Commands may flow meanwhile.

use super::{Failure, tell, whose::Whose};
use crate::{config::Store, identity::secrets, serve::open_store};
use clap::Args;
use futures::{StreamExt, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use projections::{AsOf, Compared, Progress, Projections, Tables};
use std::time::Instant;
use uuid::Uuid;

const BAR: &str = "{prefix} {bar:30} {pos}/{len} events, {per_sec}, {eta} left";

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which")))]
pub struct Replay {
    /// Of this workspace.
    #[arg(long, group = "which")]
    workspace: Option<Uuid>,
    /// Of all workspaces, as without either.
    #[arg(long, group = "which")]
    all: bool,
    /// Only these tables.
    #[arg(long, value_delimiter = ',', value_name = "TABLE,…")]
    tables: Vec<String>,
    /// Changes nothing: says which tables differ from what the log makes of them, and which rows.
    #[arg(long, conflicts_with = "undo")]
    verify: bool,
    /// Puts the read models before the last replay back into their place, brought up to date.
    #[arg(long, conflicts_with = "tables")]
    undo: bool,
    /// Up to this moment, a time or a position, into a copy under a name: `copy_NAME`, with a role that may read it.
    #[arg(long, value_name = "MOMENT", requires = "into", conflicts_with_all = ["all", "verify", "undo", "tables"])]
    until: Option<AsOf>,
    #[arg(long, value_name = "NAME", requires = "until")]
    into: Option<String>,
    /// Drops such a copy.
    #[arg(long, group = "which", value_name = "NAME", conflicts_with_all = ["verify", "undo", "tables", "until"])]
    drop: Option<String>,
    /// Workspaces at the same time; each may take some 400 MB.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    jobs: u16,
    #[command(flatten)]
    store: Store,
}

pub async fn run(replay: Replay) -> Result<(), Failure> {
    let (log, pool) = open_store(&replay.store).await?;
    let projections = Projections::new(log.clone(), pool.clone());
    if let Some(name) = &replay.drop {
        projections.drop_aside(name).await?;
        return Ok(tell(format_args!("copy_{name} is gone"))?);
    }
    let tables = match replay.tables.as_slice() {
        [] => Tables::all(),
        names => Tables::named(names).map_err(|name| format!("--tables: there is no table {name}"))?,
    };
    let workspaces = match (replay.workspace, replay.until) {
        (Some(workspace), _) => vec![workspace],
        (None, Some(_)) => vec![Whose { workspace: None }.only(&log).await?],
        (None, None) => projections::touched(&pool)
            .await?
            .into_iter()
            .map(|workspace| workspace.id)
            .collect(),
    };
    let (whole, bars) = (workspaces.len(), MultiProgress::new());
    let each = workspaces
        .into_iter()
        .map(|workspace| replay.one(&projections, workspace, &tables, &bars));
    let mut each = stream::iter(each).buffer_unordered(replay.jobs.into());
    let mut wrong = 0;
    while let Some(done) = each.next().await {
        wrong += usize::from(!done?);
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(format!("{wrong} of {whole} workspaces are not as they should be").into()),
    }
}

impl Replay {
    /// Whether all is well with it.
    async fn one(
        &self,
        projections: &Projections,
        workspace: Uuid,
        tables: &Tables,
        bars: &MultiProgress,
    ) -> Result<bool, Failure> {
        let began = Instant::now();
        if self.undo {
            return undo(projections, workspace).await;
        }
        let bar = bars.add(ProgressBar::no_length().with_prefix(workspace.to_string()));
        bar.set_style(ProgressStyle::with_template(BAR)?);
        let told = |Progress { position, head }| {
            bar.set_length(head.unsigned_abs());
            bar.set_position(position.unsigned_abs());
        };
        if let (Some(until), Some(name)) = (self.until, &self.into) {
            set_aside(projections, workspace, until, name, &told).await?;
            bar.finish_and_clear();
            return Ok(true);
        }
        if self.verify {
            let replayed = projections.verify(workspace.into(), tables.clone(), &told).await?;
            bar.finish_and_clear();
            return say(workspace, replayed.position, &replayed.tables);
        }
        let position = projections.remake(workspace.into(), tables.clone(), &told).await?;
        bar.finish_and_clear();
        let seconds = began.elapsed().as_secs_f64();
        tell(format_args!(
            "workspace {workspace}: made anew up to position {position} in {seconds:.1} s"
        ))?;
        Ok(true)
    }
}

async fn set_aside(
    projections: &Projections,
    workspace: Uuid,
    until: AsOf,
    name: &str,
    told: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), Failure> {
    let moment = projections.moment(workspace.into(), until).await?;
    let moment = moment.ok_or("--until: this moment has not come yet")?;
    let password = hex::encode(secrets::random());
    projections
        .set_aside(workspace.into(), moment, name, &password, told)
        .await?;
    let (position, time) = (moment.position, moment.time.to_rfc3339());
    tell(format_args!(
        "copy_{name} holds workspace {workspace} as it was at position {position}, {time}\n\
         to read it: role copy_{name}, password {password}\n\
         to drop it: prometric replay --drop {name}"
    ))?;
    Ok(())
}

async fn undo(projections: &Projections, workspace: Uuid) -> Result<bool, Failure> {
    let taken = projections.take_back(workspace.into()).await?;
    let said = if taken {
        "is as it was before the last replay"
    } else {
        "has nothing to go back to"
    };
    tell(format_args!("workspace {workspace} {said}"))?;
    Ok(taken)
}

fn say(workspace: Uuid, position: i64, tables: &[Compared]) -> Result<bool, Failure> {
    let differing: Vec<&Compared> = tables.iter().filter(|table| !table.same).collect();
    if differing.is_empty() {
        let tables = tables.len();
        tell(format_args!(
            "workspace {workspace}: {tables} tables are what the log makes of them up to position {position}"
        ))?;
    }
    for compared in &differing {
        let Compared {
            table, live, replayed, ..
        } = compared;
        tell(format_args!(
            "DIFFERS: workspace {workspace}, table {table}: {live} rows, {replayed} by the log at position {position}"
        ))?;
        for row in &compared.differences {
            for (column, live, replayed) in &row.columns {
                let (live, replayed) = (shown(live.as_deref()), shown(replayed.as_deref()));
                tell(format_args!(
                    "  {table} {}, {column}: {live}, by the log {replayed}",
                    row.id
                ))?;
            }
        }
    }
    Ok(differing.is_empty())
}

fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("no row")
}
