//! The `prometric` binary.

use clap::Parser;
use log::chain;
use mimalloc::MiMalloc;
use prometric_api::{
    config::{Cli, Command},
    keys, serve,
};
use std::process::ExitCode;

/// A request makes and drops some hundreds of small things; with the system's allocator that was a quarter of its cost.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    serve::log_to_stderr();
    let ended = match Cli::parse().command {
        Command::Serve(config) => serve::run(config).await,
        Command::Keys(keys) => keys::run(keys).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %chain(&error), "ending");
            ExitCode::FAILURE
        }
    }
}
