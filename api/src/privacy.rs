//! A person's data: taken out as it is (`export.rs`), or destroyed for good (`erasure.rs`), after a look at what that means
//! (`plan.rs`). Who has the right does it to anybody the workspace knows, and in that workspace; everybody does it to
//! themselves, wherever they are known.

mod erasure;
mod export;
mod merged;
mod plan;

pub use erasure::{ACCOUNT, SettleError, keep, migrate, settle};

use crate::{
    envelope::{self, Envelope},
    extract::{Body, Caller, Write, path_text},
    i18n::Language,
    identity::{
        once::{Kept, Once},
        session::{self, Which},
    },
    imports,
    openapi::{parameter, told},
    problem::{Code, Problem},
    reply::Reply,
    state::App,
};
use aide::{
    OperationInput,
    axum::{
        ApiRouter,
        routing::{get_with, post_with},
    },
    generate::GenContext,
    openapi::Operation,
};
use axum::{
    extract::{FromRequestParts, Query, State},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use commands::Error;
use domain::{
    Permission, Rights, Rule,
    id::{PersonId, UserId, WorkspaceId, derive},
    identity::{
        person::{self, PersonCommand, PersonRejection},
        user::SessionEnd,
    },
    sales::customer::CustomerRejection,
};
use erasure::Outcome;
use export::Exported;
use plan::Plan;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    let about_erase = told(
        "Destroys what is known of a person, for good; with `dryRun`, or for whoever wants to see it first, tells what that means",
    );
    let about_export = told("All that is known of a person: as data, and in words");
    ApiRouter::new()
        .api_route("/privacy/erase", post_with(erase, about_erase))
        .api_route("/privacy/export", get_with(export, about_export))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Erase {
    /// A user, a customer, …: whose data it is.
    person_id: Uuid,
    /// Only tells what would be done.
    #[serde(default)]
    dry_run: bool,
}

async fn erase(
    State(app): State<App>,
    caller: Caller,
    write: Write,
    Body { value, hash }: Body<Erase>,
) -> Result<Reply<Outcome>, Problem> {
    let Erase { person_id, dry_run } = value;
    let scope = Scope::of(&app, &caller, person_id, Permission::PrivacyErase).await?;
    let here = caller.workspace_id().uuid();
    if let Some(into) = merged::out_of(&app, here, person_id).await? {
        let into = into.into();
        return Err(Problem::from(Error::Rejected(CustomerRejection::Merged { into })));
    }
    let plan = Plan::make(&app, &scope).await?;
    if dry_run {
        return Ok(Reply::of(envelope::ok(Outcome::Planned { plan })));
    }
    let once = Once::new(&app.pepper, &write, &caller.user_id.to_string(), hash);
    if let Some(first) = once.first(&app.pool).await? {
        return Ok(Reply::of(first.into_response()));
    }
    if plan.account {
        sign_out(&app, person_id, &write).await?;
    }
    for workspace in &scope.workspaces {
        imports::forget(&app.pool, workspace.uuid()).await?;
        let mut context = write.context_in(*workspace, &caller, hash);
        // Everybody may be forgotten.
        context.actor = scope.actor(&caller);
        let id = PersonId::new(derive(person_id, "erasure"));
        let command = PersonCommand::Erase(person::Erased {
            person_id,
            documents_until: plan.kept_until(*workspace),
        });
        let told = app.executor.execute::<person::Person>(id, &command, &context).await;
        told.map_err(Problem::from)?;
        erasure::erase(&app, *workspace, person_id).await?;
    }
    let outcome = match erasure::settle_in_time(&app).await {
        true => Outcome::Erased { plan },
        false => return Ok(Reply::of(envelope::ok(Outcome::Running { plan }))),
    };
    let answer = Kept::new(StatusCode::OK, &Envelope::of(outcome))?;
    Ok(Reply::of(once.keep_done(&app.pool, answer).await?.into_response()))
}

/// Every node hears of it, while there still is a user to tell of.
async fn sign_out(app: &App, person: Uuid, write: &Write) -> Result<(), Problem> {
    let ended = session::end(&mut *app.pool.acquire().await?, person, Which::AllBut(None)).await?;
    session::tell(app, person, ended, SessionEnd::SignedOut, write).await;
    Ok(())
}

async fn export(
    State(app): State<App>,
    caller: Caller,
    OfPerson(person): OfPerson,
    language: Language,
) -> Result<Reply<Exported>, Problem> {
    let scope = Scope::of(&app, &caller, person, Permission::PrivacyExport).await?;
    Ok(Reply::of(envelope::ok(Exported::of(&app, &scope, language).await?)))
}

/// Whose data, and in which logs.
struct Scope {
    person: Uuid,
    workspaces: Vec<WorkspaceId>,
    /// It is the caller's own.
    is_own: bool,
}

impl Scope {
    /// Of a person that nothing is known of it is not told whether there ever was one.
    async fn of(app: &App, caller: &Caller, person: Uuid, permission: Permission) -> Result<Self, Problem> {
        let is_own = caller.user_id == UserId::new(person);
        if !is_own {
            caller.require(permission)?;
        }
        let here = (!is_own).then(|| caller.workspace_id().uuid());
        let known = "select workspace_id from log.person_keys where person_id = $1 and ($2::uuid is null or workspace_id = $2) \
            union select workspace_id from log.events where stream_id = $1 and workspace_id = coalesce($2, $3) order by 1";
        let known: Vec<Uuid> = sqlx::query_scalar(known)
            .bind(person)
            .bind(here)
            .bind(WorkspaceId::PLATFORM.uuid())
            .fetch_all(&app.pool)
            .await?;
        if known.is_empty() || person.is_nil() {
            return Err(Problem::from(Error::Rejected(PersonRejection::Missing)));
        }
        Ok(Self {
            person,
            workspaces: known.into_iter().map(WorkspaceId::new).collect(),
            is_own,
        })
    }

    /// Who tells the log of it. The right was asked for before, or none is needed.
    fn actor(&self, caller: &Caller) -> commands::Actor {
        if !self.is_own {
            return caller.actor();
        }
        let mut standing = caller.standing.as_ref().clone();
        let own = Rights::from_iter([Permission::PrivacyErase.everywhere()]);
        standing.rights = standing.rights.with(&own);
        commands::Actor::User(Arc::new(standing))
    }
}

/// `?personId=`, and nothing else.
struct OfPerson(Uuid);

const PERSON: &str = "personId";

impl FromRequestParts<App> for OfPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        path_text(parts, app, "wsId").await?;
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let Query(pairs) = query.map_err(|_| Problem::new(Code::ValidationFailed))?;
        let mut person = None;
        for (name, value) in pairs {
            if name != PERSON {
                return Err(Problem::invalid_field(name, Rule::Unknown));
            }
            person = Some(Uuid::parse_str(&value).map_err(|_| Problem::invalid_field(PERSON, Rule::NotAUuid))?);
        }
        person
            .map(Self)
            .ok_or_else(|| Problem::invalid_field(PERSON, Rule::Required))
    }
}

impl OperationInput for OfPerson {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        parameter(
            operation,
            json!({
                "name": PERSON, "in": "query", "required": true, "schema": { "type": "string", "format": "uuid" },
                "description": "A user, a customer, …: whose data it is",
            }),
        );
    }
}
