//! The `prometric` binary.

use clap::Parser;
use log::chain;
use prometric_api::{
    config::{Cli, Command},
    keys, serve,
};
use std::process::ExitCode;

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
