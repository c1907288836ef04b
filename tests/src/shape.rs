//! What a request's body looks like, told so that every wrong value of every field can be tried: an example that is
//! accepted, and for each place in it the kind of value that belongs there.

use domain::{
    Fields,
    field::{FieldKind, Format},
};
use reqwest::Method;
use serde_json::Value;

/// A route with a body.
pub struct Shape {
    pub method: Method,
    /// As the OpenAPI document has it.
    pub route: &'static str,
    /// With ids.
    pub path: String,
    pub good: Value,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub struct Field {
    /// `products[0].quantity`, as refusals name it.
    pub at: String,
    kind: Kind,
    pub required: bool,
    /// Null is as good as nothing.
    nullable: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// 0 = as long as one likes.
    Text {
        max: usize,
    },
    Email,
    Password,
    TwelveDigits,
    /// With that many places, and the rule that -1 breaks.
    Number {
        places: usize,
        minus_one: &'static str,
    },
    Whole,
    Uuid,
    Flag,
    Choice,
    List,
    Object,
    /// An object in a list.
    Item,
}

/// A value that is refused.
pub struct Wrong {
    /// JSON text, for not everything odd can be held as a value.
    pub json: String,
    pub code: &'static str,
    /// Where the field is certain to be named: the rule it breaks, or `ANY`.
    pub rule: Option<&'static str>,
}

/// Two rules fit as well as one another.
pub const ANY: &str = "any";

/// `name:text200! tags:list tags[0]:text100!`: the places of a body, each with what belongs there; `!` = required.
pub fn fields(text: &str) -> Vec<Field> {
    text.split_whitespace().map(Field::parse).collect()
}

/// The places of a noun's body: of a new one, or of a change.
pub fn noun<F: Fields>(new: bool, beside: &str) -> Vec<Field> {
    let listed = F::FIELDS.iter().flat_map(|field| Field::listed("", new, field));
    listed.chain(fields(beside)).collect()
}

const INVALID: &str = "VALIDATION_FAILED";

impl Field {
    fn parse(text: &str) -> Self {
        let (at, kind) = text.split_once(':').expect("a place and a kind");
        let required = kind.ends_with('!');
        let kind = match kind.trim_end_matches('!') {
            "email" => Kind::Email,
            "password" => Kind::Password,
            "twelve_digits" => Kind::TwelveDigits,
            "amount" => Kind::Number {
                places: 2,
                minus_one: "negative",
            },
            "positive_amount" => Kind::Number {
                places: 2,
                minus_one: "not_positive",
            },
            "quantity" => Kind::Number {
                places: 3,
                minus_one: "not_positive",
            },
            "level" => Kind::Number {
                places: 3,
                minus_one: "negative",
            },
            "rate" => Kind::Number {
                places: 6,
                minus_one: "not_positive",
            },
            "percent" => Kind::Number {
                places: 2,
                minus_one: "out_of_range",
            },
            "whole" => Kind::Whole,
            "uuid" => Kind::Uuid,
            "flag" => Kind::Flag,
            "choice" => Kind::Choice,
            "list" => Kind::List,
            "object" => Kind::Object,
            "item" => Kind::Item,
            text => Kind::Text {
                max: text
                    .strip_prefix("text")
                    .and_then(|max| max.parse().ok())
                    .expect("text and its limit"),
            },
        };
        Self {
            at: at.to_owned(),
            kind,
            required,
            nullable: !required,
        }
    }

