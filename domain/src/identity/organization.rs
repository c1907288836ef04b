//! A company, known by its BIN: what it is called and where it is, what it asks of those who sign in, and whether it is premium.

use crate::{
    Aggregate, Change, Changes, Check, Claim, Event, Fields, Permission, Rejection, Role, Violations,
    id::{OrganizationId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

// Vocabulary

#[derive(Debug, Clone)]
pub enum OrganizationCommand {
    Create(Created),
    /// The fields that are named, and who has to sign in with a second factor.
    Update(Box<Change>, Option<BTreeSet<Role>>),
    /// An operator's: premium organizations may ask more often.
    SetPremium {
        premium: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub name: String,
    pub bin: String,
    pub owner_id: UserId,
}

/// What may be changed; a BIN stays what it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    #[field(required, max = 200)]
    pub name: String,
    #[field(max = 300)]
    pub address: Option<String>,
    #[field(max = 30)]
    pub phone: Option<String>,
    #[field(email)]
    pub email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrganizationEvent {
    #[serde(rename = "organization.created")]
    Created(Created),
    #[serde(rename = "organization.updated")]
    Updated(Box<Change>),
    /// Whoever has one of these roles in a workspace of it signs in with a second factor.
    #[serde(rename = "organization.second.factor.required")]
    SecondFactorRequired { roles: BTreeSet<Role> },
    #[serde(rename = "organization.premium.set")]
    PremiumSet { premium: bool },
}

impl Event for OrganizationEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum OrganizationRejection {
    #[error("no such organization")]
    #[rejection(Missing, "organization.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "organization.already_created")]
    AlreadyCreated,
    #[error(transparent)]
    #[rejection(Invalid, "organization.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Organization {
    const NAME: &'static str = "organization";
    type Id = OrganizationId;
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Rejection = OrganizationRejection;
    const CLAIMS: &'static [&'static str] = &["organization.bin"];

    fn permission(command: &OrganizationCommand) -> Permission {
        match command {
            OrganizationCommand::Create(_) => Permission::WorkspacesCreate,
            OrganizationCommand::Update(..) | OrganizationCommand::SetPremium { .. } => Permission::OrganizationsUpdate,
        }
    }

    fn decide(&self, command: &OrganizationCommand) -> Result<Vec<OrganizationEvent>, OrganizationRejection> {
        use {OrganizationCommand as C, OrganizationEvent as E, OrganizationRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(created)) => {
                let mut check = Check::default();
                check.text("companyName", &created.name, 200);
                check.twelve_digits("bin", &created.bin);
                check.done()?;
                Ok(vec![E::Created(created.clone())])
            }
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known { .. }, C::Create(_)) => Err(R::AlreadyCreated),
            (
                Self::Known {
                    profile, second_factor, ..
                },
                C::Update(change, roles),
            ) => {
                let mut after = profile.clone();
                after.apply(change);
                let mut check = Check::default();
                after.check("", &mut check);
                check.done()?;
                let updated = (after != *profile).then(|| E::Updated(change.clone()));
                let required = roles.clone().filter(|roles| roles != second_factor);
                let required = required.map(|roles| E::SecondFactorRequired { roles });
                Ok(updated.into_iter().chain(required).collect())
            }
            (Self::Known { premium: is, .. }, C::SetPremium { premium }) if is == premium => Ok(vec![]),
            (Self::Known { .. }, C::SetPremium { premium }) => Ok(vec![E::PremiumSet { premium: *premium }]),
        }
    }

    fn evolve(self, event: &OrganizationEvent) -> Self {
        let (mut profile, mut roles, mut is_premium) = match self {
            Self::Unknown => Default::default(),
            Self::Known {
                profile,
                second_factor,
                premium,
            } => (profile, second_factor, premium),
        };
        match event {
            OrganizationEvent::Created(created) => profile.name.clone_from(&created.name),
            OrganizationEvent::Updated(change) => profile.apply(change),
            OrganizationEvent::SecondFactorRequired { roles: required } => roles.clone_from(required),
            OrganizationEvent::PremiumSet { premium } => is_premium = *premium,
        }
        Self::Known {
            profile,
            second_factor: roles,
            premium: is_premium,
        }
    }

    fn claims(&self, event: &OrganizationEvent) -> Vec<Claim> {
        match event {
            OrganizationEvent::Created(created) => vec![Claim::take("organization.bin", &created.bin)],
            OrganizationEvent::Updated(_)
            | OrganizationEvent::SecondFactorRequired { .. }
            | OrganizationEvent::PremiumSet { .. } => vec![],
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Organization {
    #[default]
    Unknown,
    Known {
        profile: Profile,
        second_factor: BTreeSet<Role>,
        premium: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Patch, Rule,
        testing::{given, sample},
    };

    fn created() -> Created {
        match sample("organization.created.v1") {
            OrganizationEvent::Created(created) => created,
            other => panic!("another event: {other:?}"),
        }
    }

    fn named(name: &str) -> Box<Change> {
        Box::new(Change {
            name: Patch::Set(name.into()),
            ..Change::default()
        })
    }

    #[test]
    fn a_company_has_a_name_and_a_bin_and_is_created_once() {
        given::<Organization>([])
            .when(OrganizationCommand::Create(created()))
            .then([OrganizationEvent::Created(created())]);
        given::<Organization>([OrganizationEvent::Created(created())])
            .when(OrganizationCommand::Create(created()))
            .then_rejected(OrganizationRejection::AlreadyCreated);
        for (name, bin, field, rule) in [
            (" ", "123456789012", "companyName", Rule::Required),
            (
                &*"я".repeat(201),
                "123456789012",
                "companyName",
                Rule::TooLong { max: 200 },
            ),
            ("ТОО", "12345678901", "bin", Rule::NotTwelveDigits),
        ] {
            let mut bad = created();
            (bad.name, bad.bin) = (name.into(), bin.into());
            given::<Organization>([])
                .when(OrganizationCommand::Create(bad))
                .then_rejected(Violations::one(field, rule).into());
        }
    }

    #[test]
    fn what_is_named_is_changed_and_naming_it_again_changes_nothing() {
        use {OrganizationCommand as C, OrganizationEvent as E};
        let is = || E::Created(created());
        let roles = BTreeSet::from([Role::Owner, Role::Accountant]);
        given::<Organization>([])
            .when(C::Update(named("ТОО Новое"), None))
            .then_rejected(OrganizationRejection::Missing);
        given::<Organization>([is()])
            .when(C::Update(named(" "), None))
            .then_rejected(Violations::one("name", Rule::Required).into());
        given::<Organization>([is()])
            .when(C::Update(named("ТОО Новое"), Some(roles.clone())))
            .then([
                E::Updated(named("ТОО Новое")),
                E::SecondFactorRequired { roles: roles.clone() },
            ]);
        given::<Organization>([
            is(),
            E::Updated(named("ТОО Новое")),
            E::SecondFactorRequired { roles: roles.clone() },
        ])
        .when(C::Update(named("ТОО Новое"), Some(roles)))
        .then([]);
        given::<Organization>([is()])
            .when(C::Update(Box::default(), Some(BTreeSet::new())))
            .then([]);
    }

    #[test]
    fn premium_is_set_and_taken_back() {
        use {OrganizationCommand as C, OrganizationEvent as E};
        let is = E::Created(created());
        let set = |premium| E::PremiumSet { premium };
        given::<Organization>([])
            .when(C::SetPremium { premium: true })
            .then_rejected(OrganizationRejection::Missing);
        given::<Organization>([is.clone()])
            .when(C::SetPremium { premium: false })
            .then([]);
        given::<Organization>([is.clone()])
            .when(C::SetPremium { premium: true })
            .then([set(true)]);
        given::<Organization>([is, set(true)])
            .when(C::SetPremium { premium: false })
            .then([set(false)]);
    }

    #[test]
    fn its_bin_is_its_own() {
        let created = created();
        let known = Organization::default().evolve(&OrganizationEvent::Created(created.clone()));
        let claims = Organization::default().claims(&OrganizationEvent::Created(created));
        assert_eq!(claims, [Claim::take("organization.bin", "123456789012")]);
        assert_eq!(known.claims(&OrganizationEvent::PremiumSet { premium: true }), []);
    }
}
