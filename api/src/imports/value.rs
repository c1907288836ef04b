//! What a cell means, by the kind of field that its column is: people write 1 234,50 and 31.01.2026, and what they mean is what a request would
//! say. Whether a field may have that value is the noun's own rule.

use super::columns::Target;
use crate::extract::Json;
use domain::{Rule, field::FieldKind};
use unicode_normalization::UnicodeNormalization;

const YES: [&str; 6] = ["true", "1", "yes", "да", "иә", "истина"];
const NO: [&str; 6] = ["false", "0", "no", "нет", "жоқ", "ложь"];

/// Nothing: the cell says nothing.
pub fn read(target: &Target, text: &str) -> Result<Option<Json>, Rule> {
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Ok(target.nullable.then_some(Json::Null));
    }
    if text.contains(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        return Err(Rule::NotAllowed);
    }
    Ok(Some(match target.kind {
        FieldKind::Text | FieldKind::Uuid | FieldKind::Time => Json::Text(target.word(text)),
        FieldKind::Number => Json::Number(number(&text).ok_or(Rule::WrongType)?),
        FieldKind::Bool => Json::Bool(flag(&text).ok_or(Rule::WrongType)?),
        FieldKind::Date => Json::Text(day(&text)),
        FieldKind::Choice(words) => {
            let word = words.iter().find(|word| word.to_lowercase() == text.to_lowercase());
            Json::Text(word.map_or(text, |word| (*word).to_owned()))
        }
        FieldKind::Tags if !text.starts_with('[') => {
            let words = text.split(';').map(str::trim).filter(|word| !word.is_empty());
            Json::List(words.map(|word| Json::Text(word.to_owned())).collect())
        }
        FieldKind::Tags | FieldKind::Custom | FieldKind::Json => {
            Json::read(text.as_bytes()).map_err(|_| Rule::WrongType)?
        }
    }))
}

/// Digits with a point: `1 234,50` is 1234.50.
fn number(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let plain = match plain.contains('.') {
        true => plain,
        false => plain.replace(',', "."),
    };
    let (sign, digits) = match plain.strip_prefix(['-', '−']) {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(match digits.contains('.') {
        true => format!("{sign}{whole}.{fraction}"),
        false => format!("{sign}{whole}"),
    })
}

fn flag(text: &str) -> Option<bool> {
    let text = text.to_lowercase();
    let is_one_of = |words: [&str; 6]| words.contains(&text.as_str());
    match (is_one_of(YES), is_one_of(NO)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// As 2026-01-31, if it is a day at all; what is not, its field refuses.
fn day(text: &str) -> String {
    let date = text.split(['T', ' ']).next().unwrap_or(text);
    let parts: Vec<&str> = date.split('.').collect();
    match parts[..] {
        [day, month, year] if year.len() == 4 => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: FieldKind, text: &str) -> Result<Option<Json>, &'static str> {
        read(&Target::new("field", kind), text).map_err(|rule| rule.code())
    }

    #[test]
    fn a_cell_is_what_people_mean_by_it() {
        let (text, number) = (
            |text: &str| Json::Text(text.into()),
            |digits: &str| Json::Number(digits.into()),
        );
        for (kind, written, meant) in [
            (FieldKind::Text, " Товар ", text("Товар")),
            (FieldKind::Text, "и\u{306}", text("й")),
            (FieldKind::Number, "1 234,50", number("1234.50")),
            (FieldKind::Number, "1\u{a0}234", number("1234")),
            (FieldKind::Number, "-007.5", number("-7.5")),
            (FieldKind::Number, "+0", number("0")),
            (FieldKind::Bool, "Да", Json::Bool(true)),
            (FieldKind::Bool, "FALSE", Json::Bool(false)),
            (FieldKind::Date, "31.01.2026", text("2026-01-31")),
            (FieldKind::Date, "1.2.2026", text("2026-02-01")),
            (FieldKind::Date, "2026-01-31T00:00:00", text("2026-01-31")),
            (FieldKind::Date, "tomorrow", text("tomorrow")),
            (FieldKind::Choice(&["ACTIVE"]), "active", text("ACTIVE")),
            (FieldKind::Choice(&["ACTIVE"]), "lost", text("lost")),
            (FieldKind::Tags, "a; b c;", Json::List(vec![text("a"), text("b c")])),
            (FieldKind::Tags, r#"["a;b"]"#, Json::List(vec![text("a;b")])),
            (
                FieldKind::Json,
                r#"{"a":1}"#,
                Json::Object(vec![("a".into(), number("1"))]),
            ),
        ] {
            assert_eq!(told(kind, written), Ok(Some(meant)), "{written:?}");
        }
    }

    #[test]
    fn what_it_cannot_mean_is_refused() {
        for (kind, written, rule) in [
            (FieldKind::Number, "ten", "wrong_type"),
            (FieldKind::Number, "1.2.3", "wrong_type"),
            (FieldKind::Number, "1e5", "wrong_type"),
            (FieldKind::Number, "-", "wrong_type"),
            (FieldKind::Bool, "maybe", "wrong_type"),
            (FieldKind::Json, "{", "wrong_type"),
            (FieldKind::Text, "a\u{1}", "not_allowed"),
        ] {
            assert_eq!(told(kind, written), Err(rule), "{written:?}");
        }
    }

    #[test]
    fn an_empty_cell_empties_what_may_be_empty() {
        let target = Target::new("field", FieldKind::Text);
        assert_eq!(read(&target, " "), Ok(None));
        let nullable = Target {
            nullable: true,
            ..target
        };
        assert_eq!(read(&nullable, ""), Ok(Some(Json::Null)));
    }
}