    /// The places of a noun's field, which the domain lists; dates have a test of their own.
    fn listed(within: &str, new: bool, listed: &domain::field::Field) -> Vec<Self> {
        let domain::field::Field {
            name,
            kind,
            nullable,
            asked,
            filled,
            limits,
            parts,
            ..
        } = *listed;
        let at = if within.is_empty() {
            name.to_owned()
        } else {
            format!("{within}.{name}")
        };
        let kind = match (kind, limits.format) {
            _ if !asked => return vec![],
            (FieldKind::Date | FieldKind::Time, _) => return vec![],
            (_, Some(Format::Email)) => Kind::Email,
            (_, Some(Format::TwelveDigits)) => Kind::TwelveDigits,
            (FieldKind::Choice(_), _) | (_, Some(Format::Currency)) => Kind::Choice,
            (FieldKind::Text, None) => Kind::Text {
                max: limits.max.expect("a text has a limit"),
            },
            (FieldKind::Number, _) => Kind::Number {
                places: 3,
                minus_one: match (limits.positive, limits.most) {
                    (true, _) => "not_positive",
                    (_, Some(_)) => "out_of_range",
                    _ => "negative",
                },
            },
            (FieldKind::Bool, _) => Kind::Flag,
            (FieldKind::Uuid, _) => Kind::Uuid,
            (FieldKind::Custom, _) => Kind::Object,
            (FieldKind::Json, _) if parts.is_empty() => Kind::Object,
            (FieldKind::Tags | FieldKind::Json, _) => Kind::List,
        };
        // Null is no value of what has to be there.
        let nullable = nullable && !limits.required;
        let place = |at: String, kind, required, nullable| Self {
            at,
            kind,
            required,
            nullable,
        };
        let mut places = vec![place(at.clone(), kind, new && limits.required && !filled, nullable)];
        let item = format!("{at}[0]");
        if let (FieldKind::Tags, Some(max)) = (listed.kind, limits.max) {
            places.push(place(item, Kind::Text { max }, true, false));
        } else if !parts.is_empty() {
            places.push(place(item.clone(), Kind::Item, false, true));
            places.extend(parts.iter().flat_map(|part| Self::listed(&item, true, part)));
        }
        places
    }

    /// Every wrong value there is for it.
    pub fn wrong(&self) -> Vec<Wrong> {
        let wrong = |json: &str, rule: &'static str| Wrong {
            json: json.to_owned(),
            code: INVALID,
            rule: Some(rule),
        };
        let types = |all: &[&str]| all.iter().map(|json| wrong(json, "wrong_type")).collect::<Vec<_>>();
        let mut found = match self.kind {
            Kind::Text { .. } | Kind::Email | Kind::Password | Kind::TwelveDigits => {
                let mut found = types(&["7", "true", "[]", "{}", "[\"a\"]"]);
                found.push(wrong("\"a\\u0000b\"", "not_allowed"));
                found.push(Wrong {
                    json: "\"\\ud800\"".to_owned(),
                    code: INVALID,
                    rule: None,
                });
                found
            }
            Kind::Number { .. } => {
                let mut found = types(&["\"12\"", "\"NaN\"", "true", "[]", "{}"]);
                found.extend(
                    [
                        "1e400",
                        "-1e400",
                        "99999999999999999999",
                        "-99999999999999999999",
                        "1e30",
                    ]
                    .map(|json| wrong(json, "too_large")),
                );
                found.extend(["NaN", "Infinity", "0x10", "1,5"].map(|json| Wrong {
                    json: json.to_owned(),
                    code: INVALID,
                    rule: None,
                }));
                found
            }
            Kind::Whole => {
                let mut found = types(&["\"12\"", "true", "[]", "{}", "1.5"]);
                found.push(wrong("-1", "negative"));
                found.extend(["1e400", "99999999999999999999"].map(|json| wrong(json, ANY)));
                found
            }
            Kind::Uuid => [
                "\"7\"",
                "\"\"",
                "7",
                "[]",
                "{}",
                "\"0190c2a5-0000-7000-8000-00000000000g\"",
                "\"'; drop table log.events; --\"",
            ]
            .map(|json| Wrong {
                json: json.to_owned(),
                code: "INVALID_UUID",
                rule: Some("not_a_uuid"),
            })
            .into(),
            Kind::Flag => types(&["\"true\"", "1", "[]", "{}"]),
            Kind::Choice => ["\"PALACE\"", "\"\"", "\"a\\u0000\""]
                .map(|json| wrong(json, "not_allowed"))
                .into_iter()
                .chain(types(&["7", "[]"]))
                .collect(),
            Kind::List => types(&["7", "{}", "\"a\"", "true"]),
            Kind::Object | Kind::Item => types(&["7", "[]", "\"a\"", "true"]),
        };
        found.extend(self.beyond());
        if !self.nullable {
            found.push(Wrong {
                json: "null".to_owned(),
                code: "REQUIRED_FIELD",
                rule: Some("required"),
            });
        }
        found
    }

