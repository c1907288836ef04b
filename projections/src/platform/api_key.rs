//! What machines sign in with: who made it, what it may do and until when. The key itself is not here.

use super::rows;
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
};
use chrono::{DateTime, Utc};
use domain::{Fact, Permission, identity::api_key::ApiKeyEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    pub id: Uuid,
    pub version: i64,
    pub workspace_id: Uuid,
    /// Who made it.
    pub user_id: Uuid,
    pub name: String,
    pub permissions: BTreeSet<Permission>,
    /// Networks it may be used from; none: from anywhere.
    pub addresses: Vec<String>,
    pub expires_at: DateTime<Utc>,
    pub rotated_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Table for ApiKey {
    const NAME: &'static str = "api_keys";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("workspace_id", K::Uuid),
            Column::new("user_id", K::Uuid),
            Column::new("name", K::Text),
            Column::new("permissions", K::Tags),
            Column::new("addresses", K::Tags),
            Column::new("expires_at", K::Time),
            Column::new("rotated_at", K::Time).nullable(),
            Column::new("revoked_at", K::Time).nullable(),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::ApiKey(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::ApiKey(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        match fact {
            ApiKeyEvent::Created(created) => {
                *row = Some(Self {
                    id: key,
                    version: 0,
                    workspace_id: created.workspace_id.into(),
                    user_id: created.user_id.into(),
                    name: created.name.clone(),
                    permissions: created.permissions.clone(),
                    addresses: created.addresses.clone(),
                    expires_at: created.expires_at,
                    rotated_at: None,
                    revoked_at: None,
                    created_at: at,
                });
            }
            ApiKeyEvent::Rotated { .. } => {
                if let Some(key) = row {
                    key.rotated_at = Some(at);
                }
            }
            ApiKeyEvent::Revoked {} => {
                if let Some(key) = row {
                    key.revoked_at = Some(at);
                }
            }
        }
        if let Some(key) = row {
            key.version = event.recorded.version;
        }
    }
}

pub async fn api_key(pool: &PgPool, id: Uuid) -> Result<Option<ApiKey>, sqlx::Error> {
    let by_id = "select row_to_json(t)::text from (select {columns} from platform.api_keys where id = $1::uuid) t";
    Ok(rows(pool, by_id, &id.to_string()).await?.pop())
}

/// All keys of a workspace, the newest first.
pub async fn api_keys(pool: &PgPool, workspace: Uuid) -> Result<Vec<ApiKey>, sqlx::Error> {
    let theirs = "select row_to_json(t)::text from (select {columns} from platform.api_keys where workspace_id = $1::uuid \
        order by created_at desc, id) t";
    rows(pool, theirs, &workspace.to_string()).await
}
