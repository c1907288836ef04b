//! A table in a file that somebody sent: CSV with whatever delimiter, in UTF-8 or as Excel in Russian writes it, or the first sheet of an XLSX
//! workbook. What kind it is, its bytes say and not its name. Nothing of it is believed: a small file may claim to hold a very large one,
//! and a cell to stand a million columns away.

mod text;
mod workbook;

/// How much is read at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The first one, with the heads, among them.
    pub rows: usize,
    pub columns: usize,
    /// Of the file unpacked, and of all cells' texts.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 50_001,
            columns: 200,
            bytes: 100 << 20,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it is neither a CSV file nor an XLSX workbook")]
    NoTable,
    #[error("its letters are in an encoding other than UTF-8 and Windows-1251")]
    Encoding,
    #[error("its lines are not a table")]
    Broken,
    #[error("it has more than {0} rows")]
    TooManyRows(usize),
    #[error("it has more than {0} columns")]
    TooManyColumns(usize),
    #[error("it is too large unpacked")]
    TooLarge,
}

impl ReadError {
    /// Stable.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoTable => "no_table",
            Self::Encoding => "encoding",
            Self::Broken => "broken",
            Self::TooManyRows(_) => "too_many_rows",
            Self::TooManyColumns(_) => "too_many_columns",
            Self::TooLarge => "too_large",
        }
    }
}

const ZIP: &[u8] = b"PK\x03\x04";
/// Of Word, Excel and PowerPoint as they were before 2007.
const OLD_OFFICE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// The rows of a file, each as long as it is; those at the end without any text are not told.
pub fn read(file: &[u8], limits: &Limits) -> Result<Vec<Vec<String>>, ReadError> {
    let mut rows = if file.starts_with(ZIP) {
        workbook::rows(file, limits)?
    } else if file.starts_with(OLD_OFFICE) {
        return Err(ReadError::NoTable);
    } else {
        text::rows(file, limits)?
    };
    let is_empty = |row: &Vec<String>| row.iter().all(|cell| cell.trim().is_empty());
    while rows.last().is_some_and(is_empty) {
        rows.pop();
    }
    Ok(rows)
}

/// Rows that are gathered, as long as they are not too many.
struct Gathering<'a> {
    limits: &'a Limits,
    bytes: u64,
}

impl<'a> Gathering<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, bytes: 0 }
    }

    /// Whether there may be a cell with that text there.
    fn cell(&mut self, (row, column): (usize, usize), text: &str) -> Result<(), ReadError> {
        if row >= self.limits.rows {
            return Err(ReadError::TooManyRows(self.limits.rows - 1));
        }
        if column >= self.limits.columns {
            return Err(ReadError::TooManyColumns(self.limits.columns));
        }
        // What it takes to keep it, too.
        self.bytes += text.len() as u64 + 24;
        match self.bytes > self.limits.bytes {
            true => Err(ReadError::TooLarge),
            false => Ok(()),
        }
    }
}
