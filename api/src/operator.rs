//! What operators and auditors do on the command line, beside a running server or without one. A command's arguments and what
//! it does stand in one file. What was asked for goes to stdout, so that it can be piped on; remarks go to stderr. A command
//! that finds something wrong says what and ends with 1.

pub mod account;
pub mod audit;
pub mod doctor;
pub mod export;
pub mod history;
pub mod keys;
pub mod organization;
pub mod replay;
pub mod sagas;
pub mod show;
pub mod status;
pub mod trail;
mod whose;
pub mod witness;
pub mod workspace;

use std::{error::Error, fmt::Display, io::Write, path::Path};

/// Why a command ended early, for whoever asked for it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A line of what was asked for.
fn tell(line: impl Display) -> Result<(), std::io::Error> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// What went wrong with a file, by its name.
fn in_file(file: &Path, error: impl Display) -> Failure {
    format!("{}: {error}", file.display()).into()
}
