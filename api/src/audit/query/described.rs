//! The same as the API's description tells it.

use super::{Exported, LIMIT_DEFAULT, LIMIT_MAX, Page, Since, TEXT_MAX, WholePage};
use crate::{
    audit::path::resources,
    openapi::{YEARS_PATTERN, parameter},
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use serde_json::{Value, json};

impl OperationInput for Since {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let time = json!({ "type": "string", "format": "date-time" });
        in_query(
            operation,
            "from",
            time,
            "Searched from here on; the later, the sooner it is found",
        );
    }
}

impl OperationInput for Exported {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let format = json!({ "type": "string", "enum": ["ndjson", "csv"] });
        parameter(
            operation,
            json!({ "name": "format", "in": "query", "required": true, "schema": format, "description": "A line an event" }),
        );
        filters(operation);
        in_query(
            operation,
            "cursor",
            cursor(),
            "Goes on behind this position: the last one that arrived",
        );
        in_query(operation, "resource", resources(), RESOURCE);
    }
}

impl OperationInput for Page {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        filters(operation);
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT });
        in_query(operation, "limit", limit, "Entries of a page");
        in_query(
            operation,
            "cursor",
            cursor(),
            "The `nextCursor` of the page before, with the same filters",
        );
    }
}

impl OperationInput for WholePage {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Page::operation_input(context, operation);
        in_query(operation, "resource", resources(), RESOURCE);
    }
}

const RESOURCE: &str = "Only what happened to things of this kind";

fn filters(operation: &mut Operation) {
    let text = || json!({ "type": "string", "maxLength": TEXT_MAX });
    for (name, schema, told) in [
        (
            "actor",
            text(),
            "Only what this one did: `user:{id}`, `saga:{name}`, `system`, or a person's id",
        ),
        (
            "type",
            text(),
            "Only events of this type, or of all that begin with it: `deal.won`, `deal`",
        ),
        ("from", time(), "Not earlier than this"),
        ("to", time(), "Earlier than this"),
    ] {
        in_query(operation, name, schema, told);
    }
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time", "pattern": YEARS_PATTERN })
}

fn cursor() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,18}$" })
}

fn in_query(operation: &mut Operation, name: &str, schema: Value, told: &str) {
    parameter(
        operation,
        json!({ "name": name, "in": "query", "schema": schema, "description": told }),
    );
}
