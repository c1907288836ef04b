//! Who may enter a workspace, and the workspace's own roles: rows of the platform's log, shown to the workspace's members.

use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    list::Page,
    schema::PLATFORM,
    table::{Seen, Table, as_fields},
    view::{self, Computed, One, Reader, Scope, View, ViewError},
};
use chrono::{DateTime, Utc};
use domain::{Choice, Fact, Rights, Role, id::derive, identity::workspace::WorkspaceEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub id: Uuid,
    /// The workspace's, after the last thing that happened to this member.
    pub version: i64,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    pub role: Role,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    pub role_id: Option<Uuid>,
    /// Beyond the role.
    pub permissions: Rights,
    pub created_at: DateTime<Utc>,
}

impl Table for Membership {
    const NAME: &'static str = "memberships";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("workspace_id", K::Uuid),
            Column::new("user_id", K::Uuid),
            Column::new("role", K::Choice(Role::WORDS)),
            Column::new("role_id", K::Uuid).nullable(),
            Column::new("permissions", K::Json),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Workspace(
                WorkspaceEvent::MemberAdded { user_id, .. }
                | WorkspaceEvent::MemberChanged { user_id, .. }
                | WorkspaceEvent::MemberRemoved { user_id },
            ) => vec![derive(event.id(), &user_id.to_string())],
            Fact::Workspace(WorkspaceEvent::Archived { members }) => {
                let shut_out = members.iter().map(|user_id| derive(event.id(), &user_id.to_string()));
                shut_out.collect()
            }
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let (user_id, access) = match &event.fact {
            Fact::Workspace(
                WorkspaceEvent::MemberAdded { user_id, access } | WorkspaceEvent::MemberChanged { user_id, access },
            ) => (*user_id, access),
            Fact::Workspace(WorkspaceEvent::MemberRemoved { .. } | WorkspaceEvent::Archived { .. }) => {
                *row = None;
                return;
            }
            _ => return,
        };
        let created_at = row.as_ref().map_or(event.recorded.recorded_at, |row| row.created_at);
        *row = Some(Self {
            id: key,
            version: event.recorded.version,
            workspace_id: event.id(),
            user_id: user_id.into(),
            role: access.role,
            role_id: access.role_id.map(Into::into),
            permissions: access.permissions.clone(),
            created_at,
        });
    }
}

impl View for Membership {
    const SEARCH: &'static str = "(select reading.folded(u.first_name || ' ' || u.last_name || e'\\n' || coalesce(u.email, u.username, '')) from platform.users u where u.id = t.user_id)";
    const SHOWN: &'static [Computed] = &[
        Computed::new(
            "email",
            K::Text,
            "(select u.email from platform.users u where u.id = t.user_id)",
        ),
        Computed::new(
            "firstName",
            K::Text,
            "(select u.first_name from platform.users u where u.id = t.user_id)",
        ),
        Computed::new(
            "lastName",
            K::Text,
            "(select u.last_name from platform.users u where u.id = t.user_id)",
        ),
    ];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRole {
    pub id: Uuid,
    pub version: i64,
    pub workspace_id: Uuid,
    pub name: String,
    pub permissions: Rights,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for OwnRole {
    const NAME: &'static str = "own_roles";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("workspace_id", K::Uuid),
            Column::new("name", K::Text),
            Column::new("permissions", K::Json),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Workspace(WorkspaceEvent::RoleDefined { role_id, .. } | WorkspaceEvent::RoleRemoved { role_id }) => {
                vec![(*role_id).into()]
            }
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        match &event.fact {
            Fact::Workspace(WorkspaceEvent::RoleDefined { role, .. }) => {
                *row = Some(Self {
                    id: key,
                    version: event.recorded.version,
                    workspace_id: event.id(),
                    name: role.name.clone(),
                    permissions: role.permissions.clone(),
                    created_at: row.as_ref().map_or(at, |row| row.created_at),
                    updated_at: at,
                });
            }
            Fact::Workspace(WorkspaceEvent::RoleRemoved { .. }) => *row = None,
            _ => {}
        }
    }
}

impl View for OwnRole {
    const SEARCH: &'static str = "reading.folded(t.name)";
}

/// The rows of that workspace alone.
fn within(workspace: Uuid) -> Scope {
    Scope {
        alternatives: vec!["t.workspace_id = {1}::uuid".to_owned()],
        values: vec![workspace.to_string()],
        ..Scope::default()
    }
}

/// A page of a workspace's members, or of its own roles.
pub async fn page_within<V: View>(
    readers: &Readers,
    workspace: Uuid,
    pairs: &[(String, String)],
) -> Result<Page, ViewError> {
    view::page_of::<V>(Reader::now(readers, PLATFORM, &|_| true), pairs, &within(workspace)).await
}

/// One of them.
pub async fn one_within<V: View>(readers: &Readers, workspace: Uuid, id: Uuid) -> Result<Option<One>, ViewError> {
    view::one_of::<V>(Reader::now(readers, PLATFORM, &|_| true), id, &within(workspace)).await
}

/// Whose membership of the workspace that is.
pub async fn member(pool: &PgPool, workspace: Uuid, id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select user_id from platform.memberships where id = $1 and workspace_id = $2")
        .bind(id)
        .bind(workspace)
        .fetch_optional(pool)
        .await
}

/// What these users are in the workspace, as far as they are anything there.
pub async fn members(pool: &PgPool, workspace: Uuid, users: &[Uuid]) -> Result<Vec<Membership>, sqlx::Error> {
    let sql = format!(
        "select row_to_json(t)::text from (select {} from platform.memberships where workspace_id = $1 and user_id = any($2)) t",
        as_fields::<Membership>()
    );
    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(workspace)
        .bind(users)
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| serde_json::from_str(row).map_err(|error| sqlx::Error::Decode(error.into())))
        .collect()
}

/// Who has that role in the workspace.
pub async fn with_role(pool: &PgPool, workspace: Uuid, role: Role) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select user_id from platform.memberships where workspace_id = $1 and role = $2")
        .bind(workspace)
        .bind(role.code())
        .fetch_all(pool)
        .await
}
