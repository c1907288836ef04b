//! `Idempotency-Key` where the log cannot keep the answer: what signs in or out, and what waits for a code. The answer is
//! written in the transaction that does the work, so that there is never one without the other; of two at once the
//! second waits for the first. Answers hold tokens, hence are sealed, under a key that only somebody who knows the
//! `Idempotency-Key` can make.

use super::{
    secrets::{self, Pepper},
    session,
};
use crate::{
    extract::{BodyHash, Write},
    problem::{Code, Problem},
};
use axum::{
    Json,
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use log::CommandId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

/// As long as the log keeps its own.
const KEPT_HOURS: i32 = 48;

/// A request's key, if it has one.
pub struct Once(Option<Keyed>);

struct Keyed {
    command: CommandId,
    seal: [u8; 32],
}

/// What is told, the first time and every time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    pub status: u16,
    pub body: Value,
    /// Of the platform's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
}

impl Kept {
    pub fn new<T: Serialize>(status: StatusCode, body: &T) -> Result<Self, Problem> {
        let body = serde_json::to_value(body).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written");
            Problem::internal()
        })?;
        Ok(Self {
            status: status.as_u16(),
            body,
            position: None,
        })
    }

    pub fn at(self, position: i64) -> Self {
        Self {
            position: Some(position),
            ..self
        }
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body)).into_response();
        if let Some(position) = self.position {
            let name = HeaderName::from_static("x-event-position");
            response.headers_mut().insert(name, position.into());
        }
        response
    }
}

impl Once {
    /// `who` keeps apart callers that happen to choose the same key. What is hashed of the body must not hold a
    /// password: a hash as fast as this one would give it away.
    pub fn new(pepper: &Pepper, write: &Write, who: &str, body: BodyHash) -> Self {
        Self(write.command(who, body).map(|(key, command)| Keyed {
            command,
            seal: pepper.tag("answer", &[command.id.as_bytes(), key.as_bytes()]),
        }))
    }

    /// What was answered before.
    pub async fn first(&self, pool: &PgPool) -> Result<Option<Kept>, Problem> {
        match &self.0 {
            Some(keyed) => keyed.read(&mut *pool.acquire().await?).await,
            None => Ok(None),
        }
    }

    /// For whoever has signed out: what they were told then, and nothing new.
    pub async fn left(&self, pool: &PgPool) -> Result<Response, Problem> {
        let first = self.first(pool).await?;
        first.map(Kept::into_response).ok_or_else(session::ended)
    }

    /// The same within the transaction that does the work otherwise. It waits for another that is at it.
    pub async fn enter(&self, connection: &mut PgConnection) -> Result<Option<Kept>, Problem> {
        let Some(keyed) = &self.0 else { return Ok(None) };
        let sweep = "delete from platform.answers where id in (select id from platform.answers \
            where created_at < now() - $1 * interval '1 hour' limit 100 for update skip locked)";
        sqlx::query(sweep).bind(KEPT_HOURS).execute(&mut *connection).await?;
        let claim = "insert into platform.answers (id, request_hash) values ($1, $2) on conflict (id) do nothing";
        let claimed = sqlx::query(claim)
            .bind(keyed.command.id)
            .bind(&keyed.command.request_hash[..])
            .execute(&mut *connection)
            .await?;
        if claimed.rows_affected() == 1 {
            return Ok(None);
        }
        keyed.read(connection).await
    }

    /// To be told again from now on; after `enter`.
    pub async fn keep(&self, connection: &mut PgConnection, answer: &Kept) -> Result<(), Problem> {
        let Some(keyed) = &self.0 else { return Ok(()) };
        let clear = serde_json::to_vec(answer).unwrap_or_default();
        let sealed = secrets::seal(&keyed.seal, &clear).ok_or_else(Problem::internal)?;
        let keep = "update platform.answers set sealed = $2 where id = $1";
        sqlx::query(keep)
            .bind(keyed.command.id)
            .bind(sealed)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The same for what was done already and could be done once more: what was kept first is told.
    pub async fn keep_done(&self, pool: &PgPool, answer: Kept) -> Result<Kept, Problem> {
        let mut tx = pool.begin().await?;
        if let Some(first) = self.enter(&mut tx).await? {
            return Ok(first);
        }
        self.keep(&mut tx, &answer).await?;
        tx.commit().await?;
        Ok(answer)
    }
}

impl Keyed {
    async fn read(&self, connection: &mut PgConnection) -> Result<Option<Kept>, Problem> {
        let first = "select request_hash, sealed from platform.answers where id = $1";
        let first: Option<(Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(first)
            .bind(self.command.id)
            .fetch_optional(connection)
            .await?;
        let Some((request_hash, sealed)) = first else {
            return Ok(None);
        };
        if request_hash != self.command.request_hash {
            return Err(Problem::new(Code::IdempotencyKeyReused));
        }
        let clear = sealed.and_then(|sealed| secrets::unseal(&self.seal, &sealed));
        let kept = clear.and_then(|clear| serde_json::from_slice(&clear).ok());
        kept.map(Some).ok_or_else(|| {
            tracing::error!("a kept answer cannot be read");
            Problem::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_comes_back_with_status_and_position() {
        let kept = Kept::new(StatusCode::CREATED, &json!({"a": 1})).unwrap().at(7);
        let back: Kept = serde_json::from_slice(&serde_json::to_vec(&kept).unwrap()).unwrap();
        let response = back.into_response();
        assert_eq!(
            (response.status(), &response.headers()["x-event-position"]),
            (StatusCode::CREATED, &"7".parse::<axum::http::HeaderValue>().unwrap())
        );
    }
}
