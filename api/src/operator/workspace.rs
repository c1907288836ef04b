//! `prometric workspace`: a workspace's log into a file and out of one, and its old part away into files and back. Positions,
//! hashes and signed heads stay what they are. Its people go with it.

mod arrival;
mod staff;

use super::{Failure, in_file, tell};
use crate::{config::Store, serve::open_store, storage::Storage};
use arrival::{Arrived, Place};
use clap::{Args, Subcommand};
use commands::beginnings;
use files::Files;
use log::{
    Log,
    keeping::{FileReader, ImportError, Report, Segment},
};
use staff::Staff;
use std::path::{Path, PathBuf};
use tokio::{
    fs::{self, File},
    io::{AsyncWriteExt, BufReader, BufWriter},
};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum Workspace {
    /// Writes a workspace's log into a file, as it stands at this moment.
    Export(Export),
    /// Takes in what `export` wrote; the workspace must have no events here.
    Import(Import),
    /// Moves a workspace to another database: closed here, verified there, open there. Again, when it was stopped.
    Move(Move),
    /// Nothing is written there any more, so that what is exported next is all there will be: for a workspace that moves.
    Close(One),
    /// It stays here after all.
    Reopen(One),
    /// Puts the events up to a position away into files.
    Archive(Archive),
    /// Brings the files' events from a position on back.
    Restore(Restore),
}

#[derive(Debug, Args)]
pub struct One {
    workspace: Uuid,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    one: One,
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Writes its people there, with what they sign in with: sealed by keys that are in the other file, wrapped.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Puts the workspace's files there too.
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    #[command(flatten)]
    storage: Storage,
}

#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    one: One,
    /// PostgreSQL, where it goes.
    #[arg(long, value_name = "DATABASE_URL", env = "MOVE_TO", hide_env_values = true)]
    to: String,
    /// Where its files go: a folder, or `s3://BUCKET` with the endpoint and keys of S3_…; without it they stay where they are.
    #[arg(long, value_name = "PLACE", conflicts_with = "take_back")]
    files_to: Option<String>,
    #[command(flatten)]
    storage: Storage,
    /// It stays here after all: refused when anything was written there since.
    #[arg(long)]
    take_back: bool,
}

#[derive(Debug, Args)]
pub struct Import {
    file: PathBuf,
    /// Takes its people from there; where the log has arrived and they have not, they alone.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Takes the workspace's files from there.
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    storage: Storage,
}

#[derive(Debug, Args)]
pub struct Archive {
    #[command(flatten)]
    one: One,
    /// The last position that goes.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    through: i64,
}

#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    one: One,
    /// The first position that comes back.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    from: i64,
}

pub async fn run(workspace: Workspace) -> Result<(), Failure> {
    match workspace {
        Workspace::Export(export) => export.run().await,
        Workspace::Import(import) => import.run().await,
        Workspace::Move(relocation) => relocation.run().await,
        Workspace::Close(One { workspace, store }) => {
            open_store(&store).await?.0.close(workspace).await?;
            Ok(tell(format_args!("workspace {workspace} takes no more events"))?)
        }
        Workspace::Reopen(One { workspace, store }) => {
            open_store(&store).await?.0.reopen(workspace).await?;
            Ok(tell(format_args!("workspace {workspace} takes events"))?)
        }
        Workspace::Archive(Archive { one, through }) => {
            let (log, _) = open_store(&one.store).await?;
            // Whoever does not know the folder goes on from these.
            beginnings::write_down(&log, one.workspace, through).await?;
            tell_segments("put away", &log.archive(one.workspace, through, one.folder()?).await?)
        }
        Workspace::Restore(Restore { one, from }) => {
            let (log, _) = open_store(&one.store).await?;
            tell_segments("back", &log.restore(one.workspace, from, one.folder()?).await?)
        }
    }
}

impl One {
    fn folder(&self) -> Result<&Path, Failure> {
        let folder = self.store.archive_dir.as_deref();
        folder.ok_or_else(|| "say in which folder the files are: ARCHIVE_DIR".into())
    }
}

impl Export {
    /// Under another name until it is whole and on the disk.
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.one.store).await?;
        // Before the log, where the keys are that they are sealed with.
        if let Some(file) = &self.accounts {
            let staff = Staff::read(&log, &pool, self.one.workspace.into()).await?;
            let staff = staff.ok_or("the platform here knows no such workspace")?;
            staff.write(&log, file).await?;
            let (people, file) = (staff.people.len(), file.display());
            tell(format_args!("its {people} people are in {file}"))?;
        }
        let unfinished = self.out.with_extension("unfinished");
        let mut file = BufWriter::new(
            File::create(&unfinished)
                .await
                .map_err(|error| in_file(&unfinished, error))?,
        );
        let exported = log
            .export(self.one.workspace, self.one.store.archive_dir.as_deref(), &mut file)
            .await;
        let exported = match exported {
            Ok(exported) => exported,
            Err(error) => {
                fs::remove_file(&unfinished).await.ok();
                return Err(error.into());
            }
        };
        file.flush().await?;
        file.get_ref().sync_all().await?;
        fs::rename(&unfinished, &self.out).await?;
        let (last, out) = (exported.header.last, self.out.display());
        let workspace = self.one.workspace;
        tell(format_args!("workspace {workspace} up to position {last} is in {out}"))?;
        // Behind the log, all of whose files are there: each is put before its event.
        if let Some(folder) = self.files {
            let (name, there) = (folder.display().to_string(), Files::in_folder(folder));
            let copied = self.storage.open()?.copy(&workspace.to_string(), &there).await?;
            tell(format_args!("its {copied} files are in {name}"))?;
        }
        Ok(())
    }
}

