//! The first sheet of an XLSX workbook. Its parts are unpacked once to see how much they really are, for what a ZIP file says of that is
//! whatever its maker wrote; and cells are taken one by one, for where they say that they stand may be far away.

use super::{Gathering, Limits, ReadError};
use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use std::io::{self, Cursor, Read};
use zip::ZipArchive;

/// Parts of a workbook; pictures and the like among them.
const PARTS_MAX: usize = 1_000;

pub fn rows(file: &[u8], limits: &Limits) -> Result<Vec<Vec<String>>, ReadError> {
    weighed(file, limits)?;
    let broken = |_| ReadError::Broken;
    let mut workbook = Xlsx::new(Cursor::new(file)).map_err(broken)?;
    let sheet = workbook.sheet_names().first().cloned().ok_or(ReadError::NoTable)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(broken)?;
    let (mut gathering, mut rows) = (Gathering::new(limits), Vec::<Vec<String>>::new());
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let text = text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let (row, column) = (row as usize, column as usize);
        gathering.cell((row, column), &text)?;
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        let cells = &mut rows[row];
        if cells.len() <= column {
            cells.resize_with(column + 1, String::new);
        }
        cells[column] = text;
    }
    Ok(rows)
}

/// Whether all its parts unpacked are no more than may be.
fn weighed(file: &[u8], limits: &Limits) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| ReadError::NoTable)?;
    if archive.len() > PARTS_MAX {
        return Err(ReadError::TooLarge);
    }
    let mut left = limits.bytes;
    for n in 0..archive.len() {
        let part = archive.by_index(n).map_err(|_| ReadError::Broken)?;
        // One byte more tells that there is too much.
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|_| ReadError::Broken)?;
        left = left.checked_sub(unpacked).ok_or(ReadError::TooLarge)?;
    }
    Ok(())
}

/// As people see it: days as 2026-01-31, numbers with as many digits as a spreadsheet shows.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(whole) => whole.to_string(),
        DataRef::Float(float) => number(*float),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) => day(moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// A spreadsheet counts with fifteen digits; what comes behind them is noise of its binary numbers.
fn number(float: f64) -> String {
    let shown = format!("{float:.14e}").parse::<f64>().unwrap_or(float);
    shown.to_string()
}

fn day(moment: &ExcelDateTime) -> String {
    if !moment.is_datetime() {
        return number(moment.as_f64());
    }
    match moment.to_ymd_hms_milli() {
        (year, month, day, 0, 0, 0, _) => format!("{year:04}-{month:02}-{day:02}"),
        // As it is shown there: a spreadsheet knows no zones.
        (year, month, day, hour, minute, second, _) => {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Format, Writer, read};
    use std::io::Write;
    use zip::{ZipWriter, write::SimpleFileOptions};

    #[test]
    fn numbers_are_as_a_spreadsheet_shows_them() {
        for (float, shown) in [
            (10.0, "10"),
            (0.1 + 0.2, "0.3"),
            (-1.25, "-1.25"),
            (123_456_789_012.0, "123456789012"),
            (0.0, "0"),
        ] {
            assert_eq!(number(float), shown);
        }
    }

    #[test]
    fn a_file_that_swells_is_refused_before_it_does() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("xl/sharedStrings.xml", SimpleFileOptions::default())
            .unwrap();
        zip.write_all(&vec![b' '; 4 << 20]).unwrap();
        let file = zip.finish().unwrap().into_inner();
        assert!(file.len() < 100_000);
        let limits = Limits {
            bytes: 1 << 20,
            ..Limits::default()
        };
        assert_eq!(read(&file, &limits), Err(ReadError::TooLarge));
        assert_eq!(
            read(&file, &Limits::default()),
            Err(ReadError::Broken),
            "it is no workbook"
        );
    }

    #[test]
    fn a_cell_far_away_is_refused() {
        let mut writer = Writer::begin(Format::Xlsx).unwrap();
        let cells: Vec<Cell<'_>> = (0..20).map(|_| Cell::Number("1")).collect();
        writer.row(&cells).unwrap();
        let file = writer.finish().unwrap();
        let limits = Limits {
            columns: 19,
            ..Limits::default()
        };
        assert_eq!(read(&file, &limits), Err(ReadError::TooManyColumns(19)));
    }
}
