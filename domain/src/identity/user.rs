//! A person who signs in. Passwords, codes and tokens are not here: secrets never enter the log.

use crate::{
    Aggregate, Check, Claim, Event, Permission, PersonalField, Rejection, StandIn, Upcaster, Violations, Whose,
    id::{OrganizationId, SessionId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum UserCommand {
    Register(Registered),
    /// The code in the mail was right.
    VerifyEmail,
    /// They have signed with a certificate that names this IIN: from now on they sign in with it.
    LinkCertificate {
        iin: String,
    },
    /// They know the new one; which it is, is not told.
    ChangePassword,
    /// Sessions that are over before their time.
    EndSessions {
        sessions: Vec<SessionId>,
        why: SessionEnd,
    },
    /// A second factor is asked for from now on, or is not any more.
    SetSecondFactor {
        is_on: bool,
    },
}

/// Why a session is over before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-extensible" = true))]
pub enum SessionEnd {
    /// By whoever is signed in, here or from another session.
    SignedOut,
    /// The password is another one.
    Password,
    /// A refresh token was used a second time: somebody has a copy.
    Reused,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// Lower case, trimmed.
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub organization_id: Option<OrganizationId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum UserEvent {
    #[serde(rename = "user.registered")]
    Registered(Registered),
    #[serde(rename = "user.email.verified")]
    EmailVerified {},
    #[serde(rename = "user.certificate.linked")]
    CertificateLinked { iin: String },
    #[serde(rename = "user.password.changed")]
    PasswordChanged {},
    #[serde(rename = "user.sessions.ended")]
    SessionsEnded { sessions: Vec<SessionId>, why: SessionEnd },
    #[serde(rename = "user.second.factor.set")]
    SecondFactorSet { is_on: bool },
}

impl Event for UserEvent {
    /// Since 2, what tells of the person is sealed.
    const UPCASTERS: &'static [Upcaster] = &[Upcaster::unchanged("user.registered", 1)];

    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new("user.registered", "email", Whose::Stream, StandIn::Email),
        PersonalField::new("user.registered", "firstName", Whose::Stream, StandIn::Name),
        PersonalField::new("user.registered", "lastName", Whose::Stream, StandIn::Name),
        PersonalField::new("user.registered", "phone", Whose::Stream, StandIn::Nothing),
        PersonalField::new("user.certificate.linked", "iin", Whose::Stream, StandIn::Name),
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum UserRejection {
    #[error("no such user")]
    #[rejection(Missing, "user.missing")]
    Missing,
    #[error("already registered")]
    #[rejection(Exists, "user.already_registered")]
    AlreadyRegistered,
    #[error(transparent)]
    #[rejection(Invalid, "user.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for User {
    const NAME: &'static str = "user";
    type Id = UserId;
    type Command = UserCommand;
    type Event = UserEvent;
    type Rejection = UserRejection;
    const CLAIMS: &'static [&'static str] = &["user.email", "user.iin"];

    fn permission(_command: &UserCommand) -> Permission {
        Permission::WorkspacesCreate
    }

    fn decide(&self, command: &UserCommand) -> Result<Vec<UserEvent>, UserRejection> {
        match (self, command) {
            (Self::Unknown, UserCommand::Register(registered)) => {
                registered.check()?;
                Ok(vec![UserEvent::Registered(registered.clone())])
            }
            (Self::Unknown, _) => Err(UserRejection::Missing),
            (Self::Known { .. }, UserCommand::Register(_)) => Err(UserRejection::AlreadyRegistered),
            (Self::Known { verified: true, .. }, UserCommand::VerifyEmail) => Ok(vec![]),
            (Self::Known { verified: false, .. }, UserCommand::VerifyEmail) => Ok(vec![UserEvent::EmailVerified {}]),
            (Self::Known { .. }, UserCommand::ChangePassword) => Ok(vec![UserEvent::PasswordChanged {}]),
            (Self::Known { .. }, UserCommand::EndSessions { sessions, .. }) if sessions.is_empty() => Ok(vec![]),
            (Self::Known { .. }, UserCommand::EndSessions { sessions, why }) => Ok(vec![UserEvent::SessionsEnded {
                sessions: sessions.clone(),
                why: *why,
            }]),
            (Self::Known { .. }, UserCommand::SetSecondFactor { is_on }) => {
                Ok(vec![UserEvent::SecondFactorSet { is_on: *is_on }])
            }
            (Self::Known { iin: known, .. }, UserCommand::LinkCertificate { iin }) => {
                let mut check = Check::default();
                check.twelve_digits("iin", iin);
                check.done()?;
                let linked = UserEvent::CertificateLinked { iin: iin.clone() };
                Ok((known.as_ref() != Some(iin)).then_some(linked).into_iter().collect())
            }
        }
    }

    fn evolve(self, event: &UserEvent) -> Self {
        match (self, event) {
            (_, UserEvent::Registered(user)) => Self::Known {
                verified: false,
                name: user.name(),
                iin: None,
            },
            (Self::Known { name, iin, .. }, UserEvent::EmailVerified {}) => Self::Known {
                verified: true,
                name,
                iin,
            },
            (Self::Known { verified, name, .. }, UserEvent::CertificateLinked { iin }) => Self::Known {
                verified,
                name,
                iin: Some(iin.clone()),
            },
            (Self::Unknown, UserEvent::EmailVerified {} | UserEvent::CertificateLinked { .. }) => Self::Unknown,
            // Secrets and sessions are kept elsewhere: their past is told, and no rule asks for it.
            (
                state,
                UserEvent::PasswordChanged {} | UserEvent::SessionsEnded { .. } | UserEvent::SecondFactorSet { .. },
            ) => state,
        }
    }

    fn claims(&self, event: &UserEvent) -> Vec<Claim> {
        match event {
            UserEvent::Registered(registered) => vec![Claim::take("user.email", &registered.email).personal()],
            UserEvent::EmailVerified {}
            | UserEvent::PasswordChanged {}
            | UserEvent::SessionsEnded { .. }
            | UserEvent::SecondFactorSet { .. } => vec![],
            UserEvent::CertificateLinked { iin } => {
                let before = match self {
                    Self::Known { iin, .. } => iin.as_deref(),
                    Self::Unknown => None,
                };
                let moved = Claim::moved("user.iin", before, Some(iin));
                moved.into_iter().map(Claim::personal).collect()
            }
        }
    }
}

impl Registered {
    /// First and last name; of whoever gave none, what their address begins with.
    pub fn name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => self.email.split('@').next().unwrap_or_default().to_owned(),
            name => name.to_owned(),
        }
    }

    fn check(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        check.email("email", &self.email);
        for (field, name) in [("firstName", &self.first_name), ("lastName", &self.last_name)] {
            // Who comes for themselves need not say what they are called (document 3).
            match self.organization_id {
                Some(_) => check.text(field, name, 100),
                None => check.at_most(field, name, 100),
            }
        }
        check.optional_text("phone", self.phone.as_ref(), 30);
        check.done()
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum User {
    #[default]
    Unknown,
    Known {
        verified: bool,
        name: String,
        /// Of the certificate they sign in with.
        #[serde(default)]
        iin: Option<String>,
    },
}

impl User {
    /// First and last name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Known { name, .. } => Some(name),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn registered() -> Registered {
        Registered {
            email: "owner@company.kz".into(),
            first_name: "Имя".into(),
            last_name: "Фамилия".into(),
            phone: None,
            organization_id: Some(OrganizationId::default()),
        }
    }

    #[test]
    fn verifying_twice_is_verifying_once() {
        let known = [UserEvent::Registered(registered())];
        given::<User>(known.clone())
            .when(UserCommand::VerifyEmail)
            .then([UserEvent::EmailVerified {}]);
        given::<User>([known[0].clone(), UserEvent::EmailVerified {}])
            .when(UserCommand::VerifyEmail)
            .then([]);
    }

    #[test]
    fn a_certificate_is_linked_once_and_another_takes_its_place() {
        let link = |iin: &str| UserCommand::LinkCertificate { iin: iin.into() };
        let linked = |iin: &str| UserEvent::CertificateLinked { iin: iin.into() };
        let known = [UserEvent::Registered(registered())];
        given::<User>([])
            .when(link("900101300017"))
            .then_rejected(UserRejection::Missing);
        given::<User>(known.clone())
            .when(link("900101300017"))
            .then([linked("900101300017")]);
        given::<User>(known.clone())
            .when(link("90010130001"))
            .then_rejected(Violations::one("iin", crate::Rule::NotTwelveDigits).into());
        let known = [known[0].clone(), linked("900101300017")];
        given::<User>(known.clone()).when(link("900101300017")).then([]);
        given::<User>(known)
            .when(link("900101300018"))
            .then([linked("900101300018")]);
        let user = User::default().evolve(&UserEvent::Registered(registered()));
        let claim = |claim: Claim| claim.personal();
        assert_eq!(user.claims(&linked("1")), [claim(Claim::take("user.iin", "1"))]);
        let user = user.evolve(&linked("1")).evolve(&UserEvent::EmailVerified {});
        let moved = [
            claim(Claim::release("user.iin", "1")),
            claim(Claim::take("user.iin", "2")),
        ];
        assert_eq!(user.claims(&linked("2")), moved);
        assert_eq!(User::default().evolve(&linked("1")), User::Unknown);
    }

    #[test]
    fn a_person_registers_once() {
        given::<User>([UserEvent::Registered(registered())])
            .when(UserCommand::Register(registered()))
            .then_rejected(UserRejection::AlreadyRegistered);
    }

    #[test]
    fn every_outcome_in_order_of_precedence() {
        let register = |person| UserCommand::Register(person);
        let [event] = [UserEvent::Registered(registered())];
        given::<User>([]).when(register(registered())).then([event.clone()]);
        given::<User>([])
            .when(UserCommand::VerifyEmail)
            .then_rejected(UserRejection::Missing);
        let bad = Registered {
            email: "owner".into(),
            first_name: " ".into(),
            last_name: "я".repeat(101),
            phone: Some("1".repeat(31)),
            ..registered()
        };
        let refused = User::default().decide(&register(bad)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "email: not_an_email, firstName: required, lastName: too_long, phone: too_long"
        );
    }

    #[test]
    fn a_person_is_known_by_name_and_their_address_is_their_own() {
        let event = UserEvent::Registered(registered());
        assert_eq!(
            User::default().claims(&event),
            [Claim::take("user.email", "owner@company.kz").personal()]
        );
        let user = User::default();
        assert_eq!(user.name(), None);
        let user = user.evolve(&event);
        assert_eq!(user.name(), Some("Имя Фамилия"));
        assert_eq!(user.claims(&UserEvent::EmailVerified {}), []);
        assert_eq!(user.claims(&UserEvent::PasswordChanged {}), []);
        assert_eq!(user.evolve(&UserEvent::EmailVerified {}).name(), Some("Имя Фамилия"));
    }

    #[test]
    fn who_comes_for_themselves_need_not_say_what_they_are_called() {
        let nameless = Registered {
            first_name: String::new(),
            last_name: String::new(),
            organization_id: None,
            ..registered()
        };
        given::<User>([])
            .when(UserCommand::Register(nameless.clone()))
            .then([UserEvent::Registered(nameless.clone())]);
        let user = User::default().evolve(&UserEvent::Registered(nameless));
        assert_eq!(user.name(), Some("owner"));
    }

    #[test]
    fn what_becomes_of_passwords_and_sessions_is_told_and_changes_no_rule() {
        let known = UserEvent::Registered(registered());
        let sessions = vec![SessionId::default()];
        let why = SessionEnd::Reused;
        for (command, event) in [
            (UserCommand::ChangePassword, UserEvent::PasswordChanged {}),
            (
                UserCommand::EndSessions {
                    sessions: sessions.clone(),
                    why,
                },
                UserEvent::SessionsEnded { sessions, why },
            ),
            (
                UserCommand::SetSecondFactor { is_on: true },
                UserEvent::SecondFactorSet { is_on: true },
            ),
        ] {
            given::<User>([])
                .when(command.clone())
                .then_rejected(UserRejection::Missing);
            given::<User>([known.clone()]).when(command).then([event.clone()]);
            let user = User::default().evolve(&known);
            assert_eq!(user.clone().evolve(&event), user);
        }
        let none = UserCommand::EndSessions { sessions: vec![], why };
        given::<User>([known]).when(none).then([]);
    }
}
