//! `prometric workspace`: a workspace's log into a file and out of one, and its old part away into files and back. Positions,
//! hashes and signed heads stay what they are.

use super::{Failure, in_file, tell};
use crate::{config::Store, serve::open_store, storage::Storage};
use clap::{Args, Subcommand};
use commands::beginnings;
use files::Files;
use log::keeping::{Report, Segment};
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
    /// It stays here after all: refused when anything was written there since.
    #[arg(long)]
    take_back: bool,
}

#[derive(Debug, Args)]
pub struct Import {
    file: PathBuf,
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
        let (log, _) = open_store(&self.one.store).await?;
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
        let (here, _) = open_store(&store).await?;
        let folder = store.archive_dir.clone();
        let there = Store {
            database_url: self.to,
            ..store
        };
        let (there, _) = open_store(&there).await?;
        let folder = folder.as_deref();
        if self.take_back {
            here.take_back(&there, workspace, folder).await?;
            return Ok(tell(format_args!(
                "workspace {workspace} is open here, and closed there"
            ))?);
        }
        let Report { position, .. } = here.move_to(&there, workspace, folder).await?;
        Ok(tell(format_args!(
            "workspace {workspace} is there, whole up to position {position} and open; it is closed here"
        ))?)
    }
}

impl Import {
    async fn run(self) -> Result<(), Failure> {
        let (log, _) = open_store(&self.store).await?;
        let file = File::open(&self.file)
            .await
            .map_err(|error| in_file(&self.file, error))?;
        let imported = log.import(BufReader::new(file)).await?.header;
        let (workspace, last) = (imported.workspace, imported.last);
        tell(format_args!("workspace {workspace} is here up to position {last}"))?;
        if let Some(folder) = self.files {
            let there = Files::in_folder(folder);
            let copied = there.copy(&workspace.to_string(), &self.storage.open()?).await?;
            tell(format_args!("its {copied} files are here"))?;
        }
        Ok(())
    }
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
