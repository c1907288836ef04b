//! The `prometric` binary.

use clap::Parser;
use log::chain;
use mimalloc::MiMalloc;
use prometric_api::{
    config::{Cli, Command},
    operator::{self, Failure},
    serve,
};
use std::{
    io::{Error, ErrorKind},
    process::ExitCode,
};

/// A request makes and drops some hundreds of small things; with the system's allocator that was a quarter of its cost.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = serve::log_to_stderr() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let ended = run(Cli::parse().command).await;
    trace::end();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read what we had to say has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %chain(error.as_ref()), "ending");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(config) => Ok(serve::run(config).await?),
        Command::Account(account) => operator::account::run(account).await,
        Command::Keys(keys) => Ok(operator::keys::run(keys).await?),
        Command::Audit(audit) => operator::audit::run(audit).await,
        Command::Doctor(doctor) => operator::doctor::run(doctor).await,
        Command::Log(history) => operator::history::run(history).await,
        Command::Organization(organization) => operator::organization::run(organization).await,
        Command::Replay(replay) => operator::replay::run(replay).await,
        Command::Sagas(sagas) => operator::sagas::run(sagas).await,
        Command::Show(show) => show.run().await,
        Command::Diff(diff) => diff.run().await,
        Command::Status(status) => operator::status::run(status).await,
        Command::Witness(witness) => operator::witness::run(witness).await,
        Command::Workspace(workspace) => operator::workspace::run(workspace).await,
    }
}

fn is_broken_pipe(error: &Failure) -> bool {
    let error = error.downcast_ref::<Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
