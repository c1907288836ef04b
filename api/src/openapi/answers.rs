//! What operations answer beside their own data: headers, refusals, and the answers of those handlers whose reply is not
//! a type yet.

use super::{is_written, json_content};
use aide::{
    generate,
    openapi::{ReferenceOr, Response, StatusCode},
    transform::TransformOperation,
};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The body of an answer with that status, told where the handler's signature does not.
pub fn answering<T: JsonSchema, const STATUS: u16>(
    told: impl FnOnce(TransformOperation) -> TransformOperation,
) -> impl FnOnce(TransformOperation) -> TransformOperation {
    move |operation| {
        let mut operation = told(operation);
        if !is_written() {
            return operation;
        }
        let schema = generate::in_context(|context| context.schema.subschema_for::<T>());
        let response = Response {
            description: if STATUS == 201 { "Made" } else { "Done" }.to_owned(),
            content: json_content(schema),
            ..Response::default()
        };
        let responses = operation.inner_mut().responses.get_or_insert_default();
        responses
            .responses
            .insert(StatusCode::Code(STATUS), ReferenceOr::Item(response));
        operation
    }
}

/// Headers of answers: name, schema, description, and where they are: in each answer, in what a write answers, …
const HEADERS: [(&str, &str, &str, Place); 11] = [
    (
        "X-Request-Id",
        "string",
        "The request's own, or one of ours; it is in our log",
        Place::Everywhere,
    ),
    ("X-RateLimit-Limit", "integer", "Requests a minute", Place::Everywhere),
    (
        "X-RateLimit-Remaining",
        "integer",
        "How many of them are left",
        Place::Everywhere,
    ),
    (
        "X-RateLimit-Reset",
        "integer",
        "When there are more of them",
        Place::Everywhere,
    ),
    (
        "ETag",
        "string",
        "The version of what is shown or was written, for `If-Match` and `If-None-Match`",
        Place::Versioned,
    ),
    (
        "X-Event-Position",
        "integer",
        "The position of the write in the workspace's log",
        Place::Written,
    ),
    (
        "Preference-Applied",
        "string",
        "`respond-async`: it is durable, and not yet shown",
        Place::Written,
    ),
    (
        "Content-Language",
        "string",
        "The language of the message",
        Place::Refusal,
    ),
    (
        "Retry-After",
        "integer",
        "Seconds",
        Place::Status(&["202", "429", "503"]),
    ),
    ("WWW-Authenticate", "string", "`Bearer`", Place::Status(&["401"])),
    (
        "Allow",
        "string",
        "The methods that the resource knows",
        Place::Status(&["405"]),
    ),
];

enum Place {
    Everywhere,
    /// Of one thing: its details, or its write.
    Versioned,
    Written,
    Refusal,
    Status(&'static [&'static str]),
}

impl Place {
    fn holds(&self, method: &str, status: &str, details: bool) -> bool {
        let done = status.starts_with('2');
        match self {
            Self::Everywhere => true,
            Self::Versioned => (done || status == "304") && (method != "get" || details),
            Self::Written => done && method != "get",
            Self::Refusal => status.starts_with(['4', '5']),
            Self::Status(statuses) => statuses.contains(&status),
        }
    }
}

/// Headers and refusals once for all operations, which refer to them.
pub(super) fn components(refusal: &Schema) -> [(&'static str, Value); 2] {
    let headers = HEADERS.iter().map(|(name, kind, description, _)| {
        let header = json!({ "description": description, "schema": { "type": kind } });
        ((*name).to_owned(), header)
    });
    let refusals = [PREPARING].iter().chain(&REFUSALS).map(|(status, description)| {
        let content = json!({ "application/json": { "schema": refusal } });
        let mut refused = json!({ "description": description, "content": content });
        add_headers(&mut refused, "", status, false);
        ((*status).to_owned(), refused)
    });
    let headers: Map<String, Value> = headers.collect();
    let refusals: Map<String, Value> = refusals.collect();
    [("headers", headers.into()), ("responses", refusals.into())]
}

fn add_headers(response: &mut Value, method: &str, status: &str, details: bool) {
    let here = HEADERS
        .iter()
        .filter(|(.., place)| place.holds(method, status, details));
    let headers: Map<String, Value> = here
        .map(|(name, ..)| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            ((*name).to_owned(), reference)
        })
        .collect();
    response["headers"] = headers.into();
}

/// Every answer's headers, `304` where `If-None-Match` is known, and how the operation refuses.
pub(super) fn complete(operation: &mut Map<String, Value>, method: &str, path: &str) {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let takes = |name: &str| parameters.is_some_and(|all| all.iter().any(|one| one["name"] == name));
    let (conditional, past) = (takes("If-None-Match"), takes("asOf"));
    let Some(responses) = operation
        .entry("responses")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    else {
        return;
    };
    if conditional {
        let unchanged = json!({ "description": "It is still as `If-None-Match` knows it" });
        responses.insert("304".to_owned(), unchanged);
    }
    for (status, response) in responses.iter_mut() {
        add_headers(response, method, status, conditional || path.ends_with('}'));
    }
    if past {
        responses.insert("202".to_owned(), json!({ "$ref": "#/components/responses/202" }));
    }
    for (status, _) in REFUSALS {
        let writes = method != "get";
        if writes || !["409", "412", "413", "422"].contains(&status) {
            let reference = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.entry(status).or_insert(reference);
        }
    }
}

/// Not a refusal, but of the same shape.
const PREPARING: (&str, &str) = (
    "202",
    "The moment of `asOf` is being made; `Retry-After` says when to ask again",
);

const REFUSALS: [(&str, &str); 13] = [
    ("400", "Malformed; `details.fields` and `details.rules` name each field"),
    ("401", "Not signed in, or the token has expired"),
    ("403", "A right is missing; `details.permission` names it"),
    ("404", "Not there, or not for the caller"),
    (
        "405",
        "The resource does not know the method; `Allow` names those it knows",
    ),
    ("408", "The request took too long to arrive"),
    ("409", "Not possible in the current state"),
    ("412", "`If-Match` names a version that is no longer the newest"),
    ("413", "The body is too large"),
    (
        "422",
        "Refused by a limit, or an `Idempotency-Key` used for another request",
    ),
    ("429", "Too many requests; `Retry-After` says when to try again"),
    ("500", "A fault of ours"),
    ("503", "Busy or unavailable; try again"),
];
