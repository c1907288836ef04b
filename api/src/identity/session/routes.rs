//! Somebody's own sessions: where they are signed in, and how to end that, one by one or everywhere.

use super::{Which, end, tell};
use crate::{
    envelope::{self, Envelope, Listed},
    extract::{BodyHash, Id, Leaving, NoQuery, SignedIn, Write},
    identity::once::{Kept, Once},
    openapi::{answering, told},
    problem::Problem,
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::identity::user::SessionEnd;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/sessions",
            get_with(
                list,
                answering::<Envelope<Listed<Vec<OwnSession>>>, 200>(told("Where the caller is signed in")),
            ),
        )
        .api_route(
            "/auth/sessions/{id}",
            delete_with(
                end_one,
                answering::<Envelope<Message>, 200>(told("Sign out of one of the caller's sessions")),
            ),
        )
        .api_route(
            "/auth/logout-all",
            post_with(
                end_all,
                answering::<Envelope<Message>, 200>(told("Sign out everywhere")),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnSession {
    id: Uuid,
    /// As it calls itself: `User-Agent`.
    device: String,
    /// Where it was last used from.
    address: String,
    /// More than a password was asked for.
    second_factor: bool,
    /// The one that asks.
    current: bool,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

async fn list(State(app): State<App>, person: SignedIn, _: NoQuery) -> Result<Response, Problem> {
    let sessions = of(&app.pool, &person).await?;
    Ok(envelope::ok(Listed::<OwnSession>::all(sessions)))
}

/// Those that go on, the last used first.
async fn of(pool: &PgPool, person: &SignedIn) -> Result<Vec<OwnSession>, sqlx::Error> {
    let newest = "select * from (select distinct on (family) family, device, address, second_factor, began_at, created_at, expires_at \
            from platform.sessions where user_id = $1 and revoked_at is null order by family, created_at desc) newest \
        where expires_at > now() order by created_at desc, family";
    let newest = sqlx::query(newest).bind(person.user_id.uuid()).fetch_all(pool).await?;
    let session = |row: &PgRow| {
        let id: Uuid = row.try_get("family")?;
        Ok(OwnSession {
            id,
            device: row.try_get("device")?,
            address: row.try_get("address")?,
            second_factor: row.try_get("second_factor")?,
            current: person.session == Some(id),
            created_at: row.try_get("began_at")?,
            last_used_at: row.try_get("created_at")?,
            expires_at: row.try_get("expires_at")?,
        })
    };
    newest.iter().map(session).collect()
}

async fn end_one(
    State(app): State<App>,
    person: SignedIn,
    Id(id): Id<Uuid>,
    write: Write,
) -> Result<Response, Problem> {
    ended(&app, &person, &write, Which::One(id), "The session has ended").await
}

async fn end_all(
    State(app): State<App>,
    Leaving { person, has_left }: Leaving,
    write: Write,
) -> Result<Response, Problem> {
    if has_left {
        let user = person.user_id.to_string();
        return Once::new(&app.pepper, &write, &user, BodyHash::default())
            .left(&app.pool)
            .await;
    }
    ended(&app, &person, &write, Which::AllBut(None), "Signed out everywhere").await
}

async fn ended(
    app: &App,
    person: &SignedIn,
    write: &Write,
    which: Which<'_>,
    message: &'static str,
) -> Result<Response, Problem> {
    let user = person.user_id.uuid();
    let once = Once::new(&app.pepper, write, &user.to_string(), BodyHash::default());
    let mut tx = app.pool.begin().await?;
    if let Some(first) = once.enter(&mut tx).await? {
        return Ok(first.into_response());
    }
    let ended = end(&mut tx, user, which).await?;
    if ended.is_empty() {
        return Err(Problem::missing("session.missing"));
    }
    let answer = Kept::new(StatusCode::OK, &Envelope::of(Message { message }))?;
    once.keep(&mut tx, &answer).await?;
    tx.commit().await?;
    tell(app, user, ended, SessionEnd::SignedOut, write).await;
    Ok(answer.into_response())
}
