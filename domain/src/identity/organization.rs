//! A company, known by its BIN.

use crate::{Aggregate, Check, Claim, Event, Permission, Rejection, Violations, id::OrganizationId, id::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum OrganizationCommand {
    Create(Created),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub name: String,
    pub bin: String,
    pub owner_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrganizationEvent {
    #[serde(rename = "organization.created")]
    Created(Created),
}

impl Event for OrganizationEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum OrganizationRejection {
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

    fn permission(_command: &OrganizationCommand) -> Permission {
        Permission::WorkspacesCreate
    }

    fn decide(
        &self,
        OrganizationCommand::Create(created): &OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationRejection> {
        if self.exists {
            return Err(OrganizationRejection::AlreadyCreated);
        }
        let mut check = Check::default();
        check.text("companyName", &created.name, 200);
        check.twelve_digits("bin", &created.bin);
        check.done()?;
        Ok(vec![OrganizationEvent::Created(created.clone())])
    }

    fn evolve(self, OrganizationEvent::Created(_): &OrganizationEvent) -> Self {
        Self { exists: true }
    }

    fn claims(&self, OrganizationEvent::Created(created): &OrganizationEvent) -> Vec<Claim> {
        vec![Claim::take("organization.bin", &created.bin)]
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    exists: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Rule,
        testing::{given, sample},
    };

    fn created() -> Created {
        let OrganizationEvent::Created(created) = sample("organization.created.v1");
        created
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
    fn its_bin_is_its_own() {
        let claims = Organization::default().claims(&OrganizationEvent::Created(created()));
        assert_eq!(claims, [Claim::take("organization.bin", "123456789012")]);
    }
}
