//! Read models of the platform's own log: people, companies, workspaces and who may enter them.

mod api_key;
mod member;
mod organization;

pub use api_key::{ApiKey, api_key, api_keys};
pub use member::{Membership, OwnRole, member, members, one_within, page_within, with_role};
pub use organization::{Organization, organization, organizations_of};

use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    list::Page,
    schema::PLATFORM,
    table::{Seen, Table, as_fields},
    view::{self, Reader, Scope, View, ViewError},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Rights, Role,
    identity::{
        user::UserEvent,
        workspace::{Change, Profile, WorkspaceEvent, WorkspaceKind},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: Uuid,
    pub version: i64,
    /// Nobody's who signs in by a user name.
    pub email: Option<String>,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub organization_id: Option<Uuid>,
    pub verified: bool,
    pub created_at: DateTime<Utc>,
}

impl Table for User {
    const NAME: &'static str = "users";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("email", K::Text).nullable(),
            Column::new("username", K::Text).nullable(),
            Column::new("first_name", K::Text),
            Column::new("last_name", K::Text),
            Column::new("phone", K::Text),
            Column::new("organization_id", K::Uuid),
            Column::new("verified", K::Bool),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::User(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::User(fact) = &event.fact else { return };
        match fact {
            UserEvent::Registered(user) => {
                *row = Some(Self {
                    id: key,
                    version: 0,
                    email: user.email.clone(),
                    username: user.username.clone(),
                    first_name: user.first_name.clone(),
                    last_name: user.last_name.clone(),
                    phone: user.phone.clone(),
                    organization_id: user.organization_id.map(Into::into),
                    // A user name has nothing to prove.
                    verified: user.email.is_none(),
                    created_at: event.recorded.recorded_at,
                });
            }
            UserEvent::EmailVerified {} => {
                if let Some(user) = row {
                    user.verified = true;
                }
            }
            UserEvent::CertificateLinked { .. }
            | UserEvent::PasswordChanged {}
            | UserEvent::SessionsEnded { .. }
            | UserEvent::SecondFactorSet { .. } => {}
        }
        if let Some(user) = row {
            user.version = event.recorded.version;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    pub id: Uuid,
    pub version: i64,
    pub name: String,
    pub kind: WorkspaceKind,
    pub slug: String,
    pub tenant_key: String,
    pub organization_id: Option<Uuid>,
    pub owner_id: Uuid,
    pub description: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub created_at: DateTime<Utc>,
}

impl Workspace {
    /// The PostgreSQL role that reads its rows, of now or of a past.
    pub fn role(&self) -> String {
        schema_of(&self.slug)
    }

    /// The schema of its read models. Whoever reads for a request asks for its `home`, which waits for what was answered.
    pub(crate) fn schema(&self) -> String {
        schema_of(&self.slug)
    }

    /// What has become of its profile.
    fn apply(&mut self, change: &Change) {
        let mut profile = Profile {
            description: self.description.take(),
            address: self.address.take(),
            phone: self.phone.take(),
            email: self.email.take(),
        };
        profile.apply(change);
        Profile {
            description: self.description,
            address: self.address,
            phone: self.phone,
            email: self.email,
        } = profile;
    }
}

/// `tenant_` and the slug with `_` for `-`; the slug is `[a-z0-9-]`, so nothing needs quoting and no two meet.
pub(crate) fn schema_of(slug: &str) -> String {
    format!("tenant_{}", slug.replace('-', "_"))
}

impl Table for Workspace {
    const NAME: &'static str = "workspaces";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("name", K::Text),
            Column::new("kind", K::Text),
            Column::new("slug", K::Text),
            Column::new("tenant_key", K::Text),
            Column::new("organization_id", K::Uuid),
            Column::new("owner_id", K::Uuid),
            Column::new("description", K::Text).nullable(),
            Column::new("address", K::Text).nullable(),
            Column::new("phone", K::Text).nullable(),
            Column::new("email", K::Text).nullable(),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::Workspace(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Workspace(fact) = &event.fact else { return };
        match fact {
            WorkspaceEvent::Created(created) => {
                *row = Some(Self {
                    id: key,
                    version: 0,
                    name: created.name.clone(),
                    kind: created.kind,
                    slug: created.slug.clone(),
                    tenant_key: created.tenant_key.clone(),
                    organization_id: created.organization_id.map(Into::into),
                    owner_id: created.owner_id.into(),
                    description: None,
                    address: None,
                    phone: None,
                    email: None,
                    created_at: event.recorded.recorded_at,
                });
            }
            WorkspaceEvent::Renamed { name } => {
                if let Some(workspace) = row {
                    workspace.name.clone_from(name);
                }
            }
            WorkspaceEvent::Updated(change) => {
                if let Some(workspace) = row {
                    workspace.apply(change);
                }
            }
            // Nobody is a member of it any more: that is what keeps everybody out.
            WorkspaceEvent::Archived { .. }
            | WorkspaceEvent::MemberAdded { .. }
            | WorkspaceEvent::MemberChanged { .. }
            | WorkspaceEvent::MemberRemoved { .. }
            | WorkspaceEvent::RoleDefined { .. }
            | WorkspaceEvent::RoleRemoved { .. } => {}
        }
        if let Some(workspace) = row {
            workspace.version = event.recorded.version;
        }
    }
}

impl View for Workspace {
    const SEARCH: &'static str = "reading.folded(t.name || e'\\n' || t.slug)";
}

/// A page of the workspaces that a user may enter.
pub async fn entered_by(readers: &Readers, user: Uuid, pairs: &[(String, String)]) -> Result<Page, ViewError> {
    let reader = Reader::now(readers, PLATFORM, &|_| true);
    let mine = "t.id in (select workspace_id from platform.memberships where user_id = {1}::uuid)";
    let scope = Scope {
        alternatives: vec![mine.to_owned()],
        values: vec![user.to_string()],
        ..Scope::default()
    };
    view::page_of::<Workspace>(reader, pairs, &scope).await
}

// Queries

/// The look without its last condition; every request may make it, so its rows come typed.
macro_rules! member {
    () => {
        "select w.id, w.version, w.name, w.kind, w.slug, w.tenant_key, w.organization_id, w.owner_id, w.created_at, m.role, \
         m.permissions::text, r.permissions::text, (select position from platform.checkpoint), \
         w.description, w.address, w.phone, w.email \
         from platform.memberships m join platform.workspaces w on w.id = m.workspace_id \
         left join platform.own_roles r on r.id = m.role_id where m.user_id = $1 and "
    };
}

pub async fn user(pool: &PgPool, id: Uuid) -> Result<Option<User>, sqlx::Error> {
    Ok(rows(
        pool,
        "select row_to_json(t)::text from (select {columns} from platform.users where id = $1::uuid) t",
        &id.to_string(),
    )
    .await?
    .pop())
}

/// By the address in lower case.
pub async fn user_by_email(pool: &PgPool, email: &str) -> Result<Option<User>, sqlx::Error> {
    Ok(rows(
        pool,
        "select row_to_json(t)::text from (select {columns} from platform.users where email = $1) t",
        email,
    )
    .await?
    .pop())
}

/// By the user name in lower case.
pub async fn user_by_username(pool: &PgPool, username: &str) -> Result<Option<User>, sqlx::Error> {
    Ok(rows(
        pool,
        "select row_to_json(t)::text from (select {columns} from platform.users where username = $1) t",
        username,
    )
    .await?
    .pop())
}

/// What these users sign in by, where it is a user name.
pub async fn usernames(pool: &PgPool, users: &[Uuid]) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as("select id, username from platform.users where id = any($1) and username is not null")
        .bind(users)
        .fetch_all(pool)
        .await
}

pub async fn workspace(pool: &PgPool, id: Uuid) -> Result<Option<Workspace>, sqlx::Error> {
    Ok(rows(
        pool,
        "select row_to_json(t)::text from (select {columns} from platform.workspaces where id = $1::uuid) t",
        &id.to_string(),
    )
    .await?
    .pop())
}

pub async fn workspaces(pool: &PgPool) -> Result<Vec<Workspace>, sqlx::Error> {
    rows(pool, "select row_to_json(t)::text from (select {columns} from platform.workspaces where $1 <> '' order by created_at) t", "all").await
}

/// A workspace, and what a user is in it; one look.
pub struct Entered {
    pub workspace: Workspace,
    pub role: Role,
    pub rights: Rights,
    /// The position of the platform's log that this was true at.
    pub as_of: i64,
}

/// `None`: there is no such workspace, or the user is no member of it.
pub async fn member_of(pool: &PgPool, user: Uuid, workspace: Uuid) -> Result<Option<Entered>, sqlx::Error> {
    let found = sqlx::query(concat!(member!(), "w.id = $2")).bind(user).bind(workspace);
    found.fetch_optional(pool).await?.as_ref().map(entered).transpose()
}

/// The same by the workspace's tenant key.
pub async fn member_by_key(pool: &PgPool, user: Uuid, key: &str) -> Result<Option<Entered>, sqlx::Error> {
    let found = sqlx::query(concat!(member!(), "w.tenant_key = $2"))
        .bind(user)
        .bind(key.replace('\0', ""));
    found.fetch_optional(pool).await?.as_ref().map(entered).transpose()
}

fn entered(row: &PgRow) -> Result<Entered, sqlx::Error> {
    let (kind, role): (String, String) = (row.try_get(3)?, row.try_get(9)?);
    let unreadable = |what: &str| sqlx::Error::Decode(format!("unknown {what}").into());
    let workspace = Workspace {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        name: row.try_get(2)?,
        kind: serde_json::from_value(kind.into()).map_err(|_| unreadable("kind of workspace"))?,
        slug: row.try_get(4)?,
        tenant_key: row.try_get(5)?,
        organization_id: row.try_get(6)?,
        owner_id: row.try_get(7)?,
        description: row.try_get(13)?,
        address: row.try_get(14)?,
        phone: row.try_get(15)?,
        email: row.try_get(16)?,
        created_at: row.try_get(8)?,
    };
    let role: Role = role.parse().map_err(|_| unreadable("role"))?;
    let (granted, own): (String, Option<String>) = (row.try_get(10)?, row.try_get(11)?);
    let read = |text: &str| serde_json::from_str::<Rights>(text).map_err(|_| unreadable("permission"));
    let of_role = own
        .as_deref()
        .map(read)
        .transpose()?
        .unwrap_or_else(|| Rights::of(role));
    Ok(Entered {
        workspace,
        role,
        rights: of_role.with(&read(&granted)?),
        as_of: row.try_get(12)?,
    })
}

/// Where a user may enter, and as what; the first is where they enter by default.
pub async fn memberships(pool: &PgPool, user: Uuid) -> Result<Vec<(Workspace, Role)>, sqlx::Error> {
    let all = "select row_to_json(t)::text from (select {columns} from platform.workspaces \
        where id in (select workspace_id from platform.memberships where user_id = $1::uuid)) t";
    let workspaces: Vec<Workspace> = rows(pool, all, &user.to_string()).await?;
    let mine = "select row_to_json(t)::text from (select {columns} from platform.memberships where user_id = $1::uuid order by created_at, id) t";
    let memberships: Vec<Membership> = rows(pool, mine, &user.to_string()).await?;
    let join = |membership: Membership| {
        let workspace = workspaces
            .iter()
            .find(|workspace| workspace.id == membership.workspace_id)?;
        Some((workspace.clone(), membership.role))
    };
    Ok(memberships.into_iter().filter_map(join).collect())
}

async fn rows<T: Table + DeserializeOwned>(
    pool: &PgPool,
    sql: &'static str,
    parameter: &str,
) -> Result<Vec<T>, sqlx::Error> {
    let sql = sql.replace("{columns}", &as_fields::<T>());
    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(parameter)
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| serde_json::from_str(row).map_err(|error| sqlx::Error::Decode(error.into())))
        .collect()
}
