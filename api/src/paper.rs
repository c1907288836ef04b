//! What papers have in common here: the language that was asked for, amounts and days as people write them in it, and the answer
//! that is a PDF.

use crate::{
    i18n::{self, Language},
    openapi::parameter,
    problem::{Code, Problem},
    reply,
};
use aide::{OperationInput, OperationOutput, generate::GenContext, openapi};
use axum::{
    extract::{FromRequestParts, Query},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use domain::{Money, Percent, Quantity, Rule, finance::Currency};
use paper::Paper;
use serde_json::json;
use tokio::task;

const PDF: &str = "application/pdf";
/// What an amount does not break at.
const BLANK: char = '\u{a0}';

/// `?lang=kk`, and nothing else; without it, of `Accept-Language`.
#[derive(Debug, Clone, Copy)]
pub struct Wanted(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|_| Problem::new(Code::ValidationFailed))?;
        let mut wanted = Language::of(&parts.headers);
        for (name, value) in pairs {
            if name != "lang" {
                return Err(Problem::invalid_field(name, Rule::Unknown));
            }
            let known = Language::ALL.into_iter().find(|language| language.code() == value);
            wanted = known.ok_or_else(|| Problem::invalid_field("lang", Rule::NotAllowed))?;
        }
        Ok(Self(wanted))
    }
}

impl OperationInput for Wanted {
    fn operation_input(context: &mut GenContext, operation: &mut openapi::Operation) {
        Language::operation_input(context, operation);
        let schema = json!({ "type": "string", "enum": Language::ALL.map(Language::code) });
        let description = "The paper's language; without it, that of `Accept-Language`";
        parameter(
            operation,
            json!({ "name": "lang", "in": "query", "schema": schema, "description": description }),
        );
    }
}

/// A paper for whoever asked.
#[derive(Debug)]
pub struct Pdf {
    /// In letters that every program knows.
    plain: String,
    name: String,
    bytes: Vec<u8>,
}

impl Pdf {
    /// `plain`: the file's name for programs that know no other letters than ASCII's; others take the paper's title.
    pub async fn of(paper: Paper, plain: String) -> Result<Self, Problem> {
        let name = paper.title.clone();
        let made = task::spawn_blocking(move || paper.pdf()).await;
        let made = made.map_err(|_| Problem::internal())?;
        let bytes = made.map_err(|error| {
            tracing::error!(%error, "a paper cannot be printed");
            Problem::internal()
        })?;
        Ok(Self { plain, name, bytes })
    }
}

impl Pdf {
    /// What it is called, and its bytes: for a mail.
    pub fn into_file(self) -> (String, Vec<u8>) {
        (format!("{}.pdf", self.name), self.bytes)
    }
}

impl IntoResponse for Pdf {
    fn into_response(self) -> Response {
        let name = encoded(&self.name);
        let disposition = format!(
            "attachment; filename=\"{}.pdf\"; filename*=UTF-8''{name}.pdf",
            self.plain
        );
        let headers = [
            (header::CONTENT_TYPE, PDF.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ];
        (headers, self.bytes).into_response()
    }
}

impl OperationOutput for Pdf {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
        serde_json::from_value(json!({ "description": "The paper", "content": { PDF: bytes } })).ok()
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        reply::always(200, Self::operation_response(context, operation))
    }
}

/// A name of any letters in a header (RFC 8187).
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The words of papers.
pub fn word(language: Language, key: &str) -> String {
    i18n::plain(language, &format!("paper-{key}"))
}

/// `12 345,67 ₸`
pub fn amount(language: Language, amount: Money, currency: &Currency) -> String {
    let name = match currency.as_str() {
        "KZT" => "₸",
        "RUB" => "₽",
        "EUR" => "€",
        "USD" => "$",
        code => code,
    };
    let (sign, units) = (
        if amount.is_negative() { "-" } else { "" },
        amount.units().unsigned_abs(),
    );
    let amount = grouped(language, &format!("{sign}{}.{:02}", units / 100, units % 100));
    format!("{amount}{BLANK}{name}")
}

pub fn quantity(language: Language, quantity: Quantity) -> String {
    grouped(language, &shortest(&quantity.to_string()))
}

pub fn percent(language: Language, percent: Percent) -> String {
    grouped(language, &shortest(&percent.to_string()))
}

/// A date on a document, in figures or, where they could be taken for others, with the month's name.
pub fn day(language: Language, day: NaiveDate) -> String {
    let form = match language {
        Language::Kk | Language::Ru => "%d.%m.%Y",
        Language::En => "%-d %b %Y",
    };
    day.format(form).to_string()
}

fn shortest(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, part)) => match part.trim_end_matches('0') {
            "" => whole.to_owned(),
            part => format!("{whole}.{part}"),
        },
        None => number.to_owned(),
    }
}

/// The same number with its thousands apart.
fn grouped(language: Language, number: &str) -> String {
    let (thousand, point) = match language {
        Language::Kk | Language::Ru => (BLANK, ','),
        Language::En => (',', '.'),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut grouped = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(thousand);
        }
        grouped.push(digit);
    }
    if !part.is_empty() {
        grouped.push(point);
        grouped += part;
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_quantities_and_days_are_written_as_people_do() {
        let money = |units| Money::from_units(units).unwrap();
        for (language, units, written) in [
            (Language::Ru, 1_234_567, "12\u{a0}345,67\u{a0}₸"),
            (Language::Kk, -100_000_000, "-1\u{a0}000\u{a0}000,00\u{a0}₸"),
            (Language::En, 1_234_567, "12,345.67\u{a0}₸"),
            (Language::Ru, 5, "0,05\u{a0}₸"),
            (Language::Ru, -5, "-0,05\u{a0}₸"),
        ] {
            assert_eq!(amount(language, money(units), &Currency::kzt()), written);
        }
        assert_eq!(
            amount(Language::Ru, money(100), &Currency::from("CNY")),
            "1,00\u{a0}CNY"
        );
        let half = Quantity::from_units(1_500_500).unwrap();
        assert_eq!(quantity(Language::Kk, half), "1\u{a0}500,5");
        assert_eq!(quantity(Language::En, Quantity::whole(10)), "10");
        let last = NaiveDate::from_ymd_opt(2026, 11, 8).unwrap();
        assert_eq!(
            (day(Language::Kk, last), day(Language::En, last)),
            ("08.11.2026".into(), "8 Nov 2026".into())
        );
    }

    #[test]
    fn a_name_of_any_letters_is_a_header() {
        assert_eq!(encoded("Ә № 1"), "%D3%98%20%E2%84%96%201");
    }

    #[test]
    fn every_word_of_papers_is_there_in_three_languages() {
        let words = [
            "quote", "seller", "bin", "customer", "subject", "made", "valid", "name", "quantity", "price", "discount",
            "vat", "sum", "tax", "total", "page",
        ];
        for language in Language::ALL {
            for key in words {
                assert_ne!(word(language, key), format!("paper-{key}"), "{language:?}");
            }
        }
    }
}
