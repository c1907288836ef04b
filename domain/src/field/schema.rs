//! What the checks say, said in JSON Schema: so that the API's description cannot promise anything else.

use super::{Field, FieldKind, Fields, Format, Limits};
use crate::check::{ITEMS_MAX, LINES_FROM};
use schemars::Schema;
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

impl Field {
    fn constrain(&self, property: &mut Map<String, Value>) {
        match property.get_mut("items").and_then(Value::as_object_mut) {
            Some(items) => {
                let each = Limits {
                    required: true,
                    ..self.limits
                };
                each.constrain(self.kind, items);
                constrain_parts(items, self.parts);
                property.insert("maxItems".into(), ITEMS_MAX.into());
            }
            None => {
                self.limits.constrain(self.kind, property);
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
    fn constrain(&self, kind: FieldKind, property: &mut Map<String, Value>) {
        let mut say = |key: &str, value: Value| property.insert(key.to_owned(), value);
        match kind {
            FieldKind::Text | FieldKind::Tags => {
                if let Some(max) = self.max {
                    say("maxLength", max.into());
                    say("pattern", text_pattern(max, self.required).into());
                }
                match self.format {
                    Some(Format::Email) => say("format", "email".into()),
                    Some(Format::TwelveDigits) => say("pattern", "^[0-9]{12}$".into()),
                    Some(Format::Currency) => say("pattern", "^[A-Z]{3}$".into()),
                    None => None,
                };
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
