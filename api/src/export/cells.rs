//! A row's texts as cells: numbers stay numbers, a list of words is one text with semicolons, and what has parts of its own is told as JSON.

use domain::office::custom_field::Details;
use projections::{ColumnKind, view::Shown};
use serde_json::value::RawValue;
use sheets::Cell;
use std::collections::HashMap;

/// Between the words of a list; where one holds it, the list is told as JSON.
pub const BETWEEN: &str = "; ";

/// `own` are the workspace's own fields, a cell each.
pub fn of<'a>(fields: &[Shown], own: &[Details], row: &'a [Option<String>]) -> Vec<Cell<'a>> {
    let mut cells = Vec::with_capacity(fields.len() + own.len());
    for (field, text) in fields.iter().zip(row) {
        match field.kind {
            ColumnKind::Custom => cells.extend(own_cells(own, text.as_deref())),
            kind => cells.push(cell(kind, text.as_deref())),
        }
    }
    cells
}

fn own_cells<'a>(own: &[Details], values: Option<&'a str>) -> impl Iterator<Item = Cell<'a>> {
    let values = values.and_then(|values| serde_json::from_str(values).ok());
    let values: HashMap<String, &'a RawValue> = values.unwrap_or_default();
    own.iter().map(move |field| {
        let value = values.get(&field.key).copied().map(RawValue::get);
        match value.map(|value| (value, serde_json::from_str::<String>(value))) {
            None => Cell::Nothing,
            Some((_, Ok(text))) => Cell::Text(text.into()),
            Some((digits, Err(_))) => Cell::Number(digits),
        }
    })
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

    #[test]
    fn each_of_the_workspaces_own_fields_has_a_cell() {
        let own = ["size", "class", "due"].map(|key| Details {
            key: key.into(),
            ..Details::default()
        });
        let fields = [("code", ColumnKind::Text), ("custom", ColumnKind::Custom)];
        let fields = fields.map(|(name, kind)| Shown::new(name, "", kind));
        let row = ["a", r#"{"size": 0.10, "class": "=\"A\"", "gone": 1}"#].map(|text| Some(text.to_owned()));
        let text = |text: &'static str| Cell::Text(text.into());
        assert_eq!(
            of(&fields, &own, &row),
            [text("a"), Cell::Number("0.10"), text("=\"A\""), Cell::Nothing]
        );
        let [code, _] = row;
        assert_eq!(of(&fields, &own[..1], &[code, None]), [text("a"), Cell::Nothing]);
    }
}
