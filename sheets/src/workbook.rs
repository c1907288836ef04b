//! XLSX files, written as they come about: a ZIP file whose last part is the sheet, its rows one by one, and every cell with its text in
//! place. So nothing is kept but what is not taken yet, and a text is a text and never a formula.

use crate::{Cell, WriteError};
use std::{
    fmt::Write as _,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// The rows that a sheet may have, its heads among them.
pub const ROWS_MAX: u32 = 1_048_576;
/// The characters that a cell may have; what is longer ends with an ellipsis.
const TEXT_MAX: usize = 32_767;

/// What every workbook of one sheet has beside it.
const PARTS: [(&str, &str); 4] = [
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Prometric" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
];
const SHEET: &str = "xl/worksheets/sheet1.xml";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const HEAD: &str = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#;
const TAIL: &str = "</sheetData></worksheet>";

/// What has been written and not taken yet; both its writer and whoever takes it hold it.
#[derive(Debug, Clone, Default)]
struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An XLSX file that is being written.
pub struct Workbook {
    gathered: Gathered,
    zip: ZipWriter<StreamWriter<Gathered>>,
    rows: u32,
    /// The row at hand.
    line: String,
}

impl Workbook {
    pub fn begin() -> Result<Self, WriteError> {
        let gathered = Gathered::default();
        let mut zip = ZipWriter::new_stream(gathered.clone());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, text) in PARTS {
            zip.start_file(name, options)?;
            write!(zip, "{DECLARATION}{text}")?;
        }
        zip.start_file(SHEET, options)?;
        write!(zip, "{DECLARATION}{HEAD}")?;
        Ok(Self {
            gathered,
            zip,
            rows: 0,
            line: String::new(),
        })
    }

    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        if self.rows == ROWS_MAX {
            return Err(WriteError::TooManyRows);
        }
        self.rows += 1;
        self.line.clear();
        let row = self.rows;
        self.line += &format!("<row r=\"{row}\">");
        for (n, cell) in cells.iter().enumerate() {
            write_cell(&mut self.line, cell, n, row);
        }
        self.line += "</row>";
        Ok(self.zip.write_all(self.line.as_bytes())?)
    }

    pub fn take(&self) -> Vec<u8> {
        self.gathered.take()
    }

    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        self.zip.write_all(TAIL.as_bytes())?;
        self.zip.finish()?;
        Ok(self.gathered.take())
    }
}

fn write_cell(line: &mut String, cell: &Cell<'_>, column: usize, row: u32) {
    let place = letters(column);
    // Writing to a text cannot fail.
    match cell {
        Cell::Nothing => {}
        Cell::Number(digits) => _ = write!(line, "<c r=\"{place}{row}\"><v>{digits}</v></c>"),
        Cell::Text(text) => {
            _ = write!(
                line,
                "<c r=\"{place}{row}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
            );
            write_text(line, text);
            *line += "</t></is></c>";
        }
    }
}

/// 0 is `A`, 26 is `AA`.
fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + u8::try_from(column % 26).unwrap_or(0));
        match column / 26 {
            0 => break,
            left => column = left - 1,
        }
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// As XML has it; what XML cannot say is left out.
fn write_text(line: &mut String, text: &str) {
    let is_longer = text.chars().nth(TEXT_MAX).is_some();
    let shown = if is_longer { TEXT_MAX - 1 } else { TEXT_MAX };
    for letter in text.chars().take(shown) {
        match letter {
            '&' => *line += "&amp;",
            '<' => *line += "&lt;",
            '>' => *line += "&gt;",
            '\r' => *line += "&#13;",
            '\n' | '\t' => line.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter < ' ' => {}
            letter => line.push(letter),
        }
    }
    if is_longer {
        line.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_called_by_letters() {
        let named = [0, 25, 26, 51, 52, 701, 702].map(letters);
        assert_eq!(named, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn a_text_is_as_xml_has_it() {
        let mut line = String::new();
        write_text(&mut line, "a < b & \"c\"\r\n\u{1}\u{ffff}");
        assert_eq!(line, "a &lt; b &amp; \"c\"&#13;\n");
        line.clear();
        write_text(&mut line, &"я".repeat(TEXT_MAX + 1));
        assert_eq!((line.chars().count(), line.chars().last()), (TEXT_MAX, Some('…')));
    }
}
