//! A trail as lines, one an event: NDJSON with the fields of the API's entries, or CSV after RFC 4180. In either an entry is
//! one line, so that a file that was cut off is whole up to its last line, whose position says where to go on.

use super::Entry;
use serde::Serialize;
use serde_json::Value;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Ndjson,
    Csv,
}

const COLUMNS: [&str; 17] = [
    "position",
    "version",
    "at",
    "type",
    "resource",
    "streamId",
    "sentence",
    "actor",
    "name",
    "from",
    "commandId",
    "correlationId",
    "saga",
    "instance",
    "causePosition",
    "causationId",
    "changes",
];

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            _ => Err("ndjson or csv".to_owned()),
        }
    }
}

impl Format {
    /// What stands before the first entry.
    pub fn head(self) -> String {
        match self {
            Self::Ndjson => String::new(),
            Self::Csv => record(COLUMNS.map(str::to_owned)),
        }
    }

    /// Whether a file that begins so, or is cut off so soon, may be an export.
    pub fn begins(self, bytes: &[u8]) -> bool {
        let head = match self {
            Self::Ndjson => "{\"position\":".to_owned(),
            Self::Csv => self.head(),
        };
        bytes.iter().zip(head.as_bytes()).all(|(found, ours)| found == ours)
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// The entry with the end of its line.
    pub fn line(self, entry: &Entry) -> Result<String, serde_json::Error> {
        match self {
            Self::Ndjson => serde_json::to_string(entry).map(|line| line + "\n"),
            Self::Csv => csv(entry),
        }
    }

    /// The position of the entry on a whole line.
    pub fn position(self, line: &str) -> Option<i64> {
        match self {
            Self::Ndjson => serde_json::from_str::<Value>(line).ok()?["position"].as_i64(),
            Self::Csv => line.split(',').next()?.parse().ok(),
        }
    }
}

fn csv(entry: &Entry) -> Result<String, serde_json::Error> {
    let cause = entry.caused_by.as_ref();
    let text = |value: Option<String>| value.unwrap_or_default();
    Ok(record([
        entry.position.to_string(),
        entry.version.to_string(),
        word(entry.at)?,
        entry.kind.clone(),
        entry.resource.to_owned(),
        entry.stream_id.to_string(),
        entry.sentence.clone(),
        entry.who.actor.clone(),
        text(entry.who.name.clone()),
        text(entry.from.clone()),
        text(entry.request.command_id.map(|id| id.to_string())),
        text(entry.request.correlation_id.map(|id| id.to_string())),
        text(cause.and_then(|cause| cause.saga.clone())),
        text(cause.and_then(|cause| cause.instance).map(|id| id.to_string())),
        text(
            cause
                .and_then(|cause| cause.position)
                .map(|position| position.to_string()),
        ),
        text(cause.and_then(|cause| cause.causation_id).map(|id| id.to_string())),
        serde_json::to_string(&entry.changes)?,
    ]))
}

/// As JSON writes it, without quotes.
fn word(value: impl Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(&value)?;
    Ok(text.trim_matches('"').to_owned())
}

fn record<const N: usize>(fields: [String; N]) -> String {
    fields.map(field).join(",") + "\r\n"
}

/// What a spreadsheet would take for a formula begins with an apostrophe; breaks of the line are blanks.
fn field(text: String) -> String {
    let text = text.replace(['\r', '\n'], " ");
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t']) || text.starts_with('\t');
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_no_formula_and_one_line() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("+7", "'+7"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\tx", "'\tx"),
            (" =1", "' =1"),
            ("\n=1", "' =1"),
            ("=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""),
            ("two\r\nlines", "two  lines"),
        ] {
            assert_eq!(field(text.to_owned()), written, "{text:?}");
        }
    }

    #[test]
    fn a_line_says_its_position() {
        assert_eq!(Format::Csv.position("17,1,x\r"), Some(17));
        assert_eq!(Format::Ndjson.position("{\"position\":17,\"version\":1}"), Some(17));
        assert_eq!(Format::Csv.position(&Format::Csv.head()), None);
        assert_eq!(Format::Ndjson.position("{\"position\":1"), None);
    }
}