    /// Of the right type, and not allowed.
    fn beyond(&self) -> Vec<Wrong> {
        let wrong = |json: &str, rule: &'static str| Wrong {
            json: json.to_owned(),
            code: INVALID,
            rule: Some(rule),
        };
        match self.kind {
            Kind::Text { max } => {
                let mut found = Vec::new();
                if self.required {
                    found.extend(["\"\"", "\"  \\t \""].map(|json| Wrong {
                        json: json.to_owned(),
                        code: "REQUIRED_FIELD",
                        rule: Some("required"),
                    }));
                }
                if max > 0 {
                    found.extend(
                        [max + 1, 900_000 / "Ә".len()]
                            .map(|length| wrong(&format!("\"{}\"", "Ә".repeat(length)), "too_long")),
                    );
                }
                found
            }
            Kind::Email => [
                "a",
                "a@",
                "@b.kz",
                "a b@c.kz",
                "a@b",
                "a@b@c.kz",
                "a@.kz",
                "<a@b.kz>",
                "a\\n@b.kz",
            ]
            .map(|text| wrong(&format!("\"{text}\""), "not_an_email"))
            .into(),
            Kind::Password => vec![
                wrong("\"short\"", "weak_password"),
                wrong(&format!("\"{}\"", "x".repeat(900_000)), "too_long"),
            ],
            Kind::TwelveDigits => ["12", "12345678901a", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢"]
                .map(|text| wrong(&format!("\"{text}\""), "not_twelve_digits"))
                .into(),
            Kind::Number { places, minus_one } => {
                let mut found = vec![
                    wrong("-1", minus_one),
                    wrong(&format!("0.{}1", "0".repeat(places)), "too_precise"),
                    wrong(&format!("1.5{}1", "0".repeat(places)), "too_precise"),
                ];
                if minus_one == "not_positive" {
                    found.extend(["0", "-0.0"].map(|json| wrong(json, "not_positive")));
                }
                if minus_one == "out_of_range" {
                    found.push(wrong("100.01", "out_of_range"));
                }
                found
            }
            _ => Vec::new(),
        }
    }
}

impl Shape {
    /// Whether a body of so many bytes is more than signing in takes.
    pub fn is_too_long(&self, bytes: usize) -> bool {
        self.route.starts_with("/auth/") && bytes > 16 << 10
    }

    /// The body as text with something else at that place; `None` leaves the place out.
    pub fn with(&self, at: &str, json: Option<&str>) -> String {
        const MARK: &str = "here it stands";
        let mut body = self.good.clone();
        let (parent, name) = at.rsplit_once('.').unwrap_or(("", at));
        if let (None, Some(object)) = (json, place(&mut body, parent).as_object_mut()) {
            object.shift_remove(name);
        } else {
            *place(&mut body, at) = MARK.into();
        }
        body.to_string()
            .replace(&format!("\"{MARK}\""), json.unwrap_or_default())
    }

    /// If the field is an object in a list: what is in it, in a list instead.
    pub fn as_list(&self, field: &Field) -> Option<String> {
        let mut body = self.good.clone();
        let item = place(&mut body, &field.at);
        let values: Vec<Value> = item
            .as_object()
            .filter(|_| matches!(field.kind, Kind::Item))?
            .values()
            .cloned()
            .collect();
        Some(Value::Array(values).to_string())
    }

    /// Where there is a list, with something in it.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let lists = self.fields.iter().filter(|field| matches!(field.kind, Kind::List));
        lists
            .map(|field| field.at.as_str())
            .filter(|at| !place(&mut self.good.clone(), at)[0].is_null())
    }

    /// With the list's first item so many times.
    pub fn with_items(&self, at: &str, count: usize) -> String {
        let mut body = self.good.clone();
        let items = place(&mut body, at);
        let first = items[0].clone();
        *items = Value::Array(vec![first; count]);
        body.to_string()
    }
}

/// `products[0].quantity` in a body; a field that is not there comes to be.
fn place<'a>(body: &'a mut Value, at: &str) -> &'a mut Value {
    at.split('.')
        .filter(|name| !name.is_empty())
        .fold(body, |value, step| match step.split_once('[') {
            Some((name, index)) => &mut value[name][index.trim_end_matches(']').parse::<usize>().expect("an index")],
            None => &mut value[step],
        })
}
