//! What a list takes in its query, read off its view: a page, an order, a search, and for each field its filters.

use super::{is_written, parameter};
use aide::openapi::Operation;
use domain::field::LINE;
use projections::{
    ColumnKind,
    list::{DEPTH_MAX, LIMIT_MAX},
    shape::{Filter, Shape, filters},
    view::{View, has_own},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

const SEARCH_MAX: usize = 200;
const VALUES_MAX: usize = 200;
const SORT_KEYS_MAX: usize = 4;
pub(crate) const YEARS: &str = "^(19|[2-9][0-9])[0-9]{2}-";

/// Every parameter that the grammar of `V`'s list knows.
pub(super) fn list_of<V: View + Shape + JsonSchema>(operation: &mut Operation) {
    paging(operation);
    choice_of::<V>(operation);
}

/// The same without pages: which rows, and in which order.
pub(super) fn choice_of<V: View + Shape + JsonSchema>(operation: &mut Operation) {
    if !is_written() {
        return;
    }
    let filters = filters::<V>();
    let words = row_of::<V>();
    sorting(operation, &filters, has_own::<V>());
    query(
        operation,
        "search",
        json!({ "type": "string", "maxLength": SEARCH_MAX, "pattern": LINE }),
        "Rows that have these letters somewhere, whatever their case",
    );
    if !V::SQL.is_empty() {
        moment(operation);
    }
    for filter in &filters {
        filtering(operation, filter, &one(filter, &words));
    }
    for (alias, name, op) in V::ALIASES {
        if let Some(filter) = filters.iter().find(|filter| filter.name == *name) {
            let told = format!("The same as `{name}[{}]`", format!("{op:?}").to_lowercase());
            query(operation, alias, bound(filter, &words), &told);
        }
    }
}

/// A moment that is past.
pub fn moment(operation: &mut Operation) {
    query(
        operation,
        "asOf",
        json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "pattern": "^[0-9]{1,18}$" }] }),
        "As it was at this time, or after the event at this position; 202 while that is being made",
    );
}

fn paging(operation: &mut Operation) {
    query(
        operation,
        "page",
        json!({ "type": "integer", "minimum": 1, "maximum": DEPTH_MAX, "default": 1 }),
        "The page, from 1; `cursor` goes on for less",
    );
    query(
        operation,
        "limit",
        json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 20 }),
        "Items of a page",
    );
    query(
        operation,
        "cursor",
        json!({ "type": "string" }),
        "The `nextCursor` of the page before, with the same filters, sort and limit",
    );
}

fn sorting(operation: &mut Operation, filters: &[Filter], has_own: bool) {
    let sorted = filters.iter().filter(|filter| filter.sorted);
    let keys: Vec<String> = sorted
        .flat_map(|filter| [filter.name.clone(), format!("-{}", filter.name)])
        .collect();
    let keys = json!({ "type": "array", "items": { "enum": keys }, "minItems": 1, "maxItems": SORT_KEYS_MAX, "uniqueItems": true });
    let told = "By these in turn; a minus in front means falling. Without it the newest come first";
    let own = match has_own {
        true => ". Fields of the workspace's own sort as well, `custom.size`, and each of them counts twice",
        false => "",
    };
    several(operation, "sort", keys, &format!("{told}{own}"));
    query(
        operation,
        "order",
        json!({ "enum": ["asc", "desc"] }),
        "Falling for all of `sort` with `desc`",
    );
}

fn filtering(operation: &mut Operation, filter: &Filter, one: &Value) {
    let name = &filter.name;
    let any = json!({ "type": "array", "items": one, "minItems": 1, "maxItems": VALUES_MAX });
    several(operation, name, any.clone(), &format!("`{name}` is one of these"));
    several(
        operation,
        &format!("{name}[ne]"),
        any,
        &format!("`{name}` is none of these"),
    );
    if matches!(filter.kind, ColumnKind::Number | ColumnKind::Date | ColumnKind::Time) {
        for (op, told) in [
            ("gte", "at least"),
            ("lte", "at most"),
            ("gt", "more than"),
            ("lt", "less than"),
        ] {
            query(
                operation,
                &format!("{name}[{op}]"),
                one.clone(),
                &format!("`{name}` is {told} this"),
            );
        }
    }
}

fn bound(filter: &Filter, row: &Value) -> Value {
    one(filter, row)
}

/// One value of the field: a word of its list, if it has one.
fn one(filter: &Filter, row: &Value) -> Value {
    let mut words = Vec::new();
    closed_list(&row["properties"][&filter.name], &mut words);
    match filter.kind {
        ColumnKind::Choice(words) => json!({ "type": "string", "enum": words }),
        ColumnKind::Text if !words.is_empty() => json!({ "type": "string", "enum": words }),
        ColumnKind::Number => json!({ "type": "number" }),
        ColumnKind::Bool => json!({ "type": "boolean" }),
        ColumnKind::Uuid => json!({ "type": "string", "format": "uuid" }),
        ColumnKind::Date => json!({ "type": "string", "format": "date", "pattern": YEARS }),
        ColumnKind::Time => {
            json!({ "type": "string", "pattern": YEARS, "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
        }
        ColumnKind::Text | ColumnKind::Tags | ColumnKind::Custom | ColumnKind::Json | ColumnKind::Hidden => {
            json!({ "type": "string", "pattern": LINE })
        }
    }
}

/// The words of a closed list, wherever the schema says them.
fn closed_list(schema: &Value, words: &mut Vec<Value>) {
    if let Some(word) = schema.get("const") {
        words.push(word.clone());
    }
    let known = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    words.extend(known.filter(|word| !word.is_null()).cloned());
    for of in ["anyOf", "oneOf"] {
        for part in schema.get(of).and_then(Value::as_array).into_iter().flatten() {
            closed_list(part, words);
        }
    }
}

/// The row's schema with all its parts in place.
fn row_of<V: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<V>().to_value()
}

/// A parameter with several values, a comma between them.
fn several(operation: &mut Operation, name: &str, schema: Value, description: &str) {
    let words = json!({ "name": name, "in": "query", "style": "form", "explode": false, "schema": schema, "description": description });
    parameter(operation, words);
}

fn query(operation: &mut Operation, name: &str, schema: Value, description: &str) {
    parameter(
        operation,
        json!({ "name": name, "in": "query", "style": "form", "schema": schema, "description": description }),
    );
}
