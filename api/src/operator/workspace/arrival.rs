//! People arrive with their workspace: each becomes in the platform's log here what they were in the other one, all in one append.
//! Whoever is known here already stays what they are, with their own password; whose mail address somebody here has proved, is that
//! somebody (docs/decisions/0048).

use super::staff::{self, Company, Keys, Person, Staff};
use crate::{
    identity::{password, provision, second_factor, secrets::Pepper},
    operator::Failure,
};
use chrono::Utc;
use commands::{Actor, Answer, Context, Executor, Unit};
use domain::{
    Access, Aggregate, Changes, Role,
    id::{OrganizationId, UserId, WorkspaceId},
    identity::{
        organization::{self, Organization, OrganizationCommand},
        user::{User, UserCommand, UserRejection},
        workspace::{self, Workspace, WorkspaceCommand, WorkspaceRejection},
    },
};
use log::{AppendError, Log};
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const PLATFORM: WorkspaceId = WorkspaceId::PLATFORM;

/// Where they arrive.
pub struct Place {
    log: Log,
    pool: PgPool,
    executor: Executor,
}

/// What becomes of somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// With what they sign in with; their certificate too, if nobody here signs in with it.
    Arrives { with_certificate: bool },
    /// They are here.
    Stays,
    /// Their address is somebody's who is here.
    Is(UserId),
    /// They sign in no more.
    Remembered,
}

/// Nothing is written, and nothing stands in the way.
pub struct Plan<'a> {
    staff: &'a Staff,
    people: Vec<(&'a Person, Fate)>,
    /// The company here, and whether it is to be made.
    company: Option<(OrganizationId, bool)>,
}

/// How many people there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrived {
    pub accounts: usize,
    pub known: usize,
    pub remembered: usize,
}

impl Place {
    pub fn new(log: Log, pool: PgPool) -> Self {
        let executor = Executor::new(log.clone());
        Self { log, pool, executor }
    }

