//! The trail over HTTP.

use super::{
    Entry, Listener, Measure, Source, Told, Trail, TrailError, Tree, named,
    path::{Part, Thing},
    query::{Exported, Page, Since, WholePage},
};
use crate::{
    envelope,
    extract::{
        Caller, May, Right, Within,
        rights::{
            AuditView, CustomersView, DealsView, DepartmentsView, EmployeesView, FinanceView, NotificationsView,
            OrdersView, ProductionView, ProductsView, WorkspacesView,
        },
    },
    i18n::Language,
    office,
    openapi::told,
    problem::Problem,
    reply::{self, Reply},
    state::App,
    view,
};
use aide::{
    OperationOutput,
    axum::{
        ApiRouter,
        routing::{ApiMethodRouter, get_with},
    },
    generate::GenContext,
    openapi,
};
use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{
    Permission,
    id::{InteractionId, ProductId},
};
use futures::stream;
use projections::{
    catalog, finance, people, production, sales,
    view::{Reader, View},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Events looked at for one page: one that finds few leads on by its cursor.
const LOOKS_MAX: usize = 20_000;
/// Of an export.
const PAGE: Measure = Measure {
    entries: 500,
    looks: LOOKS_MAX,
};

/// A page of a trail, in the order of events.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trailed {
    pub items: Vec<Entry>,
    /// For `?cursor=`; none when nothing is left. A page may be short, even empty, and yet lead on.
    pub next_cursor: Option<String>,
}

const HISTORY: &str = "What happened to it, in order: who, when, from where, as part of what, with before and after";

/// A history for each noun that can be looked at: one line a noun.
pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/customers/{id}/history", of::<sales::customer::Row, CustomersView>())
        .api_route(
            "/customers/{id}/interactions/{interactionId}/history",
            get_with(history_of_interaction, told(HISTORY)),
        )
        .api_route("/deals/{id}/history", of::<sales::deal::Row, DealsView>())
        .api_route("/activities/{id}/history", get_with(history_of_activity, told(HISTORY)))
        .api_route("/pipelines/{id}/history", of::<sales::pipeline::Row, DealsView>())
        .api_route(
            "/custom-fields/{id}/history",
            of::<projections::office::custom_field::Row, WorkspacesView>(),
        )
        .api_route("/orders/{id}/history", of::<sales::order::Row, OrdersView>())
        .api_route("/categories/{id}/history", of::<catalog::category::Row, ProductsView>())
        .api_route(
            "/price-lists/{id}/history",
            of::<catalog::price_list::Row, ProductsView>(),
        )
        .api_route(
            "/warehouses/{id}/history",
            of::<catalog::warehouse::Row, ProductsView>(),
        )
        .api_route("/products/{id}/history", of::<catalog::product::Row, ProductsView>())
        .api_route(
            "/departments/{id}/history",
            of::<people::department::Row, DepartmentsView>(),
        )
        .api_route("/employees/{id}/history", of::<people::employee::Row, EmployeesView>())
        .api_route(
            "/production/orders/{id}/history",
            of::<production::production_order::Row, ProductionView>(),
        )
        .api_route(
            "/production/bom/{productId}/history",
            get_with(history_of_bill, told(HISTORY)),
        )
        .api_route(
            "/finance/invoices/{id}/history",
            of::<finance::invoice::Row, FinanceView>(),
        )
        .api_route(
            "/notifications/{id}/history",
            get_with(history_of_notification, told(HISTORY)),
        )
        .api_route(
            "/audit",
            get_with(audit, told("Everything that happened in the workspace, in order")),
        )
        .api_route(
            "/audit/export",
            get_with(
                export,
                told("The same as one stream, a line an event, without an end of its own"),
            ),
        )
        .api_route(
            "/audit/correlations/{id}",
            get_with(
                correlated,
                told("What a request (by its correlation or command), or the process about a thing, led to, as a tree"),
            ),
        )
        .api_route(
            "/audit/{resource}/{id}",
            get_with(audit_of, told("What happened to a thing, though it may be gone")),
        )
}

