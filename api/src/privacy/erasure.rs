//! Erasing: the key is destroyed, which no node forgets or undoes; what was folded from the log with it is folded anew, and what
//! stands beside the log is deleted. The latter may take a while and is done by whoever comes first: whoever is erased and not
//! noted as forgotten is still to be done, whether a request, an operator, the fence or a date has destroyed the key.

use super::plan::{Plan, before, contacts, kept};
use crate::{problem::Problem, state::App};
use domain::id::WorkspaceId;
use log::{
    PersonalError, chain,
    migrate::{self, Migration},
};
use projections::ProjectError;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgPool;
use std::{error::Error, time::Duration};
use uuid::Uuid;

/// How long a request waits for what is folded anew.
const PATIENCE: Duration = Duration::from_secs(20);
/// How late it may be noticed that somebody was erased by other means, or that a document's time has come.
const LOOK: Duration = Duration::from_secs(30);

/// What stands beside the log and is a user's: the tables of the platform's schema, and which of their rows (`$1`: the user).
/// First what is found by what is folded from the log, which forgets them next.
pub const ACCOUNT: [(&str, &str); 10] = [
    (
        "invitations",
        "email = (select email from platform.users where id = $1)",
    ),
    (
        "api_key_uses",
        "key_id in (select id from platform.api_keys where user_id = $1)",
    ),
    ("credentials", "user_id = $1"),
    ("offers", "user_id = $1"),
    ("password_resets", "user_id = $1"),
    ("recovery_codes", "user_id = $1"),
    ("registrations", "id = $1"),
    ("second_factors", "user_id = $1"),
    ("sessions", "user_id = $1"),
    ("waiting_accounts", "user_id = $1"),
];

#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing was done.
    Planned { plan: Plan },
    /// The keys are destroyed; lists and details are still being made anew.
    Running { plan: Plan },
    /// Nothing of it can be found any more.
    Erased { plan: Plan },
}

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    let migrations = &[Migration::new(
        "0014_forgotten",
        include_str!("../../../migrations/platform/0014_forgotten.sql"),
    )];
    migrate::apply(&mut *pool.acquire().await?, "platform", migrations).await
}

/// Destroys the key, after what goes with it.
pub async fn erase(app: &App, workspace: WorkspaceId, person: Uuid) -> Result<(), Problem> {
    let workspace = workspace.into();
    take_along(app, workspace, person).await.map_err(failed)?;
    app.log.erase_person(workspace, person).await.map_err(failed)?;
    Ok(clear(&app.pool, workspace, person).await?)
}

pub(super) fn failed(error: impl Error + 'static) -> Problem {
    tracing::error!(error = %chain(&error), "a person could not be erased");
    Problem::unavailable("personal.unavailable")
}

/// What goes with a person's key, whatever destroys that: their documents are kept to their day and no longer, and what told of
/// them before it was known to be theirs is erased as well, and so are a customer's contacts. Answers the keys of all these.
async fn take_along(app: &App, workspace: Uuid, person: Uuid) -> Result<Vec<Uuid>, SettleError> {
    let mut along = before(app, workspace, person).await?;
    for person in along.iter().chain([&person]) {
        for kept in kept(app, workspace, *person).await? {
            app.log.keep_until(workspace, kept.key_id, kept.ends()).await?;
        }
    }
    let contacts = contacts(app, workspace, person, &along).await?;
    along.extend(contacts);
    for key in &along {
        app.log.erase_person(workspace, *key).await?;
    }
    Ok(along)
}

/// Empties what stands beside the log of them.
async fn clear(pool: &PgPool, workspace: Uuid, person: Uuid) -> Result<(), sqlx::Error> {
    if workspace != WorkspaceId::PLATFORM.uuid() {
        for (table, theirs) in [
            ("invitations", "employee_id"),
            ("offers", "customer_id"),
            ("waiting_accounts", "employee_id"),
        ] {
            let awaited = format!("delete from platform.{table} where workspace_id = $1 and {theirs} = $2");
            let awaited = sqlx::query(sqlx::AssertSqlSafe(awaited));
            awaited.bind(workspace).bind(person).execute(pool).await?;
        }
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    for (table, theirs) in ACCOUNT {
        let delete = format!("delete from platform.{table} where {theirs}");
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .bind(person)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}

/// `true`: nothing is left to be done.
pub async fn settle_in_time(app: &App) -> bool {
    let app = app.clone();
    // It goes on when whoever asked does not wait any more.
    let settling = tokio::spawn(async move { settle(&app).await });
    match tokio::time::timeout(PATIENCE, settling).await {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(error))) => {
            tracing::error!(error = %chain(&error), "not all that tells of somebody erased was folded anew; it will be");
            false
        }
        Ok(Err(_)) | Err(_) => false,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Personal(#[from] PersonalError),
    #[error(transparent)]
    ReadModels(#[from] ProjectError),
}

/// Destroys the keys of documents whose time has come, and folds anew what tells of anybody erased.
pub async fn settle(app: &App) -> Result<(), SettleError> {
    for (workspace, key) in app.log.no_longer_kept().await? {
        app.log.erase_person(workspace, key).await?;
    }
    let pending = "select k.workspace_id, k.person_id from log.person_keys k where k.erased_at is not null and not exists \
        (select from platform.forgotten f where f.workspace_id = k.workspace_id and f.person_id = k.person_id) order by 1, 2";
    let mut pending: Vec<(Uuid, Uuid)> = sqlx::query_as(pending).fetch_all(&app.pool).await?;
    for (workspace, person) in pending.clone() {
        let along = take_along(app, workspace, person).await?;
        pending.extend(along.into_iter().map(|key| (workspace, key)));
    }
    pending.sort_unstable();
    pending.dedup();
    let mut folded = None;
    for (workspace, person) in pending {
        let is_platform = workspace == WorkspaceId::PLATFORM.uuid();
        clear(&app.pool, workspace, person).await?;
        // All of a workspace is folded at once, of the platform's what tells of the person.
        if is_platform || folded != Some(workspace) {
            match app.projections.forget(workspace.into(), person).await {
                // Moved away, or imported and not entered yet: nothing is folded here.
                Ok(()) | Err(ProjectError::NoSchema(_)) => folded = Some(workspace),
                Err(error) => return Err(error.into()),
            }
        }
        note(&app.pool, workspace, person).await?;
    }
    Ok(())
}

async fn note(pool: &PgPool, workspace: Uuid, person: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("insert into platform.forgotten (workspace_id, person_id) values ($1, $2) on conflict do nothing")
        .bind(workspace)
        .bind(person)
        .execute(pool)
        .await?;
    Ok(())
}

/// Goes on until the server ends.
pub async fn keep(app: App) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = settle(&app).await {
            tracing::error!(error = %chain(&error), "not all that tells of somebody erased was folded anew; it will be");
        }
    }
}
