//! What comes to be when the code was right, and not before: the person, their company and its first workspace, in one
//! append, or none of them; without a company the workspace is their own. Only now are address and BIN claimed; the schema and its role follow from the events.

use super::{
    employment, password,
    pending::{self, Attempt, Details},
};
use crate::{problem::Problem, state::App};
use commands::{Answer, Context, Error, Unit};
use domain::{
    Aggregate, Violation, Violations,
    id::{OrganizationId, UserId, WorkspaceId, derive},
    identity::{
        organization::{self, Organization, OrganizationCommand},
        user::{Registered, User, UserCommand, UserRejection},
        workspace::{self, Workspace, WorkspaceCommand, WorkspaceKind},
    },
};
use log::AppendError;
use uuid::Uuid;

/// How often another slug is tried when one is taken.
const SLUGS_MAX: usize = 8;
/// Leaves room for a suffix within `workspace::SLUG_MAX`.
const SLUG_LENGTH: usize = 40;

/// The ids that an attempt's company and workspace have, should they ever be.
pub fn organization_of(user: Uuid) -> OrganizationId {
    OrganizationId::new(derive(user, "organization"))
}

pub fn workspace_of(user: Uuid) -> WorkspaceId {
    WorkspaceId::new(derive(user, "workspace"))
}

/// Enters a proved attempt into the log, once, however often it is asked; answers the position at which it is there.
pub async fn provision(app: &App, attempt: &Attempt, context: &Context) -> Result<i64, Problem> {
    let id = UserId::new(attempt.id);
    let position = match known(app, id, context).await? {
        Some(position) => position,
        None => append(app, id, attempt, context).await?,
    };
    // Until it is entered, the attempt is not settled, so that asking again enters it.
    employment::enter(app, attempt, context).await?;
    pending::verified(&app.pool, attempt).await?;
    Ok(position)
}

/// Of a user who is in the log already: proved before, or registered when that was an event.
async fn known(app: &App, id: UserId, context: &Context) -> Result<Option<i64>, Problem> {
    let user = app.executor.load::<User, UserRejection>(context.workspace, id).await?;
    if *user.state == User::Unknown {
        return Ok(None);
    }
    let done = app.executor.execute::<User>(id, &UserCommand::VerifyEmail, context);
    Ok(Some(done.await?.position))
}

/// The password is stored first: without the append it opens nothing.
async fn append(app: &App, id: UserId, attempt: &Attempt, context: &Context) -> Result<i64, Problem> {
    let (Some(details), Some(hash)) = (&attempt.details, &attempt.password_hash) else {
        // Somebody else is just done with it.
        return Err(Error::<UserRejection>::Busy.into());
    };
    password::store(&app.pool, attempt.id, hash).await?;
    let answer = Answer {
        id: attempt.id,
        version: 2,
    };
    for slug in slugs(&workspace_name(&attempt.email, details)) {
        let unit = unit(id, &attempt.email, details, &slug)?;
        let error = match app.executor.commit(unit, context, &answer).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Claimed {
                kind: "workspace.slug", ..
            }) => continue,
            Err(error) => error,
        };
        // The same code may have been typed twice at once: then it is done.
        if matches!(error, AppendError::Version { .. } | AppendError::Claimed { .. }) {
            if let Some(position) = known(app, id, context).await? {
                return Ok(position);
            }
            password::forget(&app.pool, attempt.id).await?;
        }
        return Err(Error::<UserRejection>::from(error).into());
    }
    Err(Error::<UserRejection>::Busy.into())
}

/// Everything that comes to be.
pub fn unit(id: UserId, email: &str, details: &Details, slug: &str) -> Result<Unit, Error<UserRejection>> {
    if let Some(employment) = &details.employment {
        return employment::unit(id, email, details, employment);
    }
    let (organization_id, workspace_id) = (organization_of(id.uuid()), workspace_of(id.uuid()));
    let Decided {
        user,
        organization,
        workspace,
    } = decide(id, email, details, slug)?;
    let mut unit = Unit::default();
    unit.add(id, &User::default(), 0, &user).map_err(Error::Unstorable)?;
    if !organization.is_empty() {
        unit.add(organization_id, &Organization::default(), 0, &organization)
            .map_err(Error::Unstorable)?;
    }
    unit.add(workspace_id, &Workspace::default(), 0, &workspace)
        .map_err(Error::Unstorable)?;
    Ok(unit)
}

struct Decided {
    user: Vec<<User as Aggregate>::Event>,
    /// Empty without a company.
    organization: Vec<<Organization as Aggregate>::Event>,
    workspace: Vec<<Workspace as Aggregate>::Event>,
}