fn of<V: View, R: Right>() -> ApiMethodRouter<App> {
    get_with(history::<V, R>, told(HISTORY))
}

/// Of a thing that the caller may look at.
async fn history<V: View, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    Within(id): Within<Uuid>,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    history_at::<V>(&app, &caller, id, language, page).await
}

async fn history_of_bill(
    State(app): State<App>,
    caller: May<ProductionView>,
    Part(id): Part<ProductId>,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    history_at::<production::bom::Row>(&app, &caller, id.into(), language, page).await
}

async fn history_of_interaction(
    State(app): State<App>,
    caller: May<CustomersView>,
    Within(customer): Within<Uuid>,
    Part(id): Part<InteractionId>,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    if !sees::<sales::customer::Row>(&app, &caller, customer).await? {
        return Err(Problem::missing("customer.missing"));
    }
    let missing = || Problem::missing("interaction.missing");
    let with = about(&app, &caller, id.into(), ("interaction", "customerId")).await?;
    let with = with.ok_or_else(missing)?;
    // Of one that was merged into the customer it is the customer's.
    let lead = async |reader: Reader<'_>| sales::customer::lead(reader, with).await;
    if with != customer && view::as_reader_at(&app, &caller, None, lead).await? != Some(customer) {
        return Err(missing());
    }
    told_of(&app, &caller, Source::Stream(id.into()), language, page).await
}

async fn history_of_activity(
    State(app): State<App>,
    caller: May<DealsView>,
    Within(id): Within<Uuid>,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    let missing = || Problem::missing("activity.missing");
    let deal = about(&app, &caller, id, ("activity", "dealId"))
        .await?
        .ok_or_else(missing)?;
    if !sees::<sales::deal::Row>(&app, &caller, deal).await? {
        return Err(missing());
    }
    told_of(&app, &caller, Source::Stream(id), language, page).await
}

/// What a thing of that category is about, by the id in that field of its newest event: it may have been removed, and its history
/// stays.
async fn about(app: &App, caller: &Caller, id: Uuid, (category, field): (&str, &str)) -> Result<Option<Uuid>, Problem> {
    let newest = app
        .log
        .latest_of_stream(caller.workspace_id().into(), id, None, 1)
        .await;
    let newest = newest.map_err(TrailError::from)?;
    let event = newest.first().filter(|event| event.category == category);
    let data = event.and_then(|event| serde_json::from_str::<Value>(&event.data).ok());
    Ok(data.and_then(|data| data[field].as_str()?.parse().ok()))
}

async fn sees<V: View>(app: &App, caller: &Caller, id: Uuid) -> Result<bool, Problem> {
    let there = async |reader: Reader<'_>| projections::view::is_there::<V>(reader, id).await;
    view::as_reader_at(app, caller, None, there).await
}

async fn history_of_notification(
    State(app): State<App>,
    caller: May<NotificationsView>,
    Within(id): Within<Uuid>,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    office::notification::meant_for(&app, &caller, id).await?;
    told_of(&app, &caller, Source::Stream(id), language, page).await
}

async fn history_at<V: View>(
    app: &App,
    caller: &Caller,
    id: Uuid,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    view::one::<V>(app, caller, id, None).await?;
    let noun = named(&V::NAME.replace('_', "-")).ok_or_else(Problem::internal)?;
    told_of(app, caller, Source::Stream(noun.stream(id)), language, page).await
}

async fn audit(
    State(app): State<App>,
    caller: May<AuditView>,
    language: Language,
    WholePage(mut page): WholePage,
) -> Result<Reply<Trailed>, Problem> {
    let workspace = caller.workspace_id().into();
    let begins = page.filter.begins_after(&app.log, workspace).await;
    page.after = page.after.max(begins?);
    told_of(&app, &caller, Source::Workspace, language, page).await
}

