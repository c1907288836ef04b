//! Who caused a mail is told when it does not arrive, or when its code was used up: a notification, once. What is to be told
//! stands in the mail's own row, so that a crash tells it later and not never.

use crate::{identity::pending::FAILURES_MAX, state::App};
use chrono::Utc;
use commands::{Actor, Context};
use domain::{
    id::{NotificationId, derive},
    office::notification::{Audience, Created, Notification, NotificationCommand, Topic},
};
use log::ConsumerError;
use serde_json::Map;
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// How late it may be; it costs one look into an index of each table.
const LOOK: Duration = Duration::from_secs(2);

/// A table whose rows say that a mail has failed, by `failures`, and whether that was told, by `told_at`.
struct Failing {
    table: &'static str,
    /// Which of them are worth telling.
    open: &'static str,
    /// The columns of who is told, and of what it is about.
    by: &'static str,
    about: &'static str,
    topic: Topic,
    /// Rows that are of no use any more, with what they hold of people.
    lapsed: &'static str,
}

const FAILING: [Failing; 2] = [
    Failing {
        table: "platform.invitations",
        open: "accepted_at is null",
        by: "invited_by",
        about: "id",
        topic: Topic::InvitationFailed,
        lapsed: "valid_until < log.clock() - interval '30 days'",
    },
    Failing {
        table: "platform.offers",
        open: "mail_due_at is null",
        by: "user_id",
        about: "deal_id",
        topic: Topic::QuoteUndelivered,
        lapsed: "created_at < log.clock() - interval '30 days' and mail_due_at is null",
    },
];

/// Goes on until the server ends.
pub async fn keep(app: App) {
    loop {
        tokio::time::sleep(LOOK).await;
        for failing in &FAILING {
            let table = failing.table;
            if let Err(error) = failing.tell(&app).await {
                tracing::warn!(%error, table, "that a mail failed could not be told; it will");
            }
            if let Err(error) = failing.lapse(&app.pool).await {
                tracing::warn!(%error, table, "rows could not lapse; they will");
            }
        }
    }
}

/// A mail's row, its workspace, who is told, and about what.
type Failed = (Uuid, Uuid, Uuid, Uuid);

impl Failing {
    /// Telling twice, or on several nodes, is telling once: the notification's id follows from the row's.
    async fn tell(&self, app: &App) -> Result<(), ConsumerError> {
        for (id, workspace, user, about) in self.untold(&app.pool).await? {
            // Without the address: it is nobody's who works here, and the log keeps what it is told.
            let created = Box::new(Created {
                audience: Audience::User(user.into()),
                topic: self.topic,
                about,
                data: Map::new(),
            });
            let notification = NotificationId::new(derive(id, "failed"));
            let command = NotificationCommand::Notify(created);
            let context = Context::new(workspace.into(), Actor::System, Utc::now());
            app.executor
                .create::<Notification>(notification, &command, &context)
                .await?;
            let told = format!("update {} set told_at = log.clock() where id = $1", self.table);
            sqlx::query(AssertSqlSafe(told)).bind(id).execute(&app.pool).await?;
        }
        Ok(())
    }

    async fn untold(&self, pool: &PgPool) -> Result<Vec<Failed>, sqlx::Error> {
        let Self {
            table, open, by, about, ..
        } = self;
        let untold = format!(
            "select id, workspace_id, {by}, {about} from {table} where failures >= $1 and told_at is null and {open} limit 100"
        );
        let untold = sqlx::query_as(AssertSqlSafe(untold)).bind(FAILURES_MAX);
        untold.fetch_all(pool).await
    }

    async fn lapse(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let lapse = format!("delete from {} where {}", self.table, self.lapsed);
        sqlx::query(AssertSqlSafe(lapse)).execute(pool).await.map(drop)
    }
}
