//! A new store: a workspace with its profile, and its owner among those who work there. The workspace comes to be in one append
//! of the platform's log, with its owner if they are new as well; the employee stands in the store's own log, and each step can
//! be asked for again.

use super::person::{Person, add};
use crate::{
    extract::Write,
    identity::provision::{slugs, tenant_key},
    people::entry,
    problem::Problem,
    state::App,
};
use commands::{Answer, Context, Error, Unit};
use domain::{
    Access, Aggregate, Changes, Fields, Rejection, Role, Violation,
    id::{EmployeeId, UserId, WorkspaceId, derive},
    identity::{
        user::{User, UserEvent},
        workspace::{self, Change, Created, Profile, Workspace, WorkspaceCommand, WorkspaceEvent, WorkspaceRejection},
    },
};
use log::AppendError;
use projections::platform;
use serde::Serialize;
use uuid::Uuid;

/// What a store is to be.
#[derive(Debug, Clone, Serialize)]
pub struct Founding {
    pub name: String,
    /// Made from the name when none is given.
    pub slug: Option<String>,
    pub profile: Change,
}

impl Founding {
    /// All that is wrong with it; `prefix` is what its fields are called by in front.
    pub fn violations(&self, prefix: &str, found: &mut Vec<Violation>) {
        // A name that is missing must not hide a slug that is wrong.
        for (name, slug) in [
            (self.name.as_str(), "store"),
            ("store", self.slug.as_deref().unwrap_or("store")),
        ] {
            let created = created(name, slug, UserId::default());
            let refused = Workspace::default().decide(&WorkspaceCommand::Create(created)).err();
            let violations = refused.as_ref().map(Rejection::violations).unwrap_or_default();
            add(found, violations, prefix);
        }
        let refused = Profile::begin(&self.profile).checked().err();
        let violations = refused.as_ref().map(|violations| violations.as_slice());
        add(found, violations.unwrap_or_default(), prefix);
    }

    fn events(&self, slug: &str, owner: UserId) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
        let mut events = Workspace::default().decide(&WorkspaceCommand::Create(created(&self.name, slug, owner)))?;
        let store = events.iter().fold(Workspace::default(), Aggregate::evolve);
        let update = WorkspaceCommand::Update {
            name: None,
            change: Box::new(self.profile.clone()),
        };
        events.extend(store.decide(&update)?);
        Ok(events)
    }

    /// The slugs that may be tried, one after the other.
    fn slugs(&self) -> Vec<String> {
        match &self.slug {
            Some(slug) => vec![slug.clone()],
            None => slugs(&self.name).collect(),
        }
    }
}

fn created(name: &str, slug: &str, owner_id: UserId) -> Created {
    Created {
        name: name.to_owned(),
        kind: workspace::WorkspaceKind::Store,
        slug: slug.to_owned(),
        tenant_key: tenant_key(slug),
        organization_id: None,
        owner_id,
    }
}

/// Appends it, and `user`, what makes its owner one, if they are not yet; answers the position at which it is there.
pub async fn append(
    app: &App,
    id: WorkspaceId,
    founding: &Founding,
    (owner, user): (UserId, &[UserEvent]),
    context: &Context,
) -> Result<i64, Problem> {
    let answer = Answer {
        id: id.into(),
        version: 1,
    };
    for slug in founding.slugs() {
        let store = founding.events(&slug, owner).map_err(Error::Rejected)?;
        let mut unit = Unit::default();
        if !user.is_empty() {
            unit.add(owner, &User::default(), 0, user)
                .map_err(Error::<WorkspaceRejection>::Unstorable)?;
        }
        unit.add(id, &Workspace::default(), 0, &store)
            .map_err(Error::<WorkspaceRejection>::Unstorable)?;
        match app.executor.commit(unit, context, &answer).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Claimed {
                kind: "workspace.slug", ..
            }) if founding.slug.is_none() => {}
            Err(error) => return Err(Error::<WorkspaceRejection>::from(error).into()),
        }
    }
    Err(Error::<WorkspaceRejection>::Busy.into())
}

/// The employee that somebody is in a store.
pub fn employee_of(store: WorkspaceId, user: UserId) -> EmployeeId {
    EmployeeId::new(derive(store, &format!("employee {user}")))
}

/// The owner works in their store.
pub async fn enter_owner(
    app: &App,
    store: WorkspaceId,
    owner: UserId,
    person: &Person,
    write: &Write,
) -> Result<(), Problem> {
    let context = Context {
        workspace: store,
        ..write.own(owner)
    };
    let id = employee_of(store, owner);
    let details = person.details(context.now.date_naive());
    entry::begin(app, id, details, (owner, Access::from(Role::Owner)), &context).await?;
    let position = entry::join(app, id, owner, &context).await?;
    app.projections.wait_for(store, position).await;
    Ok(())
}

/// The store as it is shown, once it is.
pub async fn shown(app: &App, id: Uuid, position: i64) -> Result<platform::Workspace, Problem> {
    app.projections.wait_for(WorkspaceId::PLATFORM, position).await;
    let store = platform::workspace(&app.pool, id).await?;
    store.ok_or_else(|| Problem::unavailable("store.busy"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Patch;

    fn founding() -> Founding {
        Founding {
            name: "Мой Магазин".into(),
            slug: None,
            profile: Change::default(),
        }
    }

    #[test]
    fn what_is_known_of_a_store_comes_with_it() {
        let owner = UserId::new(Uuid::from_u128(1));
        assert_eq!(founding().events("moi-magazin", owner).unwrap().len(), 2);
        let described = Founding {
            profile: Change {
                description: Patch::Set(Some("Одежда".into())),
                ..Change::default()
            },
            ..founding()
        };
        let events = described.events("moi-magazin", owner).unwrap();
        assert!(matches!(events[..], [_, _, WorkspaceEvent::Updated(_)]), "{events:?}");
        assert_eq!(founding().slugs()[0], "moi-magazin");
    }

    #[test]
    fn all_that_is_wrong_with_a_store_is_told_at_once() {
        let bad = Founding {
            name: " ".into(),
            slug: Some("Мой".into()),
            profile: Change {
                email: Patch::Set(Some("nonsense".into())),
                ..Change::default()
            },
        };
        let mut found = vec![];
        bad.violations("store_", &mut found);
        let told: Vec<String> = found
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.code()))
            .collect();
        assert_eq!(
            told,
            [
                "store_name required",
                "store_slug not_allowed",
                "store_email not_an_email"
            ]
        );
        let mut found = vec![];
        founding().violations("store_", &mut found);
        assert_eq!(found, []);
    }
}
