//! **tabulates.** Rows of cells as files that spreadsheets open, written a few rows at a time, and read back within bounds. It knows cells
//! and files, and nothing of what they are about. A crate of its own, so that nobody else waits for what it is made of.

mod delimited;
mod formula;
mod read;
mod workbook;

pub use formula::{guarded, meant};
pub use read::{Limits, ReadError, read};

use delimited::Delimited;
use std::{borrow::Cow, io};
use workbook::Workbook;

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 in UTF-8: commas, double quotes, CRLF.
    Csv,
    /// ECMA-376, one sheet.
    Xlsx,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::Csv, Self::Xlsx];

    /// As a file's name ends.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
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
    #[error("a sheet has no more rows")]
    TooManyRows,
    #[error("a line cannot be written")]
    Csv(#[from] csv::Error),
    #[error("a part of a workbook cannot be written")]
    Zip(#[from] zip::result::ZipError),
    #[error("what is written cannot be kept")]
    Io(#[from] io::Error),
}

/// A file that is being written.
pub struct Writer(Kind);

enum Kind {
    Csv(Delimited),
    Xlsx(Box<Workbook>),
}

impl Writer {
    pub fn begin(format: Format) -> Result<Self, WriteError> {
        Ok(Self(match format {
            Format::Csv => Kind::Csv(Delimited::default()),
            Format::Xlsx => Kind::Xlsx(Box::new(Workbook::begin()?)),
        }))
    }

    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.row(cells),
            Kind::Xlsx(workbook) => workbook.row(cells),
        }
    }

    /// What of the file has come about since this was asked last; nothing where rows are still gathered.
    pub fn take(&mut self) -> Result<Vec<u8>, WriteError> {
        match &mut self.0 {
            Kind::Csv(csv) => csv.take(),
            Kind::Xlsx(workbook) => Ok(workbook.take()),
        }
    }

    /// The rest of the file.
    pub fn finish(self) -> Result<Vec<u8>, WriteError> {
        match self.0 {
            Kind::Csv(mut csv) => csv.take(),
            Kind::Xlsx(workbook) => workbook.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = |text: &'static str| Cell::Text(text.into());
        for format in Format::ALL {
            let mut writer = Writer::begin(format).unwrap();
            let mut file = Vec::new();
            writer.row(&[text("code"), text("Название"), text("price")]).unwrap();
            file.extend(writer.take().unwrap());
            writer
                .row(&[text("=A1"), text("a;b, \"c\"\n<d>&"), Cell::Number("-10.50")])
                .unwrap();
            writer
                .row(&[Cell::Nothing, Cell::Nothing, Cell::Number("0.1")])
                .unwrap();
            writer.row(&[text("+7701"), text(" x "), Cell::Nothing]).unwrap();
            file.extend(writer.finish().unwrap());
            let rows = read(&file, &Limits::default()).unwrap();
            let price = if format == Format::Csv { "-10.50" } else { "-10.5" };
            let wanted: [&[&str]; 4] = [
                &["code", "Название", "price"],
                &["=A1", "a;b, \"c\"\n<d>&", price],
                &["", "", "0.1"],
                &["+7701", " x "],
            ];
            for (row, wanted) in rows.iter().zip(wanted) {
                let row: Vec<&str> = row.iter().map(String::as_str).collect();
                assert_eq!(row.strip_suffix(&[""]).unwrap_or(&row), wanted, "{format:?}");
            }
            assert_eq!(rows.len(), 4, "{format:?}");
        }
    }
}
