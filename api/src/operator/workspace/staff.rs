//! Who belongs to a workspace, as the platform's own log knows them: what goes with the workspace's log, so that its people sign in
//! where it arrives. Read from the log alone, but for what never enters it.

use crate::{
    identity::{
        password,
        second_factor::{self, Carried},
        secrets::{self, Pepper},
    },
    operator::{Failure, in_file},
};
use domain::{
    Aggregate, Personal, fact,
    id::{OrganizationId, UserId, WorkspaceId},
    identity::{
        organization::{self, Organization, OrganizationEvent},
        user::{Registered, User, UserEvent},
        workspace::{self, Workspace, WorkspaceEvent},
    },
};
use log::Log;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{collections::BTreeSet, path::Path};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};
use uuid::Uuid;

const FORMAT: &str = "prometric.accounts";
const VERSION: u32 = 1;

/// A workspace that is not archived, with everybody who is or was a member of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Staff {
    pub workspace: WorkspaceId,
    pub created: workspace::Created,
    /// As it is by now.
    pub state: Workspace,
    pub company: Option<Company>,
    /// But for those who were erased.
    pub people: Vec<Personal<Person>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Company {
    pub id: OrganizationId,
    pub created: organization::Created,
    pub state: Organization,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    pub id: UserId,
    pub registered: Registered,
    pub is_verified: bool,
    pub iin: Option<String>,
    /// Absent of who is no member any more, and only has to be known by name.
    pub keys: Option<Keys>,
}

/// What somebody signs in with.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    /// Argon2id, PHC string.
    pub password: Option<String>,
    pub second_factor: Option<Carried>,
}

impl Keys {
    pub async fn of(pool: &PgPool, pepper: &Pepper, user: UserId) -> Result<Self, Failure> {
        Ok(Self {
            password: password::load(pool, user.uuid()).await?,
            second_factor: second_factor::carried(pool, pepper, user.uuid()).await?,
        })
    }
}

impl Staff {
    /// `None` of a workspace that the platform here does not know, or that nobody enters any more.
    pub async fn read(log: &Log, pool: &PgPool, workspace: WorkspaceId) -> Result<Option<Self>, Failure> {
        let history = history::<Workspace>(log, workspace.uuid()).await?;
        let state = history.iter().fold(Workspace::default(), Workspace::evolve);
        let Some(WorkspaceEvent::Created(created)) = history.first() else {
            return Ok(None);
        };
        if state.name().is_none() {
            return Ok(None);
        }
        let company = match created.organization_id {
            Some(id) => Company::read(log, id).await?,
            None => None,
        };
        prepare(pool).await?;
        let pepper = Pepper::open(pool).await?;
        let mut ever = members_ever(&history);
        let erased = erased(pool, workspace, &ever).await?;
        ever.retain(|user| !erased.contains(&user.uuid()));
        let mut people = Vec::with_capacity(ever.len());
        for user in ever {
            let Some(mut person) = Person::read(log, user).await? else {
                continue;
            };
            if state.has_member(user) {
                person.keys = Some(Keys::of(pool, &pepper, user).await?);
            }
            people.push(Personal::new(user, person));
        }
        Ok(Some(Self {
            workspace,
            created: created.clone(),
            state,
            company,
            people,
        }))
    }
}

/// A file of them: what tells of people, and what they sign in with, is sealed by their keys in the workspace. These are in the file of
/// its log, wrapped by a master key; whose are destroyed is not in here any more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Paper<T> {
    format: String,
    version: u32,
    staff: T,
}

impl Staff {
    /// Under another name until it is whole and on the disk.
    pub async fn write(&self, log: &Log, file: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string(&Paper {
            format: FORMAT.to_owned(),
            version: VERSION,
            staff: self,
        })?;
        log.seal_text(self.workspace.uuid(), &mut text).await?;
        let unfinished = file.with_extension("unfinished");
        let written = async {
            let mut output = File::create(&unfinished).await?;
            output.write_all(text.as_bytes()).await?;
            output.sync_all().await?;
            fs::rename(&unfinished, file).await
        };
        written.await.map_err(|error| in_file(file, error))
    }

    /// Of that workspace, whose log is here.
    pub async fn open(log: &Log, workspace: WorkspaceId, file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).await;
        let mut text = text.map_err(|error| in_file(file, error))?;
        log.open_text(workspace.uuid(), &mut text).await?;
        let paper: Paper<Self> = serde_json::from_str(&text).map_err(|error| in_file(file, error))?;
        let is_ours = paper.format == FORMAT && paper.version == VERSION && paper.staff.workspace == workspace;
        match is_ours {
            true => Ok(paper.staff),
            false => Err(in_file(file, format_args!("holds no people of workspace {workspace}"))),
        }
    }
}

impl Company {
    pub async fn read(log: &Log, id: OrganizationId) -> Result<Option<Self>, Failure> {
        let history = history::<Organization>(log, id.uuid()).await?;
        let state = history.iter().fold(Organization::default(), Organization::evolve);
        Ok(history.into_iter().next().and_then(|first| match first {
            OrganizationEvent::Created(created) => Some(Self { id, created, state }),
            _ => None,
        }))
    }
}

impl Person {
    async fn read(log: &Log, id: UserId) -> Result<Option<Self>, Failure> {
        let history = history::<User>(log, id.uuid()).await?;
        let state = history.iter().fold(User::default(), User::evolve);
        let registered = history.into_iter().rev().find_map(|event| match event {
            UserEvent::Registered(registered) => Some(registered),
            _ => None,
        });
        Ok(registered.map(|registered| Self {
            id,
            registered,
            is_verified: state.is_verified(),
            iin: state.iin().map(str::to_owned),
            keys: None,
        }))
    }
}

/// The tables of what never enters the log, in a database that no server has been at, too.
pub async fn prepare(pool: &PgPool) -> Result<(), Failure> {
    projections::schema::prepare(pool).await?;
    Ok(secrets::migrate(pool).await?)
}

/// All that has happened to something of the platform's.
async fn history<A: Aggregate>(log: &Log, id: Uuid) -> Result<Vec<A::Event>, Failure> {
    let mut events = log.read_stream(WorkspaceId::PLATFORM.uuid(), id, 0).await?;
    log.open_personal(&mut events).await?;
    let events = events.iter().filter(|event| event.category == A::NAME);
    let decoded = events.map(|event| fact::decode::<A::Event>(&event.event_type, event.schema, &event.data));
    Ok(decoded.collect::<Result<_, _>>()?)
}

fn members_ever(history: &[WorkspaceEvent]) -> BTreeSet<UserId> {
    let members = history.iter().filter_map(|event| match event {
        WorkspaceEvent::Created(created) => Some(created.owner_id),
        WorkspaceEvent::MemberAdded { user_id, .. } => Some(*user_id),
        _ => None,
    });
    members.collect()
}

/// Of these people those who were erased, on the platform or in the workspace: nothing is told of them anew.
pub async fn erased(
    pool: &PgPool,
    workspace: WorkspaceId,
    people: &BTreeSet<UserId>,
) -> Result<BTreeSet<Uuid>, sqlx::Error> {
    let erased = "select person_id from log.person_keys where workspace_id in ($1, $2) and person_id = any($3) and erased_at is not null";
    let erased = sqlx::query_scalar(erased)
        .bind(WorkspaceId::PLATFORM.uuid())
        .bind(workspace.uuid())
        .bind(people.iter().map(|person| person.uuid()).collect::<Vec<_>>());
    Ok(erased.fetch_all(pool).await?.into_iter().collect())
}