impl Move {
    /// The master keys of personal values are the same on both sides: what they seal goes as it is.
    async fn run(self) -> Result<(), Failure> {
        let One { workspace, store } = self.one;
        let (here, pool) = open_store(&store).await?;
        let folder = store.archive_dir.clone();
        let there = Store {
            database_url: self.to,
            ..store
        };
        let (there, pool_there) = open_store(&there).await?;
        let folder = folder.as_deref();
        if self.take_back {
            here.take_back(&there, workspace, folder).await?;
            return Ok(tell(format_args!(
                "workspace {workspace} is open here, and closed there"
            ))?);
        }
        let place = Place::new(there.clone(), pool_there);
        let goes = self.files_to.as_deref().map(|place| self.storage.elsewhere(place));
        let files = match &goes {
            Some(goes) => Some((self.storage.open()?, goes.open()?)),
            None => None,
        };
        // Whoever cannot come is told of before anything is closed.
        if let Some(staff) = Staff::read(&here, &pool, workspace.into()).await? {
            place.plan(&staff).await?;
        }
        // Most of them while people go on.
        let below = workspace.to_string();
        if let Some((ours, theirs)) = &files {
            ours.copy(&below, theirs).await?;
        }
        let (mut arrived, mut copied) = (None, 0);
        let settle = async || -> Result<(), Failure> {
            if let Some((ours, theirs)) = &files {
                copied = ours.copy(&below, theirs).await?;
            }
            if let Some(staff) = Staff::read(&here, &pool, workspace.into()).await? {
                let plan = place.plan(&staff).await?;
                arrived = Some(place.enter(&plan).await?);
            }
            Ok(())
        };
        let Report { position, .. } = here.move_to(&there, workspace, folder, settle).await?;
        tell(format_args!(
            "workspace {workspace} is there, whole up to position {position} and open; it is closed here"
        ))?;
        if let Some(goes) = goes {
            tell(format_args!("its {copied} files are in {}", goes.place()))?;
        }
        tell_people(arrived)
    }
}

impl Import {
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let header = FileReader::open(self.open().await?).await?.header().clone();
        let (workspace, last) = (header.workspace, header.last);
        match &self.accounts {
            Some(accounts) => {
                self.take_in_closed(&log, workspace, last).await?;
                let staff = Staff::open(&log, workspace.into(), accounts).await?;
                let place = Place::new(log.clone(), pool);
                let arrived = place.enter(&place.plan(&staff).await?).await?;
                log.reopen(workspace).await?;
                tell_people(Some(arrived))?;
            }
            None => drop(log.import(self.open().await?).await?),
        }
        tell(format_args!("workspace {workspace} is here up to position {last}"))?;
        if let Some(folder) = self.files {
            let there = Files::in_folder(folder);
            let copied = there.copy(&workspace.to_string(), &self.storage.open()?).await?;
            tell(format_args!("its {copied} files are here"))?;
        }
        Ok(())
    }

    /// Nobody writes before everybody is there. What arrived when it was tried before is not taken in again.
    async fn take_in_closed(&self, log: &Log, workspace: Uuid, last: i64) -> Result<(), Failure> {
        match log.head(workspace).await? {
            0 => {}
            position if position == last => return Ok(()),
            position => return Err(ImportError::Exists { workspace, position }.into()),
        }
        log.close(workspace).await?;
        match log.import(self.open().await?).await {
            Ok(_) => Ok(()),
            Err(error) => {
                log.reopen(workspace).await?;
                Err(error.into())
            }
        }
    }

    async fn open(&self) -> Result<BufReader<File>, Failure> {
        let file = File::open(&self.file).await;
        Ok(BufReader::new(file.map_err(|error| in_file(&self.file, error))?))
    }
}

fn tell_people(arrived: Option<Arrived>) -> Result<(), Failure> {
    let Some(Arrived {
        accounts,
        known,
        remembered,
    }) = arrived
    else {
        return Ok(tell("nobody is known to enter it: nobody came along")?);
    };
    Ok(tell(format_args!(
        "people: {accounts} accounts came along, {known} are known there and sign in as they do, {remembered} are known by name"
    ))?)
}

fn tell_segments(what: &str, segments: &[Segment]) -> Result<(), Failure> {
    for Segment { first, last, file, .. } in segments {
        tell(format_args!("positions {first} to {last} are {what}: {file}"))?;
    }
    if segments.is_empty() {
        tell("nothing was to be done")?;
    }
    Ok(())
}