    /// What would become of everybody. An error names by their ids who cannot come, and what stands in the way.
    pub async fn plan<'a>(&self, staff: &'a Staff) -> Result<Plan<'a>, Failure> {
        let everybody: BTreeSet<UserId> = staff.people.iter().map(|one| one.person().into()).collect();
        let erased = staff::erased(&self.pool, staff.workspace, &everybody).await?;
        let mut people = Vec::with_capacity(staff.people.len());
        for person in staff.people.iter().filter_map(|one| one.get().ok()) {
            if !erased.contains(&person.id.uuid()) {
                people.push((person, self.fate(person).await?));
            }
        }
        let mut plan = Plan {
            staff,
            people,
            company: None,
        };
        if let Some(company) = &staff.company {
            plan.company = Some(self.house(company, &plan).await?);
        }
        Ok(plan)
    }

    async fn fate(&self, person: &Person) -> Result<Fate, Failure> {
        let user = self.executor.load::<User, UserRejection>(PLATFORM, person.id).await?;
        if user.state.has_account() {
            return Ok(Fate::Stays);
        }
        if person.keys.is_none() {
            return Ok(Fate::Remembered);
        }
        let id = person.id;
        let registered = &person.registered;
        if let Some(other) = self.owner("user.username", registered.username.as_deref()).await? {
            return Err(format!("user {id}: their user name is that of user {other} there").into());
        }
        if let Some(other) = self.owner("user.email", registered.email.as_deref()).await? {
            let there = self.executor.load::<User, UserRejection>(PLATFORM, other).await?;
            return match person.is_verified && there.state.is_verified() {
                true => Ok(Fate::Is(other)),
                false => {
                    let why = "and the one or the other has not proved it";
                    Err(format!("user {id}: their address is that of user {other} there, {why}").into())
                }
            };
        }
        let with_certificate = self.owner("user.iin", person.iin.as_deref()).await?.is_none();
        Ok(Fate::Arrives { with_certificate })
    }

    async fn owner(&self, kind: &str, key: Option<&str>) -> Result<Option<UserId>, Failure> {
        let Some(key) = key else { return Ok(None) };
        let owner = self.log.personal_claim(PLATFORM.uuid(), kind, key).await?;
        Ok(owner.map(UserId::new))
    }

    /// The company by its id, or by its BIN where its owner is the same person.
    async fn house(&self, company: &Company, plan: &Plan<'_>) -> Result<(OrganizationId, bool), Failure> {
        if Company::read(&self.log, company.id).await?.is_some() {
            return Ok((company.id, false));
        }
        let bin = &company.created.bin;
        let Some(other) = self.log.owner_of(PLATFORM.uuid(), "organization.bin", bin).await? else {
            return Ok((company.id, true));
        };
        let other = OrganizationId::new(other);
        let there = Company::read(&self.log, other).await?;
        match there.is_some_and(|there| there.created.owner_id == plan.here(company.created.owner_id)) {
            true => Ok((other, false)),
            false => {
                Err(format!("the company's BIN {bin} is that of organization {other} there, another owner's").into())
            }
        }
    }

    /// Enters them. Secrets first: of nobody whom the log does not know they open nothing.
    pub async fn enter(&self, plan: &Plan<'_>) -> Result<Arrived, Failure> {
        staff::prepare(&self.pool).await?;
        let pepper = Pepper::open(&self.pool).await?;
        self.bring_keys(plan, &pepper).await?;
        if let Err(error) = self.append(plan).await {
            self.forget_keys(plan).await?;
            return Err(error);
        }
        self.verify(plan, &pepper).await?;
        self.log.farewell().await?;
        Ok(plan.arrived())
    }

    async fn bring_keys(&self, plan: &Plan<'_>, pepper: &Pepper) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await?;
        for (id, keys) in plan.keys() {
            if let Some(hash) = &keys.password {
                password::store(&mut *tx, id, hash).await?;
            }
            if let Some(carried) = &keys.second_factor {
                second_factor::bring(&mut tx, pepper, id, carried).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Of those who have not come after all: an append may have gone through, and only its answer be lost.
    async fn forget_keys(&self, plan: &Plan<'_>) -> Result<(), Failure> {
        let executor = Executor::new(self.log.clone());
        for (id, _) in plan.keys() {
            let user = executor.load::<User, UserRejection>(PLATFORM, UserId::new(id)).await?;
            if !user.state.has_account() {
                password::forget(&self.pool, id).await?;
                second_factor::forget(&self.pool, id).await?;
            }
        }
        Ok(())
    }

    /// Under the name that it had, if it is nobody's here.
    async fn append(&self, plan: &Plan<'_>) -> Result<(), Failure> {
        let workspace = plan.staff.workspace;
        let before = self
            .executor
            .load::<Workspace, WorkspaceRejection>(PLATFORM, workspace)
            .await?;
        let context = Context::new(PLATFORM, Actor::System, Utc::now());
        let had = plan.staff.created.slug.clone();
        let slugs = provision::slugs(plan.staff.state.name().unwrap_or_default());
        for slug in std::iter::once(had).chain(slugs) {
            let mut unit = Unit::default();
            self.add_people(plan, &mut unit).await?;
            plan.add_company(&mut unit)?;
            let events = plan.workspace(before.state.as_ref(), &slug)?;
            add(&mut unit, workspace, before.state.as_ref(), before.version, &events)?;
            let answer = Answer {
                id: workspace.uuid(),
                version: before.version + i64::try_from(events.len())?,
            };
            match self.executor.commit(unit, &context, &answer).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Claimed {
                    kind: "workspace.slug", ..
                }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err("every name that the workspace could have there is taken".into())
    }

    async fn add_people(&self, plan: &Plan<'_>, unit: &mut Unit) -> Result<(), Failure> {
        for (person, fate) in &plan.people {
            let user = self.executor.load::<User, UserRejection>(PLATFORM, person.id).await?;
            let (_, events) = decided(user.state.as_ref(), &plan.becomes(person, *fate))?;
            add(unit, person.id, user.state.as_ref(), user.version, &events)?;
        }
        Ok(())
    }

    /// What is there now is what was to be there.
    async fn verify(&self, plan: &Plan<'_>, pepper: &Pepper) -> Result<(), Failure> {
        let workspace = plan.staff.workspace;
        let executor = Executor::new(self.log.clone());
        let there = executor
            .load::<Workspace, WorkspaceRejection>(PLATFORM, workspace)
            .await?;
        let members: BTreeMap<UserId, Access> =
            there.state.members().map(|(id, access)| (id, access.clone())).collect();
        if members != plan.members() {
            return Err(format!("workspace {workspace} has other members there than here").into());
        }
        for (person, _) in &plan.people {
            let user = executor.load::<User, UserRejection>(PLATFORM, person.id).await?;
            user.state
                .name()
                .ok_or_else(|| format!("user {} is not known there", person.id))?;
        }
        for (id, keys) in plan.keys() {
            if Keys::of(&self.pool, pepper, UserId::new(id)).await? != *keys {
                return Err(format!("user {id} signs in with something else there").into());
            }
        }
        Ok(())
    }
}

impl Plan<'_> {
    /// Who somebody is here.
    fn here(&self, user: UserId) -> UserId {
        let found = self.people.iter().find(|(person, _)| person.id == user);
        match found {
            Some((_, Fate::Is(other))) => *other,
            _ => user,
        }
    }

    /// What those sign in with who arrive.
    fn keys(&self) -> impl Iterator<Item = (Uuid, &Keys)> {
        let arriving = self.people.iter();
        let arriving = arriving.filter(|(_, fate)| matches!(fate, Fate::Arrives { .. }));
        arriving.filter_map(|(person, _)| Some((person.id.uuid(), person.keys.as_ref()?)))
    }

    fn arrived(&self) -> Arrived {
        let count = |is: fn(&Fate) -> bool| self.people.iter().filter(|(_, fate)| is(fate)).count();
        Arrived {
            accounts: count(|fate| matches!(fate, Fate::Arrives { .. })),
            known: count(|fate| matches!(fate, Fate::Stays | Fate::Is(_))),
            remembered: count(|fate| matches!(fate, Fate::Remembered)),
        }
    }

    fn becomes(&self, person: &Person, fate: Fate) -> Vec<UserCommand> {
        let mut registered = person.registered.clone();
        match fate {
            Fate::Stays => vec![],
            Fate::Remembered | Fate::Is(_) => vec![UserCommand::Remember {
                first_name: registered.first_name,
                last_name: registered.last_name,
            }],
            Fate::Arrives { with_certificate } => {
                // Another company than the workspace's is not known here.
                let company = self.staff.company.as_ref().map(|company| company.id);
                registered.organization_id = registered
                    .organization_id
                    .filter(|id| Some(*id) == company)
                    .and(self.company.map(|(id, _)| id));
                let verified = person.is_verified.then_some(UserCommand::VerifyEmail);
                let iin = person.iin.clone().filter(|_| with_certificate);
                let second_factor = person.keys.as_ref().and_then(|keys| keys.second_factor.as_ref());
                [Some(UserCommand::Register(registered)), verified]
                    .into_iter()
                    .chain([
                        iin.map(|iin| UserCommand::LinkCertificate { iin }),
                        second_factor.map(|_| UserCommand::SetSecondFactor { is_on: true }),
                    ])
                    .flatten()
                    .collect()
            }
        }
    }

    fn add_company(&self, unit: &mut Unit) -> Result<(), Failure> {
        let (Some(company), Some((id, true))) = (&self.staff.company, self.company) else {
            return Ok(());
        };
        let created = organization::Created {
            owner_id: self.here(company.created.owner_id),
            ..company.created.clone()
        };
        let mut commands = vec![OrganizationCommand::Create(created)];
        if let Organization::Known {
            profile,
            second_factor,
            premium,
        } = &company.state
        {
            let bare = organization::Profile {
                name: company.created.name.clone(),
                ..Default::default()
            };
            let change = organization::Profile::between(&bare, profile);
            commands.push(OrganizationCommand::Update(
                Box::new(change),
                Some(second_factor.clone()),
            ));
            commands.push(OrganizationCommand::SetPremium { premium: *premium });
        }
        let unborn = Organization::default();
        let (_, events) = decided::<Organization>(&unborn, &commands)?;
        add(unit, id, &unborn, 0, &events)
    }

    /// Who may enter here: of those who were erased nobody.
    fn members(&self) -> BTreeMap<UserId, Access> {
        let members = self.people.iter().filter_map(|(person, _)| {
            let access = self.staff.state.access(person.id)?;
            Some((self.here(person.id), access.clone()))
        });
        members.collect()
    }

    /// What makes the workspace here what it was elsewhere, whether it was here before or not.
    fn workspace(&self, before: &Workspace, slug: &str) -> Result<Vec<<Workspace as Aggregate>::Event>, Failure> {
        let Staff { created, state, .. } = self.staff;
        let mut events = vec![];
        let mut here = before.clone();
        if *before == Workspace::Unknown {
            let tenant_key = match slug == created.slug {
                true => created.tenant_key.clone(),
                false => provision::tenant_key(slug),
            };
            let created = workspace::Created {
                slug: slug.to_owned(),
                tenant_key,
                organization_id: self.company.map(|(id, _)| id),
                owner_id: self.here(created.owner_id),
                ..created.clone()
            };
            (here, events) = decided(before, &[WorkspaceCommand::Create(created)])?;
        }
        let members = self.members();
        let (owners, others): (Vec<_>, Vec<_>) = members.iter().partition(|(_, access)| access.role == Role::Owner);
        let (name, profile) = (state.name().map(str::to_owned), state.profile());
        let change = workspace::Profile::between(
            here.profile().unwrap_or(&workspace::Profile::default()),
            profile.unwrap_or(&workspace::Profile::default()),
        );
        let defined = state.roles().map(|(role_id, role)| WorkspaceCommand::DefineRole {
            role_id,
            role: role.clone(),
            by: None,
        });
        let added = owners.into_iter().chain(others);
        let added = added.map(|(user_id, access)| WorkspaceCommand::AddMember {
            user_id: *user_id,
            access: access.clone(),
            by: None,
        });
        let gone = here.members().filter(|(user, _)| !members.contains_key(user));
        let gone = gone.map(|(user_id, _)| WorkspaceCommand::RemoveMember { user_id, by: None });
        let undefined = here.roles().filter(|(id, _)| state.role(*id).is_none());
        let undefined = undefined.map(|(role_id, _)| WorkspaceCommand::RemoveRole { role_id, by: None });
        let update = WorkspaceCommand::Update {
            name,
            change: Box::new(change),
        };
        let commands: Vec<WorkspaceCommand> = std::iter::once(update)
            .chain(defined)
            .chain(added)
            .chain(gone)
            .chain(undefined)
            .collect();
        events.extend(decided(&here, &commands)?.1);
        Ok(events)
    }
}

/// What these commands come to, one after another.
fn decided<A: Aggregate>(state: &A, commands: &[A::Command]) -> Result<(A, Vec<A::Event>), A::Rejection> {
    let (mut state, mut events) = (state.clone(), vec![]);
    for command in commands {
        let new = state.decide(command)?;
        state = new.iter().fold(state, A::evolve);
        events.extend(new);
    }
    Ok((state, events))
}

fn add<A: Aggregate>(unit: &mut Unit, id: A::Id, state: &A, version: i64, events: &[A::Event]) -> Result<(), Failure> {
    if !events.is_empty() {
        unit.add(id, state, version, events)?;
    }
    Ok(())
}
