//! The OpenAPI document: what utoipa gathers from the handlers, with what all of them have in common.

use crate::envelope::ErrorEnvelope;
use utoipa::{
    Modify, OpenApi, PartialSchema, ToSchema,
    openapi::{
        self, Components, ContentBuilder, HttpMethod, ObjectBuilder, PathItem, Ref, Required, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{KnownFormat, SchemaFormat, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

const BEARER: &str = "bearer";
const WORKSPACE_PARAMETER: &str = "{wsId}";

/// Title, tags and the shapes that no handler names.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Prometric",
        description = "An ERP backend on one append-only event log per workspace. Every resource answers under `/api/v1/workspaces/{wsId}/…` \
            and under `/api/v1/…` with the workspace from `X-Workspace-Id`, `X-Tenant-Key` or the token."
    ),
    modifiers(&Common)
)]
pub struct Document;

struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let scheme = SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .build(),
        );
        components.add_security_scheme(BEARER, scheme);
        let mut refusal = vec![(ErrorEnvelope::name().into_owned(), ErrorEnvelope::schema())];
        ErrorEnvelope::schemas(&mut refusal);
        components.schemas.extend(refusal);
    }
}

/// Adds to every operation: an id of its own, the workspace parameter, who may call it, and how it refuses.
pub fn finish(mut document: openapi::OpenApi) -> openapi::OpenApi {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            if path.contains(WORKSPACE_PARAMETER) {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(workspace_parameter().into());
            }
            if operation.security.is_none() {
                operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
            }
            refusals(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
        .collect()
}

/// `GET /api/v1/deals/{id}` is `get_deals_id`, and with `workspaces` in front in the other form.
fn operation_id(method: HttpMethod, path: &str) -> String {
    let verb = match method {
        HttpMethod::Post => "post",
        HttpMethod::Put => "put",
        HttpMethod::Patch => "patch",
        HttpMethod::Delete => "delete",
        _ => "get",
    };
    let words = path
        .trim_start_matches("/api/v1")
        .split(['/', '{', '}', '-'])
        .filter(|word| !word.is_empty());
    words.fold(verb.to_owned(), |id, word| format!("{id}_{word}"))
}

fn workspace_parameter() -> openapi::path::Parameter {
    let uuid = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    ParameterBuilder::new()
        .name("wsId")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(uuid))
        .build()
}

fn refusals(operation: &mut Operation) {
    const ALL: [(&str, &str); 8] = [
        ("400", "Malformed; `details.fields` and `details.rules` name each field"),
        ("401", "Not signed in, or the token has expired"),
        ("403", "A right is missing; `details.permission` names it"),
        ("404", "Not there, or not for the caller"),
        ("409", "Not possible in the current state"),
        ("412", "`If-Match` names a version that is no longer the newest"),
        (
            "422",
            "Refused by a limit, or an `Idempotency-Key` used for another request",
        ),
        ("503", "Busy or unavailable; try again"),
    ];
    let body = || {
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("ErrorEnvelope")))
            .build()
    };
    for (status, description) in ALL {
        let refusal = ResponseBuilder::new()
            .description(description)
            .content("application/json", body())
            .build();
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| refusal.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_called_by_its_method_and_path() {
        assert_eq!(
            operation_id(HttpMethod::Post, "/api/v1/deals/{id}/win"),
            "post_deals_id_win"
        );
        assert_eq!(
            operation_id(HttpMethod::Get, "/api/v1/workspaces/{wsId}/production/work-orders"),
            "get_workspaces_wsId_production_work_orders"
        );
    }
}