async fn audit_of(
    State(app): State<App>,
    caller: May<AuditView>,
    Thing { noun, id }: Thing,
    language: Language,
    page: Page,
) -> Result<Reply<Trailed>, Problem> {
    let (stream, workspace) = (noun.stream(id), caller.workspace_id().into());
    let newest = app.log.latest_of_stream(workspace, stream, None, 1).await;
    let is_there = newest
        .map_err(TrailError::from)?
        .iter()
        .any(|event| event.category == noun.category());
    if !is_there {
        return Err(Problem::missing("reference.unknown"));
    }
    told_of(&app, &caller, Source::Stream(stream), language, page).await
}

async fn correlated(
    State(app): State<App>,
    caller: May<AuditView>,
    Within(id): Within<Uuid>,
    language: Language,
    Since(filter): Since,
) -> Result<Reply<Tree>, Problem> {
    let workspace = caller.workspace_id().into();
    let after = filter.begins_after(&app.log, workspace).await?;
    let actor = caller.actor();
    let may = |permission: Permission| actor.may(permission);
    let mut trail = Trail::new(app.log.clone(), app.pool.clone(), workspace);
    let tree = trail.tree(id, after, Listener { language, may: &may }).await?;
    if tree.items.is_empty() && tree.is_whole {
        return Err(Problem::missing("reference.unknown"));
    }
    Ok(Reply::of(envelope::ok(tree)))
}

async fn told_of(
    app: &App,
    caller: &Caller,
    source: Source,
    language: Language,
    Page { filter, after, limit }: Page,
) -> Result<Reply<Trailed>, Problem> {
    let mut trail = Trail::new(app.log.clone(), app.pool.clone(), caller.workspace_id().into());
    let actor = caller.actor();
    let may = |permission: Permission| actor.may(permission);
    let measure = Measure {
        entries: limit,
        looks: LOOKS_MAX,
    };
    let listener = Listener { language, may: &may };
    let told = trail.page(source, after, &filter, listener, measure).await?;
    let next_cursor = (!told.is_over).then(|| told.reached.to_string());
    Ok(Reply::of(envelope::ok(Trailed {
        items: told.entries,
        next_cursor,
    })))
}

/// A trail as lines.
pub struct Lines(Response);

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Lines {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let text = json!({ "schema": { "type": "string" } });
        let described =
            json!({ "description": "The trail", "content": { "application/x-ndjson": text, "text/csv": text } });
        serde_json::from_value(described).ok()
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        reply::always(200, Self::operation_response(context, operation))
    }
}

/// Lines a page at a time, each made when the one before is taken: what is sent slowly waits in the log.
async fn export(
    State(app): State<App>,
    caller: May<AuditView>,
    language: Language,
    Exported { format, filter, after }: Exported,
) -> Result<Lines, Problem> {
    let workspace = caller.workspace_id().into();
    let begins = filter.begins_after(&app.log, workspace).await?;
    let trail = Trail::new(app.log.clone(), app.pool.clone(), workspace);
    let (actor, next) = (caller.actor(), Some((trail, after.max(begins))));
    let pages = stream::try_unfold((next, actor, filter), move |(next, actor, filter)| async move {
        let Some((mut trail, after)) = next else {
            return Ok(None);
        };
        let may = |permission: Permission| actor.may(permission);
        let listener = Listener { language, may: &may };
        let told = trail.page(Source::Workspace, after, &filter, listener, PAGE).await?;
        let mut lines = String::new();
        for entry in &told.entries {
            lines += &format.line(entry)?;
        }
        let Told { reached, is_over, .. } = told;
        let next = (!is_over).then_some((trail, reached));
        Ok::<_, TrailError>(Some((Bytes::from(lines), (next, actor, filter))))
    });
    let head = stream::iter([Ok(Bytes::from(if after == 0 { format.head() } else { String::new() }))]);
    let body = Body::from_stream(futures::StreamExt::chain(head, pages));
    Ok(Lines(
        ([(header::CONTENT_TYPE, format.media_type())], body).into_response(),
    ))
}
