//! Whoever invited somebody is told when the mail does not arrive, or when its code was used up: a notification, once. What is
//! to be told stands in the invitation's row, so that a crash tells it later and not never.

use crate::state::App;
use chrono::Utc;
use commands::{Actor, Context};
use domain::{
    id::{NotificationId, derive},
    office::notification::{Audience, Created, Notification, NotificationCommand, Topic},
};
use serde_json::Map;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// How late it may be; it costs one look into an index.
const LOOK: Duration = Duration::from_secs(2);

/// Goes on until the server ends.
pub async fn keep(app: App) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = tell(&app).await {
            tracing::warn!(%error, "that an invitation failed could not be told; it will");
        }
        if let Err(error) = lapse(&app.pool).await {
            tracing::warn!(%error, "invitations could not lapse; they will");
        }
    }
}

/// Telling twice, or on several nodes, is telling once: the notification's id follows from the invitation's.
async fn tell(app: &App) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for (id, workspace_id, invited_by) in failed(&app.pool).await? {
        // Without the address: it is nobody's who works here, and the log keeps what it is told.
        let created = Box::new(Created {
            audience: Audience::User(invited_by.into()),
            topic: Topic::InvitationFailed,
            about: id,
            data: Map::new(),
        });
        let notification = NotificationId::new(derive(id, "failed"));
        let command = NotificationCommand::Notify(created);
        let context = Context::new(workspace_id.into(), Actor::System, Utc::now());
        app.executor
            .create::<Notification>(notification, &command, &context)
            .await?;
        sqlx::query("update platform.invitations set told_at = log.clock() where id = $1")
            .bind(id)
            .execute(&app.pool)
            .await?;
    }
    Ok(())
}

/// An invitation, its workspace, and who invited.
type Failed = (Uuid, Uuid, Uuid);

async fn failed(pool: &PgPool) -> Result<Vec<Failed>, sqlx::Error> {
    let failed = "select id, workspace_id, invited_by from platform.invitations \
        where failures >= $1 and accepted_at is null and told_at is null limit 100";
    sqlx::query_as(failed)
        .bind(crate::identity::pending::FAILURES_MAX)
        .fetch_all(pool)
        .await
}

/// Invitations that nobody came for are gone some time after their code, with the addresses in them.
async fn lapse(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("delete from platform.invitations where valid_until < log.clock() - interval '30 days'")
        .execute(pool)
        .await
        .map(drop)
}
