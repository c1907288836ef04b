//! Lines of text with a delimiter between cells.

use super::{Gathering, Limits, ReadError};
use crate::meant;
use csv::ReaderBuilder;
use encoding_rs::{UTF_8, WINDOWS_1251};
use std::borrow::Cow;

/// Comma, semicolon (where the comma stands in numbers), tab.
const DELIMITERS: [u8; 3] = *b",;\t";

pub fn rows(file: &[u8], limits: &Limits) -> Result<Vec<Vec<String>>, ReadError> {
    let text = decoded(file)?;
    let (delimiter, table) = delimited(&text);
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(table.as_bytes());
    let (mut gathering, mut rows) = (Gathering::new(limits), Vec::new());
    for record in reader.into_records() {
        let record = record.map_err(|_| ReadError::Broken)?;
        for (column, cell) in record.iter().enumerate() {
            gathering.cell((rows.len(), column), cell)?;
        }
        rows.push(record.iter().map(|cell| meant(cell).to_owned()).collect());
    }
    Ok(rows)
}

/// UTF-8, marked or not; else what Excel writes where people read Russian. No text has a zero, or a control character.
fn decoded(file: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if file.starts_with(&[0xff, 0xfe]) || file.starts_with(&[0xfe, 0xff]) {
        return Err(ReadError::Encoding);
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let text = UTF_8.decode_without_bom_handling_and_without_replacement(file);
    let text = match text {
        Some(text) => text,
        None => WINDOWS_1251
            .decode_without_bom_handling_and_without_replacement(file)
            .ok_or(ReadError::Encoding)?,
    };
    let is_no_text = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    match text.contains(is_no_text) {
        true => Err(ReadError::NoTable),
        false => Ok(text),
    }
}

/// The delimiter, as a first line `sep=;` says it for Excel, or the most frequent one of the first line outside of quotes; and the lines
/// that are the table.
fn delimited(text: &str) -> (u8, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some([delimiter]) = first.trim_end().strip_prefix("sep=").map(str::as_bytes)
        && DELIMITERS.contains(delimiter)
    {
        return (*delimiter, rest);
    }
    let mut quoted = false;
    let mut found = [0_usize; DELIMITERS.len()];
    for letter in text.bytes() {
        match letter {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            letter if !quoted => {
                if let Some(n) = DELIMITERS.iter().position(|delimiter| *delimiter == letter) {
                    found[n] += 1;
                }
            }
            _ => {}
        }
    }
    // Of those that are as frequent the first.
    let best = (0..DELIMITERS.len()).rev().max_by_key(|n| found[*n]).unwrap_or(0);
    (DELIMITERS[best], text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8]) -> Result<Vec<Vec<String>>, ReadError> {
        rows(file, &Limits::default())
    }

    #[test]
    fn a_table_is_read_however_it_is_written() {
        let wanted = vec![
            vec!["код".to_owned(), "цена".to_owned()],
            vec!["а".to_owned(), "1,5".to_owned()],
        ];
        let cp1251 = b"\xea\xee\xe4;\xf6\xe5\xed\xe0\r\n\xe0;1,5\r\n";
        for file in [
            "код,цена\r\nа,\"1,5\"\r\n".as_bytes(),
            "\u{feff}код;цена\nа;1,5".as_bytes(),
            "код\tцена\nа\t1,5\n".as_bytes(),
            "sep=;\r\nкод;цена\r\nа;1,5\r\n".as_bytes(),
            "\"код\";цена\nа;1,5".as_bytes(),
            cp1251,
        ] {
            assert_eq!(read(file).unwrap(), wanted, "{}", String::from_utf8_lossy(file));
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for (file, why) in [
            (&b"\xff\xfea\0b\0"[..], ReadError::Encoding),
            (b"\xfe\xff\0a\0b", ReadError::Encoding),
            (b"a,b\0", ReadError::NoTable),
            (b"\x89PNG\r\n\x1a\n", ReadError::NoTable),
            (b"%PDF-1.7\n\x01", ReadError::NoTable),
        ] {
            assert_eq!(read(file), Err(why), "{}", String::from_utf8_lossy(file));
        }
    }

    #[test]
    fn a_table_has_bounds() {
        let limits = |rows, columns, bytes| Limits { rows, columns, bytes };
        for (limits, why) in [
            (limits(2, 9, 999), ReadError::TooManyRows(1)),
            (limits(9, 1, 999), ReadError::TooManyColumns(1)),
            (limits(9, 9, 99), ReadError::TooLarge),
        ] {
            assert_eq!(rows(b"a,b\n1,2\n3,4\n", &limits), Err(why));
        }
        assert!(rows(b"a,b\n1,2\n3,4\n", &limits(3, 2, 999)).is_ok());
    }
}