fn decide(id: UserId, email: &str, details: &Details, slug: &str) -> Result<Decided, Error<UserRejection>> {
    let refused = |violations: &[Violation]| match violations.first() {
        Some(Violation { field, rule }) => {
            Error::Rejected(UserRejection::Invalid(Violations::one(field, rule.clone())))
        }
        None => Error::Rejected(UserRejection::AlreadyRegistered),
    };
    let mut user = User::default()
        .decide(&UserCommand::Register(registered(id, email, details)))
        .map_err(Error::Rejected)?;
    let registered = user.iter().fold(User::default(), Aggregate::evolve);
    user.extend(registered.decide(&UserCommand::VerifyEmail).map_err(Error::Rejected)?);
    let company = company(id, details);
    let kind = match company {
        Some(_) => WorkspaceKind::Corporate,
        None => WorkspaceKind::Personal,
    };
    let organization_id = company.as_ref().map(|_| organization_of(id.uuid()));
    let organization = company.map(|company| Organization::default().decide(&OrganizationCommand::Create(company)));
    let organization = organization.transpose();
    let organization = organization.map_err(|rejection| refused(domain::Rejection::violations(&rejection)))?;
    let created = workspace::Created {
        name: workspace_name(email, details),
        kind,
        slug: slug.to_owned(),
        tenant_key: tenant_key(slug),
        organization_id,
        owner_id: id,
    };
    let workspace = Workspace::default().decide(&WorkspaceCommand::Create(created));
    let workspace = workspace.map_err(|rejection| refused(domain::Rejection::violations(&rejection)))?;
    Ok(Decided {
        user,
        organization: organization.unwrap_or_default(),
        workspace,
    })
}

pub fn registered(id: UserId, email: &str, details: &Details) -> Registered {
    Registered {
        email: Some(email.to_owned()),
        username: None,
        first_name: details.first_name.clone(),
        last_name: details.last_name.clone(),
        phone: details.phone.clone(),
        organization_id: match &details.employment {
            Some(employment) => Some(employment.organization_id.into()),
            None => company(id, details).map(|_| organization_of(id.uuid())),
        },
    }
}

/// Whoever names a part of it has one, and has to name the rest.
pub fn company(id: UserId, details: &Details) -> Option<organization::Created> {
    let Details { company_name, bin, .. } = details;
    (company_name.is_some() || bin.is_some()).then(|| organization::Created {
        name: company_name.clone().unwrap_or_default(),
        bin: bin.clone().unwrap_or_default(),
        owner_id: id,
    })
}

/// The company's, else the person's.
fn workspace_name(email: &str, details: &Details) -> String {
    let person = || registered(UserId::default(), email, details).name();
    details.company_name.clone().unwrap_or_else(person)
}

/// Names for a workspace, in Latin letters: the plain one first, then with a suffix nobody else has.
pub fn slugs(name: &str) -> impl Iterator<Item = String> {
    let plain: String = slug::slugify(name).chars().take(SLUG_LENGTH).collect();
    let plain = plain.trim_matches('-').to_owned();
    let plain = if plain.is_empty() {
        "workspace".to_owned()
    } else {
        plain
    };
    let base = plain.clone();
    let names = std::iter::once(plain).chain(std::iter::repeat_with(move || {
        format!("{base}-{:06x}", rand::random::<u32>() & 0x00ff_ffff)
    }));
    names.take(SLUGS_MAX)
}

pub fn tenant_key(slug: &str) -> String {
    format!("{slug}_{:08x}", rand::random::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_latin_letters_and_fits() {
        let first = |name: &str| slugs(name).next().unwrap();
        assert_eq!(first("Tech Solutions KZ"), "tech-solutions-kz");
        assert_eq!(first("ТОО Компания"), "too-kompaniia");
        assert_eq!(first("!!!"), "workspace");
        for name in ["ә".repeat(500), "Ұлы Дала ".repeat(40), "a-".repeat(100)] {
            for slug in slugs(&name).take(3) {
                assert!(
                    slug.len() <= workspace::SLUG_MAX && !slug.starts_with('-') && !slug.ends_with('-'),
                    "{slug}"
                );
            }
        }
    }

    fn details(company: Option<(&str, &str)>) -> Details {
        let (company_name, bin) = company.map(|(name, bin)| (name.to_owned(), bin.to_owned())).unzip();
        Details {
            first_name: "Имя".into(),
            last_name: "Фамилия".into(),
            phone: None,
            company_name,
            bin,
            employment: None,
        }
    }

    #[test]
    fn a_proved_person_comes_with_company_and_workspace() {
        let id = UserId::new(Uuid::now_v7());
        let company = details(Some(("ТОО Компания", "123456789012")));
        let Decided {
            user,
            organization,
            workspace,
        } = decide(id, "owner@company.kz", &company, "too-kompaniia").ok().unwrap();
        assert_eq!((user.len(), organization.len(), workspace.len()), (2, 1, 2));
    }

    #[test]
    fn without_a_company_the_workspace_is_their_own() {
        let id = UserId::new(Uuid::now_v7());
        let decided = decide(id, "person@mail.kz", &details(None), "imia").ok().unwrap();
        assert_eq!(decided.organization, []);
        let workspace::WorkspaceEvent::Created(created) = &decided.workspace[0] else {
            panic!("another event")
        };
        assert_eq!(
            (created.kind, created.organization_id, created.name.as_str()),
            (WorkspaceKind::Personal, None, "Имя Фамилия")
        );
        let nameless = Details {
            first_name: String::new(),
            last_name: String::new(),
            ..details(None)
        };
        assert_eq!(workspace_name("person@mail.kz", &nameless), "person");
    }
}
