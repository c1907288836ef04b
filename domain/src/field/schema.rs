//! What the checks say, said in JSON Schema: so that the API's description cannot promise anything else.

use super::{Field, FieldKind, Fields, Format, Limits};
use crate::check::{EMAIL_MAX, ITEMS_MAX, LINES_FROM};
use schemars::{
    Schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value};

/// Says in a struct's JSON Schema what its checks say: `#[schemars(transform = constrain::<Win>)]`. For what is asked
/// only; what is stored is read whatever it is.
pub fn constrain<T: Fields>(schema: &mut Schema) {
    constrain_fields(schema, T::FIELDS);
}

/// The same for a list of fields, into the parts of which it descends where the schema has them in place.
pub fn constrain_fields(schema: &mut Schema, fields: &[Field]) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for field in fields {
        if let Some(property) = properties.get_mut(field.name).and_then(Value::as_object_mut) {
            field.constrain(property);
        }
    }
}

/// Says of every value in the schema of something asked for, whatever the field, what all readers check: how many decimal
/// places, which years, how large a whole number, and that an object has no fields but its own. Its parts must be in place.
pub fn constrain_values(schema: &mut Schema) {
    RecursiveTransform(constrain_value).transform(schema);
}

fn constrain_value(schema: &mut Schema) {
    let places = schema.get("x-decimal-places").and_then(Value::as_u64);
    if let Some(step) = places.and_then(|places| serde_json::from_str(&format!("1e-{places}")).ok()) {
        schema.insert("multipleOf".to_owned(), step);
    }
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    match format {
        "date" | "date-time" => {
            schema.insert("pattern".to_owned(), DATE_PATTERN.into());
        }
        "uint32" => {
            schema.insert("maximum".to_owned(), u32::MAX.into());
        }
        _ => {}
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
        for (key, rule) in anything(ANYTHING_DEPTH)
            .into_iter()
            .filter(|(key, _)| key != "pattern" && key != "items")
        {
            schema.insert(key, rule);
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default"); // absent is not null
    }
    let is = |schema: &Schema, name: &str| match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|known| known == name),
        known => known.is_some_and(|known| known == name),
    };
    let said = ["pattern", "format", "enum", "const"]
        .iter()
        .any(|key| schema.get(*key).is_some());
    if is(schema, "string") && !said {
        schema.insert("pattern".to_owned(), text_pattern(LINES_FROM, false).into());
    }
    if is(schema, "object") && schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

/// How deep the texts of what may be anything are described.
const ANYTHING_DEPTH: usize = 3;

/// Whatever it is, its texts and names have no control characters but line breaks and tabs.
fn anything(depth: usize) -> Map<String, Value> {
    let pattern = Value::from(text_pattern(LINES_FROM, false));
    let mut rules = Map::from_iter([("pattern".to_owned(), pattern.clone())]);
    if depth > 0 {
        let inner = Value::from(anything(depth - 1));
        let names = Map::from_iter([("pattern".to_owned(), pattern)]);
        rules.insert("items".to_owned(), inner.clone());
        rules.insert("additionalProperties".to_owned(), inner);
        rules.insert("propertyNames".to_owned(), names.into());
    }
    rules
}

impl Field {
    fn constrain(&self, property: &mut Map<String, Value>) {
        let may_be_blank = self.nullable && !self.limits.required;
        match property.get_mut("items").and_then(Value::as_object_mut) {
            Some(items) => {
                let each = Limits {
                    required: true,
                    ..self.limits
                };
                each.constrain(self.kind, false, items);
                constrain_parts(items, self.parts);
                property.insert("maxItems".into(), ITEMS_MAX.into());
            }
            None => {
                self.limits.constrain(self.kind, may_be_blank, property);
                constrain_parts(property, self.parts);
            }
        }
    }
}

fn constrain_parts(object: &mut Map<String, Value>, parts: &[Field]) {
    let mut schema = Schema::from(std::mem::take(object));
    constrain_fields(&mut schema, parts);
    *object = schema.ensure_object().clone();
}

impl Limits {
    /// A text of blanks is nothing, where nothing is allowed.
    fn constrain(&self, kind: FieldKind, may_be_blank: bool, property: &mut Map<String, Value>) {
        let mut say = |key: &str, value: Value| property.insert(key.to_owned(), value);
        let whole = |pattern: &str| {
            let blank = if may_be_blank {
                format!("{BLANKS}|")
            } else {
                String::new()
            };
            format!("^({blank}{pattern})$")
        };
        match kind {
            FieldKind::Text | FieldKind::Tags => {
                if let Some(max) = self.max {
                    say("maxLength", max.into());
                    say("pattern", text_pattern(max, self.required).into());
                }
                if let Some(format) = self.format {
                    say("pattern", whole(&format.pattern()).into());
                    if !may_be_blank {
                        say("maxLength", format.longest().into());
                    }
                }
                if let (Some(Format::Email), false) = (self.format, may_be_blank) {
                    say("format", "email".into());
                }
            }
            FieldKind::Number => {
                if let Some(least) = self.least {
                    say("minimum", least.into());
                }
                if let Some(most) = self.most {
                    say("maximum", most.into());
                }
                if self.positive {
                    say("exclusiveMinimum", 0.into());
                }
            }
            _ => {}
        }
    }
}

/// The years of `crate::time::YEARS`.
const DATE_PATTERN: &str = "^(19|[2-9][0-9])[0-9]{2}-";

impl Format {
    /// What `Check` says of it.
    fn pattern(self) -> String {
        match self {
            Self::Email => {
                let plain = r#"\s<>,;"@\x00-\x1f\x7f-\x9f"#;
                format!(r"[^{plain}]+@[^{plain}.]+(\.[^{plain}.]+)+")
            }
            Self::TwelveDigits => "[0-9]{12}".to_owned(),
            Self::Currency => "[A-Z]{3}".to_owned(),
        }
    }

    const fn longest(self) -> usize {
        match self {
            Self::Email => EMAIL_MAX,
            Self::TwelveDigits => 12,
            Self::Currency => 3,
        }
    }
}

/// Blanks as a text may have them: control characters are none.
const BLANKS: &str = r"[^\S\x00-\x1f\x7f-\x9f]*";
/// A text without line breaks and other control characters.
pub const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// The same with something to be seen in it.
pub const FILLED_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// Refused are control characters, but for line breaks and tabs in what may run over several lines; required is one
/// that is seen.
fn text_pattern(max: usize, required: bool) -> String {
    let refused = if max >= LINES_FROM {
        r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    } else {
        r"\x00-\x1f\x7f-\x9f"
    };
    let seen = if required {
        format!(r"[^\s{refused}][^{refused}]*")
    } else {
        String::new()
    };
    format!("^[^{refused}]*{seen}$")
}

#[cfg(test)]
mod tests;
