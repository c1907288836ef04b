//! **tabulates.** Rows of cells as files that spreadsheets open, written a few rows at a time. It knows cells and files, and nothing of
//! what they are about. A crate of its own, so that nobody else waits for what it is made of.

mod delimited;
mod formula;

pub use formula::{guarded, meant};

use delimited::Delimited;
use std::{borrow::Cow, io};

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 in UTF-8: commas, double quotes, CRLF.
    Csv,
}

impl Format {
    pub const ALL: [Self; 1] = [Self::Csv];

    /// As a file's name ends.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What stands in one place of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    Nothing,
    /// Whatever it looks like, it is no formula.
    Text(Cow<'a, str>),
    /// A decimal in plain digits: `-10.50`.
    Number(&'a str),
}

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("a row cannot be written")]
    Csv(#[from] csv::Error),
    #[error("a file cannot be ended")]
    Io(#[from] io::Error),
}

/// A file that is being written.
pub struct Writer(Kind);

enum Kind {
    Csv(Delimited),
}

impl Writer {
    pub fn new(format: Format) -> Self {
        Self(match format {
            Format::Csv => Kind::Csv(Delimited::default()),
        })
    }

    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.row(cells),
        }
    }

    /// What of the file has come about since this was asked last; nothing where rows are still gathered.
    pub fn take(&mut self) -> Result<Vec<u8>, WriteError> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.take(),
        }
    }

    /// The rest of the file.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        match self.0 {
            Kind::Csv(mut csv) => csv.take(),
        }
    }
}
