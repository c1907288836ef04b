//! Companies: what is known of them, what they ask of those who sign in, and whether they are premium.

use super::rows;
use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    list::Page,
    schema::PLATFORM,
    table::{Seen, Table},
    view::{self, Reader, Scope, View, ViewError},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Role,
    identity::organization::{OrganizationEvent, Profile},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    pub id: Uuid,
    pub version: i64,
    pub name: String,
    pub bin: String,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub owner_id: Uuid,
    /// Whose members may ask more often.
    pub premium: bool,
    /// Whoever has one of these roles signs in with a second factor.
    pub second_factor_roles: BTreeSet<Role>,
    pub created_at: DateTime<Utc>,
}

impl Table for Organization {
    const NAME: &'static str = "organizations";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("name", K::Text),
            Column::new("bin", K::Text),
            Column::new("address", K::Text).nullable(),
            Column::new("phone", K::Text).nullable(),
            Column::new("email", K::Text).nullable(),
            Column::new("owner_id", K::Uuid),
            Column::new("premium", K::Bool),
            Column::new("second_factor_roles", K::Tags),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::Organization(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Organization(fact) = &event.fact else {
            return;
        };
        if let OrganizationEvent::Created(created) = fact {
            *row = Some(Self {
                id: key,
                version: 0,
                name: created.name.clone(),
                bin: created.bin.clone(),
                address: None,
                phone: None,
                email: None,
                owner_id: created.owner_id.into(),
                premium: false,
                second_factor_roles: BTreeSet::new(),
                created_at: event.recorded.recorded_at,
            });
        }
        if let Some(organization) = row {
            organization.apply(fact);
            organization.version = event.recorded.version;
        }
    }
}

impl Organization {
    /// What has become of it.
    pub fn apply(&mut self, fact: &OrganizationEvent) {
        match fact {
            OrganizationEvent::Created(_) => {}
            OrganizationEvent::Updated(change) => {
                let mut profile = Profile {
                    name: std::mem::take(&mut self.name),
                    address: self.address.take(),
                    phone: self.phone.take(),
                    email: self.email.take(),
                };
                profile.apply(change);
                Profile {
                    name: self.name,
                    address: self.address,
                    phone: self.phone,
                    email: self.email,
                } = profile;
            }
            OrganizationEvent::SecondFactorRequired { roles } => self.second_factor_roles.clone_from(roles),
            OrganizationEvent::PremiumSet { premium } => self.premium = *premium,
        }
    }
}

impl View for Organization {
    const SEARCH: &'static str = "reading.folded(t.name || e'\\n' || t.bin)";
}

/// A page of the organizations in whose workspaces a user is a member.
pub async fn organizations_of(readers: &Readers, user: Uuid, pairs: &[(String, String)]) -> Result<Page, ViewError> {
    let reader = Reader::now(readers, PLATFORM, &|_| true);
    let theirs = "t.id in (select w.organization_id from platform.workspaces w \
        join platform.memberships m on m.workspace_id = w.id where m.user_id = {1}::uuid)";
    let scope = Scope {
        alternatives: vec![theirs.to_owned()],
        values: vec![user.to_string()],
        ..Scope::default()
    };
    view::page_of::<Organization>(reader, pairs, &scope).await
}

pub async fn organization(pool: &PgPool, id: Uuid) -> Result<Option<Organization>, sqlx::Error> {
    Ok(rows(
        pool,
        "select row_to_json(t)::text from (select {columns} from platform.organizations where id = $1::uuid) t",
        &id.to_string(),
    )
    .await?
    .pop())
}
