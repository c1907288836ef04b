//! Notifications: document 1 §13, document 2 "Notifications API". Each reader sees those meant for them or their role, in
//! their own language.

use crate::{
    envelope,
    extract::{Body, BodyHash, Caller, Id, List, May, Write, past, rights::NotificationsView},
    i18n::{self, Language},
    openapi::told,
    problem::Problem,
    reply::Reply,
    state::App,
    view::as_reader_at,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with, put_with},
};
use axum::extract::State;
use domain::{Rule, id::NotificationId, office::notification::Topic};
use fluent_bundle::FluentArgs;
use projections::{
    AsOf,
    office::notification::{self, Row},
    view,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The most that can be marked at once.
const IDS_MAX: usize = 100;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/notifications",
            get_with(
                list,
                told("The caller's notifications, newest first; `unread=true` leaves out what was read"),
            ),
        )
        .api_route("/notifications/{id}/read", put_with(read, told("Marks one as read")))
        .api_route(
            "/notifications/mark-read",
            post_with(mark_read, told("Marks several as read")),
        )
}

/// The caller's notifications.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    #[serde(flatten)]
    listed: envelope::Listed<Vec<Notification>>,
    /// Of all of the caller's, whatever the page.
    unread_count: i64,
}

/// One of them, as its reader sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    id: Uuid,
    version: i64,
    #[serde(rename = "type")]
    topic: Topic,
    /// What it is about.
    about: Uuid,
    data: Map<String, Value>,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// In the language of `Accept-Language`.
    #[serde(default)]
    title: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    read: bool,
    #[serde(default, skip_serializing)]
    #[schemars(skip)]
    read_by: Vec<Uuid>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct NotificationRead {
    message: &'static str,
}

/// Which ones were seen; absent, all of the first hundred.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarkRead {
    #[serde(alias = "notificationIds")]
    #[schemars(length(max = IDS_MAX))]
    ids: Option<Vec<NotificationId>>,
}

/// The caller's notifications, newest first; `unread=true` leaves out what was read.
async fn list(
    State(app): State<App>,
    caller: May<NotificationsView>,
    language: Language,
    List { mut pairs, .. }: List<Row>,
) -> Result<Reply<Notifications>, Problem> {
    let as_of = past::take(&mut pairs)?;
    let mut unread = false;
    for (_, value) in pairs.extract_if(.., |(name, _)| name == "unread") {
        unread = value
            .parse()
            .map_err(|_| Problem::invalid_field("unread", Rule::WrongType))?;
    }
    let page = page(&app, &caller, as_of, &pairs, unread).await?;
    let user = caller.user_id.uuid();
    let count = as_reader_at(&app, &caller, as_of, async |reader| {
        notification::unread(reader, caller.role, user).await
    });
    let count = count.await?;
    let items: Vec<Notification> = serde_json::from_str(page.items.get()).map_err(|_| Problem::internal())?;
    let items = items
        .into_iter()
        .map(|item| item.presented(&caller, language))
        .collect();
    let listed = envelope::Listed::of(items, page);
    let notifications = Notifications {
        listed,
        unread_count: count,
    };
    Ok(Reply::of(envelope::ok(notifications)))
}

/// Marks one as read.
async fn read(
    State(app): State<App>,
    caller: May<NotificationsView>,
    Id(id): Id<NotificationId>,
    write: Write,
) -> Result<Reply<NotificationRead>, Problem> {
    mark(&app, &caller, &write, BodyHash::default(), vec![id]).await
}

/// Marks several as read.
async fn mark_read(
    State(app): State<App>,
    caller: May<NotificationsView>,
    write: Write,
    Body { value, hash }: Body<MarkRead>,
) -> Result<Reply<NotificationRead>, Problem> {
    let ids = match value.ids {
        Some(ids) => ids,
        None => {
            let unread = page(&app, &caller, None, &[("limit".to_owned(), "100".to_owned())], true).await?;
            let items: Vec<Notification> = serde_json::from_str(unread.items.get()).map_err(|_| Problem::internal())?;
            items.iter().map(|item| item.id.into()).collect()
        }
    };
    mark(&app, &caller, &write, hash, ids).await
}

/// Whether it is one of the caller's.
pub async fn meant_for(app: &App, caller: &Caller, id: Uuid) -> Result<(), Problem> {
    let found = page(app, caller, None, &[("id".to_owned(), id.to_string())], false).await?;
    match found.items.get() {
        "[]" => Err(Problem::missing("notification.missing")),
        _ => Ok(()),
    }
}

async fn page(
    app: &App,
    caller: &Caller,
    as_of: Option<AsOf>,
    pairs: &[(String, String)],
    unread: bool,
) -> Result<projections::list::Page, Problem> {
    let read = as_reader_at(app, caller, as_of, async |reader| {
        let mine = notification::meant_for(reader.schema, caller.role, caller.user_id.uuid(), unread);
        view::page_of::<Row>(reader, pairs, &mine).await
    });
    read.await
}

async fn mark(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    mut ids: Vec<NotificationId>,
) -> Result<Reply<NotificationRead>, Problem> {
    ids.sort();
    ids.dedup();
    if ids.len() > IDS_MAX {
        return Err(Problem::invalid_field("ids", Rule::TooMany { max: IDS_MAX }));
    }
    let context = write.context(caller, hash);
    let reader = (caller.user_id, caller.role);
    let position = commands::notification::read(&app.executor, &ids, reader, &context).await?;
    let written = write.settle_at(app, context.workspace, position, None).await;
    Ok(written.ok(NotificationRead {
        message: "Notification marked as read",
    }))
}

impl Notification {
    /// The sentence in the reader's language, and whether they have read it.
    fn presented(mut self, caller: &Caller, language: Language) -> Self {
        let mut args = FluentArgs::new();
        for (name, value) in &self.data {
            match value {
                Value::String(text) => args.set(name.clone(), text.clone()),
                other => args.set(name.clone(), other.to_string()),
            }
        }
        let topic: &str = self.topic.into();
        let sentence = |part: &str| {
            i18n::text(language, &format!("notification-{topic}-{part}"), &args).unwrap_or_else(|| topic.to_owned())
        };
        (self.title, self.message) = (sentence("title"), sentence("message"));
        self.read = self.read_by.contains(&caller.user_id.uuid());
        self
    }
}
