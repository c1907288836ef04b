//! What a machine signs in with: a key of one workspace, made by somebody there, that may do some of what they may do. The key
//! itself never enters the log, only that there is one.

use crate::{
    Aggregate, Check, Event, Permission, Rejection, Rule, Violations,
    id::{ApiKeyId, UserId, WorkspaceId},
    time::YEARS,
};
use chrono::{DateTime, Datelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most addresses and networks a key may be used from.
const ADDRESSES_MAX: usize = 100;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ApiKeyCommand {
    Create {
        created: Box<Created>,
        now: DateTime<Utc>,
    },
    /// Another secret; the one before stays good until then.
    Rotate {
        until: DateTime<Utc>,
    },
    Revoke,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub workspace_id: WorkspaceId,
    /// Who made it: it may never do more than they may.
    pub user_id: UserId,
    pub name: String,
    pub permissions: BTreeSet<Permission>,
    pub expires_at: DateTime<Utc>,
    /// Networks it may be used from, in CIDR notation; none: from anywhere.
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ApiKeyEvent {
    #[serde(rename = "api.key.created")]
    Created(Box<Created>),
    #[serde(rename = "api.key.rotated")]
    Rotated {
        /// How long the secret before stays good.
        until: DateTime<Utc>,
    },
    #[serde(rename = "api.key.revoked")]
    Revoked {},
}

impl Event for ApiKeyEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ApiKeyRejection {
    #[error("no such key")]
    #[rejection(Missing, "api_key.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "api_key.already_created")]
    AlreadyCreated,
    #[error("revoked for good")]
    #[rejection(Transition, "api_key.revoked")]
    Revoked,
    #[error(transparent)]
    #[rejection(Invalid, "api_key.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for ApiKey {
    const NAME: &'static str = "api_key";
    type Id = ApiKeyId;
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Rejection = ApiKeyRejection;

    fn permission(_command: &ApiKeyCommand) -> Permission {
        Permission::ApiKeysUpdate
    }

    fn decide(&self, command: &ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyRejection> {
        use {ApiKeyCommand as C, ApiKeyEvent as E, ApiKeyRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create { created, now }) => {
                created.check(*now)?;
                Ok(vec![E::Created(created.clone())])
            }
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Good | Self::Revoked, C::Create { .. }) => Err(R::AlreadyCreated),
            (Self::Good, C::Rotate { until }) => Ok(vec![E::Rotated { until: *until }]),
            (Self::Good, C::Revoke) => Ok(vec![E::Revoked {}]),
            (Self::Revoked, C::Rotate { .. }) => Err(R::Revoked),
            (Self::Revoked, C::Revoke) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &ApiKeyEvent) -> Self {
        match event {
            ApiKeyEvent::Created(_) => Self::Good,
            ApiKeyEvent::Rotated { .. } => self,
            ApiKeyEvent::Revoked {} => Self::Revoked,
        }
    }
}

impl Created {
    fn check(&self, now: DateTime<Utc>) -> Result<(), Violations> {
        let mut check = Check::default();
        check.text("name", &self.name, 100);
        check.that(!self.permissions.is_empty(), "permissions", Rule::Required);
        let is_ahead = self.expires_at > now && YEARS.contains(&self.expires_at.year());
        check.that(is_ahead, "expiresAt", Rule::NotAllowed);
        let max = ADDRESSES_MAX;
        check.that(self.addresses.len() <= max, "addresses", Rule::TooMany { max });
        check.done()
    }
}

// Memory

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKey {
    #[default]
    Unknown,
    Good,
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{given, sample};
    use chrono::TimeDelta;

    fn created() -> Box<Created> {
        match sample("api.key.created.v1") {
            ApiKeyEvent::Created(created) => created,
            other => panic!("another event: {other:?}"),
        }
    }

    fn create(key: Box<Created>) -> ApiKeyCommand {
        let now = created().expires_at - TimeDelta::days(1);
        ApiKeyCommand::Create { created: key, now }
    }

    #[test]
    fn a_key_says_what_it_is_called_what_it_may_and_until_when() {
        given::<ApiKey>([])
            .when(create(created()))
            .then([ApiKeyEvent::Created(created())]);
        let max = ADDRESSES_MAX;
        type Spoil = fn(&mut Created);
        let bad: [(Spoil, &str, Rule); 5] = [
            (|key| key.name = " ".into(), "name", Rule::Required),
            (|key| key.permissions.clear(), "permissions", Rule::Required),
            (
                |key| key.expires_at -= TimeDelta::days(1),
                "expiresAt",
                Rule::NotAllowed,
            ),
            (
                |key| key.expires_at += TimeDelta::days(3_650_000),
                "expiresAt",
                Rule::NotAllowed,
            ),
            (
                |key| key.addresses = vec!["10.0.0.0/8".into(); ADDRESSES_MAX + 1],
                "addresses",
                Rule::TooMany { max },
            ),
        ];
        for (spoil, field, rule) in bad {
            let mut key = created();
            spoil(&mut key);
            given::<ApiKey>([])
                .when(create(key))
                .then_rejected(Violations::one(field, rule).into());
        }
    }

    #[test]
    fn every_outcome_in_order_of_precedence() {
        use {ApiKeyCommand as C, ApiKeyEvent as E, ApiKeyRejection as R};
        let until = created().expires_at;
        let is = || E::Created(created());
        for command in [C::Rotate { until }, C::Revoke] {
            given::<ApiKey>([]).when(command).then_rejected(R::Missing);
        }
        given::<ApiKey>([is()])
            .when(create(created()))
            .then_rejected(R::AlreadyCreated);
        given::<ApiKey>([is()])
            .when(C::Rotate { until })
            .then([E::Rotated { until }]);
        given::<ApiKey>([is(), E::Rotated { until }])
            .when(C::Revoke)
            .then([E::Revoked {}]);
        given::<ApiKey>([is(), E::Revoked {}])
            .when(C::Rotate { until })
            .then_rejected(R::Revoked);
        given::<ApiKey>([is(), E::Revoked {}]).when(C::Revoke).then([]);
    }
}
