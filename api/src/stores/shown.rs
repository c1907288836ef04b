//! What document 4's answers are made of. Who signs in by a user name has no address of their own; the one that is shown is how
//! the store reaches them.

use super::{number, role::RoleShown};
use crate::{
    i18n::{self, Language},
    problem::Problem,
    state::App,
};
use chrono::{DateTime, Utc};
use domain::{Role, id::WorkspaceId, identity::workspace::WorkspaceKind};
use projections::{
    people::employee,
    platform::{self, User, Workspace},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

const SUCCESS: &str = "success";

/// What was done, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Success_with_{T}")]
pub struct Success<T> {
    status: &'static str,
    message: String,
    data: T,
}

impl<T> Success<T> {
    /// `message`: the key of its words.
    pub fn new(language: Language, message: &str, data: T) -> Self {
        Self {
            status: SUCCESS,
            message: i18n::plain(language, message),
            data,
        }
    }
}

/// That something was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    status: &'static str,
    message: String,
}

impl Told {
    pub fn new(language: Language, message: &str) -> Self {
        Self {
            status: SUCCESS,
            message: i18n::plain(language, message),
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserShown {
    id: i64,
    /// Nobody's who signs in by an address.
    username: Option<String>,
    email: Option<String>,
    full_name: String,
}

impl UserShown {
    /// As somebody who works in that store, if they are in one.
    pub async fn of(app: &App, user: &User, store: Option<&Workspace>) -> Result<Self, Problem> {
        let email = match (&user.email, store) {
            (Some(email), _) => Some(email.clone()),
            // Its tables may be changing just now: that keeps nobody out.
            (None, Some(store)) => contact(app, store, user.id).await.unwrap_or_default(),
            (None, None) => None,
        };
        Ok(Self {
            id: number::number(app, WorkspaceId::PLATFORM, user.id).await?,
            username: user.username.clone(),
            email,
            full_name: full_name(&user.first_name, &user.last_name),
        })
    }
}

/// The address by which an employee of that store can be reached.
pub async fn contact(app: &App, store: &Workspace, user: Uuid) -> Result<Option<String>, Problem> {
    let home = app.projections.home(store).await?;
    Ok(employee::contact(&app.reads, &home, user).await?)
}

pub fn full_name(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}

/// A store as it is shown.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StoreShown {
    id: i64,
    pub name: String,
    slug: String,
    /// For `X-Tenant-Key`.
    pub tenant_key: String,
    description: Option<String>,
    address: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    created_at: DateTime<Utc>,
}

impl StoreShown {
    pub fn new(store: &Workspace, id: i64) -> Self {
        Self {
            id,
            name: store.name.clone(),
            slug: store.slug.clone(),
            tenant_key: store.tenant_key.clone(),
            description: store.description.clone(),
            address: store.address.clone(),
            phone: store.phone.clone(),
            email: store.email.clone(),
            created_at: store.created_at,
        }
    }

    pub async fn of(app: &App, store: &Workspace) -> Result<Self, Problem> {
        Ok(Self::new(
            store,
            number::number(app, WorkspaceId::PLATFORM, store.id).await?,
        ))
    }
}

/// A store and what the caller is there.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Available {
    #[serde(flatten)]
    pub store: StoreShown,
    #[serde(flatten)]
    pub role: RoleShown,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Stores {
    pub stores: Vec<Available>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StoreTokens")]
pub struct Tokens {
    /// Each is good once.
    pub refresh: String,
    pub access: String,
}

/// Where somebody may work, in the order in which they came to.
pub struct Entered {
    /// Where they enter when they say nothing, whatever kind of workspace it is.
    pub first: Option<Uuid>,
    pub stores: Vec<(Workspace, Role)>,
}

impl Entered {
    pub async fn by(app: &App, user: Uuid) -> Result<Self, Problem> {
        let all = platform::memberships(&app.pool, user).await?;
        let first = all.first().map(|(workspace, _)| workspace.id);
        let is_store = |(workspace, _): &(Workspace, Role)| workspace.kind == WorkspaceKind::Store;
        Ok(Self {
            first,
            stores: all.into_iter().filter(is_store).collect(),
        })
    }

    pub async fn shown(&self, app: &App, language: Language) -> Result<Vec<Available>, Problem> {
        let ids: Vec<Uuid> = self.stores.iter().map(|(store, _)| store.id).collect();
        let numbers = number::numbers(app, WorkspaceId::PLATFORM, &ids).await?;
        let show = |(store, role): &(Workspace, Role)| {
            Some(Available {
                store: StoreShown::new(store, *numbers.get(&store.id)?),
                role: RoleShown::new(*role, language),
            })
        };
        Ok(self.stores.iter().filter_map(show).collect())
    }
}
