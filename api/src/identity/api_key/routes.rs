//! Keys over HTTP: made, shown once, listed with their last use, rotated with both good for a while, and revoked.

use super::{draw, forget, hash, keep};
use crate::{
    envelope::{self, Envelope, Listed},
    extract::{
        Body, BodyHash, Caller, Id, May, NoQuery, Write,
        rights::{ApiKeysUpdate, ApiKeysView},
    },
    openapi::{answering, told},
    problem::{Code, Problem},
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Permission, Rule, Violation,
    field::FILLED_LINE,
    id::{ApiKeyId, WorkspaceId, derive},
    identity::api_key::{ApiKey, ApiKeyCommand, ApiKeyEvent, Created},
};
use ipnet::IpNet;
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};
use uuid::Uuid;

/// Of a key whose maker does not say.
const LIFE: TimeDelta = TimeDelta::days(365);
/// How long a key that was rotated stays good when nobody says.
const GRACE_HOURS: u16 = 24;
const GRACE_HOURS_MAX: u16 = 24 * 7;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/api-keys",
            get_with(
                list,
                answering::<Envelope<Listed<Vec<KeyView>>>, 200>(told("The workspace's keys for machines")),
            )
            .post_with(
                create,
                answering::<Envelope<NewKey>, 201>(told(
                    "Make a key for a machine; it is shown once and used as `Authorization: Bearer pk_…`",
                )),
            ),
        )
        .api_route(
            "/api-keys/{id}",
            get_with(show, answering::<Envelope<KeyView>, 200>(told("One key"))).delete_with(
                revoke,
                answering::<Envelope<Revoked>, 200>(told("Revoke a key, at once and for good")),
            ),
        )
        .api_route(
            "/api-keys/{id}/rotate",
            post_with(
                rotate,
                answering::<Envelope<RotatedKey>, 200>(told("Replace a key; the one before stays good for a while")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct KeyView {
    #[serde(flatten)]
    key: platform::ApiKey,
    last_used_at: Option<DateTime<Utc>>,
    last_used_from: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    id: Uuid,
    version: i64,
    /// Told now and never again.
    key: String,
    name: String,
    permissions: BTreeSet<Permission>,
    addresses: Vec<String>,
    expires_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RotatedKey {
    id: Uuid,
    version: i64,
    /// Told now and never again.
    key: String,
    /// How long the one before stays good.
    previous_good_until: DateTime<Utc>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    id: Uuid,
    version: i64,
    message: &'static str,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name", "permissions"]))]
struct Wanted {
    #[schemars(
        length(max = 100),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
    /// Some of the caller's own.
    #[schemars(length(min = 1))]
    permissions: Vec<Permission>,
    /// A year from now when it is absent.
    expires_at: Option<DateTime<Utc>>,
    /// Addresses and networks (CIDR) it may be used from; none: from anywhere.
    #[schemars(length(max = 100))]
    addresses: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Rotation {
    /// How long the key before stays good: at most a week, a day when it is absent.
    #[schemars(range(max = 168))]
    grace_hours: Option<u16>,
}

/// A key manages no keys: who has found one must not be able to outlive it.
fn person(caller: &Caller) -> Result<(), Problem> {
    match caller.key {
        Some(_) => Err(Problem::new(Code::AuthForbidden).because("api_key.not_a_person")),
        None => Ok(()),
    }
}

async fn list(State(app): State<App>, caller: May<ApiKeysView>, _: NoQuery) -> Result<Response, Problem> {
    let keys = platform::api_keys(&app.pool, caller.workspace.id).await?;
    let mut uses = uses(&app.pool, keys.iter().map(|key| key.id).collect()).await?;
    let views = keys.into_iter().map(|key| {
        let used = uses.remove(&key.id);
        KeyView::new(key, used)
    });
    Ok(envelope::ok(Listed::all(views.collect())))
}

async fn show(State(app): State<App>, caller: May<ApiKeysView>, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    let key = of(&app, &caller, id).await?;
    let used = uses(&app.pool, vec![id]).await?.remove(&id);
    let version = key.version;
    Ok(envelope::versioned(KeyView::new(key, used), version))
}

impl KeyView {
    fn new(key: platform::ApiKey, used: Option<(DateTime<Utc>, String)>) -> Self {
        let (last_used_at, last_used_from) = used.unzip();
        Self {
            key,
            last_used_at,
            last_used_from,
        }
    }
}

/// When and where from keys were last used.
async fn uses(pool: &PgPool, keys: Vec<Uuid>) -> Result<HashMap<Uuid, (DateTime<Utc>, String)>, sqlx::Error> {
    let uses = "select key_id, used_at, address from platform.api_key_uses where key_id = any($1)";
    let uses = sqlx::query_as::<_, (Uuid, DateTime<Utc>, String)>(uses).bind(keys);
    let uses = uses.fetch_all(pool).await?;
    Ok(uses.into_iter().map(|(key, at, from)| (key, (at, from))).collect())
}

/// A key of the caller's workspace; others are not there.
async fn of(app: &App, caller: &Caller, id: Uuid) -> Result<platform::ApiKey, Problem> {
    let key = platform::api_key(&app.pool, id).await?;
    key.filter(|key| key.workspace_id == caller.workspace.id)
        .ok_or_else(|| Problem::missing("api_key.missing"))
}

async fn create(
    State(app): State<App>,
    caller: May<ApiKeysUpdate>,
    write: Write,
    Body {
        value: wanted,
        hash: body,
    }: Body<Wanted>,
) -> Result<Response, Problem> {
    person(&caller)?;
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, body);
    let created = wanted.into_created(&caller, context.now)?;
    let keyed = write.command(&caller.name(), body);
    let id = keyed.map_or_else(Uuid::now_v7, |(_, command)| derive(command.id, "api key"));
    let key = draw(&app.pepper, keyed);
    let command = ApiKeyCommand::Create {
        created: Box::new(created),
        now: context.now,
    };
    let done = app
        .executor
        .create::<ApiKey>(ApiKeyId::new(id), &command, &context)
        .await?;
    let created = done.events.iter().find_map(|event| match event {
        ApiKeyEvent::Created(created) => Some(created.clone()),
        ApiKeyEvent::Rotated { .. } | ApiKeyEvent::Revoked {} => None,
    });
    let created = created.ok_or_else(Problem::internal)?;
    let secret = hash(&app.pepper, &key).ok_or_else(Problem::internal)?;
    if !is_past(&app.pool, id).await? {
        keep(&mut *app.pool.acquire().await?, id, secret, None).await?;
    }
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    let view = NewKey {
        id,
        version: done.version,
        key,
        name: created.name,
        permissions: created.permissions,
        addresses: created.addresses,
        expires_at: created.expires_at,
    };
    Ok(written.created(view).into_response())
}

/// A repeat that comes when the key was rotated or revoked must not bring its first secret back.
async fn is_past(pool: &PgPool, id: Uuid) -> Result<bool, sqlx::Error> {
    let past = "select exists (select from platform.api_keys where id = $1 and (rotated_at is not null or revoked_at is not null))";
    sqlx::query_scalar(past).bind(id).fetch_one(pool).await
}

impl Wanted {
    /// Networks as they are kept, and no right that the maker lacks.
    fn into_created(self, caller: &Caller, now: DateTime<Utc>) -> Result<Created, Problem> {
        let mut wrong = Vec::new();
        let mut addresses = Vec::with_capacity(self.addresses.len());
        for (n, text) in self.addresses.iter().enumerate() {
            match network(text.trim()) {
                Some(network) => addresses.push(network.to_string()),
                None => wrong.push(Violation {
                    field: format!("addresses[{n}]"),
                    rule: Rule::NotAllowed,
                }),
            }
        }
        let max = Permission::ALL.len();
        if self.permissions.len() > max {
            wrong.push(Violation {
                field: "permissions".to_owned(),
                rule: Rule::TooMany { max },
            });
        }
        if !wrong.is_empty() {
            return Err(Problem::invalid(&wrong).because("api_key.invalid"));
        }
        let permissions: BTreeSet<Permission> = self.permissions.into_iter().collect();
        for permission in &permissions {
            caller.require(*permission)?;
        }
        Ok(Created {
            workspace_id: caller.workspace_id(),
            user_id: caller.user_id,
            name: self.name.trim().to_owned(),
            permissions,
            expires_at: self.expires_at.unwrap_or(now + LIFE),
            addresses,
        })
    }
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Option<IpNet> {
    let one = || text.parse::<IpAddr>().ok().map(|address| address.to_canonical().into());
    text.parse().ok().or_else(one).map(|network: IpNet| network.trunc())
}

async fn rotate(
    State(app): State<App>,
    caller: May<ApiKeysUpdate>,
    Id(id): Id<Uuid>,
    write: Write,
    Body { value, hash: body }: Body<Rotation>,
) -> Result<Response, Problem> {
    person(&caller)?;
    of(&app, &caller, id).await?;
    let hours = value.grace_hours.unwrap_or(GRACE_HOURS);
    if hours > GRACE_HOURS_MAX {
        let (min, max) = (0, GRACE_HOURS_MAX.into());
        return Err(Problem::invalid_field("graceHours", Rule::OutOfRange { min, max }));
    }
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, body);
    let key = draw(&app.pepper, write.command(&caller.name(), body));
    let secret = hash(&app.pepper, &key).ok_or_else(Problem::internal)?;
    let until = context.now + TimeDelta::hours(hours.into());
    // Written before the log is told: whoever hears of it looks again.
    keep(&mut *app.pool.acquire().await?, id, secret, Some(until)).await?;
    let command = ApiKeyCommand::Rotate { until };
    let done = app
        .executor
        .execute::<ApiKey>(ApiKeyId::new(id), &command, &context)
        .await?;
    let until = done.events.iter().find_map(|event| match event {
        ApiKeyEvent::Rotated { until } => Some(*until),
        ApiKeyEvent::Created(_) | ApiKeyEvent::Revoked {} => None,
    });
    let until = until.ok_or_else(Problem::internal)?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    let view = RotatedKey {
        id,
        version: done.version,
        key,
        previous_good_until: until,
    };
    Ok(written.ok(view).into_response())
}

/// The secrets go first, so that whoever hears of it and looks finds none; what was remembered ends with the event.
async fn revoke(
    State(app): State<App>,
    caller: May<ApiKeysUpdate>,
    Id(id): Id<Uuid>,
    write: Write,
) -> Result<Response, Problem> {
    person(&caller)?;
    of(&app, &caller, id).await?;
    forget(&app.pool, id).await?;
    let context = write.context_in(WorkspaceId::PLATFORM, &caller, BodyHash::default());
    let done = app
        .executor
        .execute::<ApiKey>(ApiKeyId::new(id), &ApiKeyCommand::Revoke, &context)
        .await?;
    let written = write.settle(&app, WorkspaceId::PLATFORM, &done).await;
    let view = Revoked {
        id,
        version: done.version,
        message: "The key is revoked",
    };
    Ok(written.ok(view).into_response())
}
