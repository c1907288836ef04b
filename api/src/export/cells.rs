//! A row's texts as cells: numbers stay numbers, a list of words is one text with semicolons, and what has parts of its own is told as JSON.

use projections::{ColumnKind, view::Shown};
use sheets::Cell;

/// Between the words of a list; where one holds it, the list is told as JSON.
pub const BETWEEN: &str = "; ";

pub fn of<'a>(fields: &[Shown], row: &'a [Option<String>]) -> Vec<Cell<'a>> {
    let cells = fields.iter().zip(row);
    cells.map(|(field, text)| cell(field.kind, text.as_deref())).collect()
}

pub fn texts(texts: &[String]) -> Vec<Cell<'_>> {
    texts.iter().map(|text| Cell::Text(text.into())).collect()
}

fn cell(kind: ColumnKind, text: Option<&str>) -> Cell<'_> {
    let Some(text) = text else { return Cell::Nothing };
    match kind {
        ColumnKind::Number => Cell::Number(text),
        ColumnKind::Tags => Cell::Text(words(text).into()),
        _ => Cell::Text(text.into()),
    }
}

fn words(json: &str) -> String {
    let words: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    match words.iter().any(|word| word.contains(BETWEEN.trim_end())) {
        true => json.to_owned(),
        false => words.join(BETWEEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_the_cell_of_its_kind() {
        let text = |text: &'static str| Cell::Text(text.into());
        for (kind, written, told) in [
            (ColumnKind::Text, Some("=1"), text("=1")),
            (ColumnKind::Number, Some("-10.50"), Cell::Number("-10.50")),
            (ColumnKind::Bool, Some("true"), text("true")),
            (ColumnKind::Tags, Some(r#"["a", "b c"]"#), text("a; b c")),
            (ColumnKind::Tags, Some("[]"), text("")),
            (ColumnKind::Tags, Some(r#"["a;b", "c"]"#), text(r#"["a;b", "c"]"#)),
            (ColumnKind::Json, Some(r#"{"a": 1}"#), text(r#"{"a": 1}"#)),
            (ColumnKind::Number, None, Cell::Nothing),
        ] {
            assert_eq!(cell(kind, written), told, "{kind:?} {written:?}");
        }
    }
}
