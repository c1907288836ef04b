//! The body of a command that makes or changes a noun: the fields of its one list, and what stands beside them. The two
//! are told apart by name; what neither has is refused.

use super::{
    body::{Asked, in_place, strictly},
    json::Json,
};
use crate::problem::Problem;
use domain::{
    Changes, Fields, Rule,
    field::{Format, constrain_fields, constrain_values},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

/// `NEW` only tells the API's description which fields must be there; that they are is the noun's own check.
pub struct With<F: Changes, B, const NEW: bool> {
    pub change: F::Change,
    pub beside: B,
}

/// To make one.
pub type New<F, B> = With<F, B, true>;
/// To change one: a field that is absent stays, null empties it.
pub type Edit<F, B> = With<F, B, false>;

/// Nothing stands beside the fields.
#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
pub struct Nothing {}

impl<F: Changes, B: fmt::Debug, const NEW: bool> fmt::Debug for With<F, B, NEW>
where
    F::Change: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With")
            .field("change", &self.change)
            .field("beside", &self.beside)
            .finish()
    }
}

impl<F, B, const NEW: bool> Asked for With<F, B, NEW>
where
    F: Changes,
    F::Change: DeserializeOwned + JsonSchema,
    B: DeserializeOwned + JsonSchema,
{
    /// The fields in place, with their limits, and what stands beside them.
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = in_place::<F::Change>(generator);
        constrain_fields(&mut schema, F::FIELDS);
        let mut beside = in_place::<B>(generator);
        let beside = beside
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .map(std::mem::take);
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| F::FIELDS.iter().any(|field| field.name == name && field.asked));
            for field in F::FIELDS.iter().filter(|field| field.nullable && field.limits.required) {
                if let Some(property) = properties.get_mut(field.name).and_then(Value::as_object_mut) {
                    property.insert("type".to_owned(), "string".into());
                }
            }
            properties.extend(beside.into_iter().flatten());
        }
        let required = F::FIELDS
            .iter()
            .filter(|field| NEW && field.asked && field.limits.required && !field.filled);
        let required: Vec<&str> = required.map(|field| field.name).collect();
        schema.insert("required".to_owned(), required.into());
        constrain_values(&mut schema);
        schema
    }

    fn numbers() -> Vec<&'static str> {
        numbers_of::<F>().collect()
    }

    fn read(json: Json) -> Result<Self, Problem> {
        let Json::Object(entries) = json else {
            return Err(Problem::malformed());
        };
        let asked = || F::FIELDS.iter().filter(|field| field.asked).map(|field| field.name);
        let (change, beside) = entries
            .into_iter()
            .partition(|(name, _)| asked().any(|known| known == name));
        let refused = |(field, rule)| Problem::invalid_field(field, rule);
        let change = strictly(Json::Object(change)).map_err(refused)?;
        let beside = strictly(Json::Object(beside)).map_err(|(field, rule)| match rule {
            Rule::NoSuchField { known } if !field.contains('.') => {
                let known = asked().map(str::to_owned).chain(known);
                refused((field, Rule::NoSuchField { known: known.collect() }))
            }
            rule => refused((field, rule)),
        })?;
        Ok(Self {
            change: F::tidy_change(change),
            beside,
        })
    }
}

/// Which of a noun's fields are a BIN or an IIN.
pub fn numbers_of<F: Fields>() -> impl Iterator<Item = &'static str> {
    let numbers = F::FIELDS
        .iter()
        .filter(|field| field.limits.format == Some(Format::TwelveDigits));
    numbers.map(|field| field.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::deal::Beside;
    use domain::{Money, Patch, sales::deal::Details};

    fn read(text: &str) -> Result<Edit<Details, Beside>, (String, Rule)> {
        let read = Edit::<Details, Beside>::read(Json::read(text.as_bytes()).unwrap());
        read.map_err(|problem| {
            let violation = &problem.violations()[0];
            (violation.field.clone(), violation.rule.clone())
        })
    }

    #[test]
    fn the_noun_s_fields_and_what_stands_beside_them_are_told_apart() {
        let text = r#"{"title":"A","value":0.1,"description":null,"source":" ","stage":"NEW","products":[]}"#;
        let With { change, beside } = read(text).unwrap();
        assert_eq!(change.title, Patch::Set("A".into()));
        assert_eq!(change.value, Patch::Set(Money::from_units(10)));
        assert_eq!(
            (change.description, change.source),
            (Patch::Set(None), Patch::Set(None))
        );
        assert_eq!(change.tags, Patch::Keep);
        assert_eq!(beside.products, Patch::Set(vec![]));
    }

    #[test]
    fn what_neither_has_is_refused_and_what_exists_is_named() {
        let (field, rule) = read(r#"{"probabilty":90}"#).unwrap_err();
        assert_eq!((field.as_str(), rule.code()), ("probabilty", "unknown"));
        assert!(rule.known().iter().any(|name| name == "probability"));
        assert!(rule.known().iter().any(|name| name == "stage"));
        let (field, rule) = read(r#"{"customerName":"of their choice"}"#).unwrap_err();
        assert_eq!((field.as_str(), rule.code()), ("customerName", "unknown"));
        assert!(!rule.known().iter().any(|name| name == "customerName"));
        let (field, _) =
            read(r#"{"products":[{"productId":"0190c2a5-0000-7000-8000-000000000000","quantity":1,"price":1}]}"#)
                .unwrap_err();
        assert_eq!(field, "products[0].price");
    }

    #[test]
    fn null_empties_what_may_be_empty_and_nothing_else() {
        for (text, told) in [
            (r#"{"title":null}"#, ("title", "required")),
            (r#"{"tags":null}"#, ("tags", "required")),
            (r#"{"stage":null}"#, ("stage", "required")),
            (r#"{"value":"1"}"#, ("value", "wrong_type")),
            (r#"{"value":0.10000000000000001}"#, ("value", "too_precise")),
        ] {
            let (field, rule) = read(text).unwrap_err();
            assert_eq!((field.as_str(), rule.code()), told, "{text}");
        }
    }
}
