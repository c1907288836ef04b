//! Notifications: document 1 §13, document 2 "Notifications API". Each reader sees those meant for them or their role, in
//! their own language.

use crate::{
    envelope::{self, Envelope},
    extract::{Body, BodyHash, Caller, Id, May, Pairs, Write, rights::NotificationsView},
    i18n::{self, Language},
    problem::Problem,
    state::App,
    view::as_reader,
};
use axum::{extract::State, response::Response};
use domain::{Rule, id::NotificationId};
use fluent_bundle::FluentArgs;
use projections::{
    office::notification::{self, Row},
    view,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most that can be marked at once.
const IDS_MAX: usize = 100;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(mark_read))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationRead {
    message: &'static str,
}

/// Which ones were seen; absent, all of the first hundred.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarkRead {
    #[serde(alias = "notificationIds")]
    #[schema(value_type = Option<Vec<Uuid>>)]
    ids: Option<Vec<NotificationId>>,
}

/// The caller's notifications, newest first; `unread=true` leaves out what was read.
#[utoipa::path(get, path = "/notifications", tag = "notifications", responses((status = 200, description = "A page of notifications")))]
async fn list(
    State(app): State<App>,
    caller: May<NotificationsView>,
    language: Language,
    Pairs(mut pairs): Pairs,
) -> Result<Response, Problem> {
    let mut unread = false;
    for (_, value) in pairs.extract_if(.., |(name, _)| name == "unread") {
        unread = value
            .parse()
            .map_err(|_| Problem::invalid_field("unread", Rule::WrongType))?;
    }
    let page = page(&app, &caller, &pairs, unread).await?;
    let user = caller.user_id.uuid();
    let count = as_reader(&app, &caller, async |reader| {
        notification::unread(reader, caller.role, user).await
    });
    let count = count.await?;
    let items: Vec<Map<String, Value>> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let items: Vec<Map<String, Value>> = items.into_iter().map(|item| present(item, &caller, language)).collect();
    let listed = envelope::Listed::new(items, page.total, page.page, page.limit, page.next_cursor);
    let mut data = serde_json::to_value(listed).map_err(|_| Problem::internal())?;
    data["unreadCount"] = count.into();
    Ok(envelope::ok(data))
}

/// Marks one as read.
#[utoipa::path(put, path = "/notifications/{id}/read", tag = "notifications", params(("id" = Uuid, Path)), responses((status = 200, body = Envelope<NotificationRead>)))]
async fn read(
    State(app): State<App>,
    caller: May<NotificationsView>,
    Id(id): Id<NotificationId>,
    write: Write,
) -> Result<Response, Problem> {
    mark(&app, &caller, &write, BodyHash::default(), vec![id]).await
}

/// Marks several as read.
#[utoipa::path(post, path = "/notifications/mark-read", tag = "notifications", request_body = MarkRead, responses((status = 200, body = Envelope<NotificationRead>)))]
async fn mark_read(
    State(app): State<App>,
    caller: May<NotificationsView>,
    write: Write,
    Body { value, hash }: Body<MarkRead>,
) -> Result<Response, Problem> {
    let ids = match value.ids {
        Some(ids) => ids,
        None => {
            let unread = page(&app, &caller, &[("limit".to_owned(), "100".to_owned())], true).await?;
            let items: Vec<Map<String, Value>> =
                serde_json::from_str(unread.items.get()).map_err(|_| Problem::internal())?;
            items
                .iter()
                .filter_map(|item| item["id"].as_str()?.parse().ok())
                .collect()
        }
    };
    mark(&app, &caller, &write, hash, ids).await
}

async fn page(
    app: &App,
    caller: &Caller,
    pairs: &[(String, String)],
    unread: bool,
) -> Result<projections::list::Page, Problem> {
    let read = as_reader(app, caller, async |reader| {
        let mine = notification::meant_for(reader.schema, caller.role, caller.user_id.uuid(), unread);
        view::page_of::<Row>(reader, pairs, &mine).await
    });
    Ok(read.await?)
}

async fn mark(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    mut ids: Vec<NotificationId>,
) -> Result<Response, Problem> {
    ids.sort();
    ids.dedup();
    if ids.len() > IDS_MAX {
        return Err(Problem::invalid_field("ids", Rule::TooMany { max: IDS_MAX }));
    }
    let context = write.context(caller, hash);
    let position = commands::notification::read(&app.executor, &ids, caller.user_id, &context).await?;
    let written = write.settle_at(app, context.workspace, position, None).await;
    Ok(written.ok(NotificationRead {
        message: "Notification marked as read",
    }))
}

/// The sentence in the reader's language, and whether they have read it.
fn present(mut item: Map<String, Value>, caller: &Caller, language: Language) -> Map<String, Value> {
    let topic = item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut args = FluentArgs::new();
    for (name, value) in item.get("data").and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::String(text) => args.set(name.clone(), text.clone()),
            other => args.set(name.clone(), other.to_string()),
        }
    }
    for (field, part) in [("title", "title"), ("message", "message")] {
        let sentence = i18n::text(language, &format!("notification-{topic}-{part}"), &args);
        item.insert(field.to_owned(), sentence.unwrap_or_else(|| topic.clone()).into());
    }
    let reader = json!(caller.user_id);
    let read = item
        .remove("readBy")
        .as_ref()
        .and_then(Value::as_array)
        .is_some_and(|readers| readers.contains(&reader));
    item.insert("read".to_owned(), read.into());
    item
}
