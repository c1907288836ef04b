//! Files of mere text with a delimiter between cells.

use crate::{Cell, WriteError, guarded};
use csv::{Terminator, Writer, WriterBuilder};
use std::{io, mem};

/// A CSV file that is being written.
pub struct Delimited(Writer<Vec<u8>>);

impl Default for Delimited {
    fn default() -> Self {
        Self(begun())
    }
}

fn begun() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new())
}

impl Delimited {
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        for cell in cells {
            match cell {
                Cell::Nothing => self.0.write_field("")?,
                Cell::Text(text) => self.0.write_field(&*guarded(text))?,
                Cell::Number(digits) => self.0.write_field(digits)?,
            }
        }
        // Ends the line.
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    pub fn take(&mut self) -> Result<Vec<u8>, WriteError> {
        let written = mem::replace(&mut self.0, begun()).into_inner();
        written.map_err(|error| io::Error::from(error.error().kind()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_and_a_cell_may_hold_anything() {
        let mut csv = Delimited::default();
        let text = |text: &'static str| Cell::Text(text.into());
        csv.row(&[text("Название"), text("a,b"), text("say \"hi\"")]).unwrap();
        csv.row(&[Cell::Nothing, Cell::Number("-10.50"), text("=1")]).unwrap();
        let first = csv.take().unwrap();
        csv.row(&[text("two\nlines"), text(" "), Cell::Nothing]).unwrap();
        let written = [first, csv.take().unwrap()].concat();
        let wanted = "Название,\"a,b\",\"say \"\"hi\"\"\"\r\n,-10.50,'=1\r\n\"two\nlines\", ,\r\n";
        assert_eq!(String::from_utf8(written).unwrap(), wanted);
        assert_eq!(csv.take().unwrap(), b"");
    }
}
