//! A person who signs in. Passwords, codes and tokens are not here: secrets never enter the log.

use crate::{
    Aggregate, Check, Claim, Event, Permission, PersonalField, Rejection, Rule, StandIn, Upcaster, Violations, Whose,
    id::{OrganizationId, SessionId, UserId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of a user name.
pub const USERNAME_MIN: usize = 3;
pub const USERNAME_MAX: usize = 50;

// Vocabulary

#[derive(Debug, Clone)]
pub enum UserCommand {
    Register(Registered),
    /// Events that have come here with a workspace name them; who signs in, if they do, is somebody else here.
    Remember {
        first_name: String,
        last_name: String,
    },
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
    /// Lower case, trimmed. Nobody's who signs in by a user name.
    pub email: Option<String>,
    /// Lower case; what they sign in by in place of an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
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
        PersonalField::new("user.registered", "username", Whose::Stream, StandIn::Name),
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
    const CLAIMS: &'static [&'static str] = &["user.email", "user.username", "user.iin"];

    fn permission(_command: &UserCommand) -> Permission {
        Permission::WorkspacesCreate
    }

    fn decide(&self, command: &UserCommand) -> Result<Vec<UserEvent>, UserRejection> {
        match (self, command) {
            (
                Self::Unknown
                | Self::Known {
                    is_remembered: true, ..
                },
                UserCommand::Register(registered),
            ) => {
                registered.check()?;
                Ok(vec![UserEvent::Registered(registered.clone())])
            }
            (Self::Unknown, UserCommand::Remember { first_name, last_name }) => {
                let remembered = Registered::remembered(first_name, last_name);
                remembered.check_names()?;
                Ok(vec![UserEvent::Registered(remembered)])
            }
            (Self::Known { .. }, UserCommand::Remember { .. }) => Ok(vec![]),
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
                // A user name has nothing to prove.
                verified: user.email.is_none(),
                name: user.name(),
                iin: None,
                is_remembered: user.is_remembered(),
            },
            (
                Self::Known {
                    name,
                    iin,
                    is_remembered,
                    ..
                },
                UserEvent::EmailVerified {},
            ) => Self::Known {
                verified: true,
                name,
                iin,
                is_remembered,
            },
            (
                Self::Known {
                    verified,
                    name,
                    is_remembered,
                    ..
                },
                UserEvent::CertificateLinked { iin },
            ) => Self::Known {
                verified,
                name,
                iin: Some(iin.clone()),
                is_remembered,
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
            UserEvent::Registered(Registered { email, username, .. }) => {
                let email = email.iter().map(|email| Claim::take("user.email", email));
                let username = username.iter().map(|name| Claim::take("user.username", name));
                email.chain(username).map(Claim::personal).collect()
            }
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
    /// First and last name; of whoever gave none, what their address begins with, or their user name.
    pub fn name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => {
                let address = self.email.as_deref().and_then(|email| email.split('@').next());
                address.or(self.username.as_deref()).unwrap_or_default().to_owned()
            }
            name => name.to_owned(),
        }
    }

    /// Somebody who is known by name, and signs in by nothing.
    fn remembered(first_name: &str, last_name: &str) -> Self {
        Self {
            email: None,
            username: None,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone: None,
            organization_id: None,
        }
    }

    fn is_remembered(&self) -> bool {
        self.email.is_none() && self.username.is_none()
    }

    fn check(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        match (&self.email, &self.username) {
            (Some(email), None) => check.email("email", email),
            (None, Some(username)) => check_username(&mut check, username),
            // An address that nobody has proved must not be taken from whom it belongs to.
            (Some(_), Some(_)) => check.fail("email", Rule::NotAllowed),
            (None, None) => check.fail("email", Rule::Required),
        }
        self.name_into(&mut check);
        check.optional_text("phone", self.phone.as_ref(), 30);
        check.done()
    }

    fn check_names(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.name_into(&mut check);
        check.done()
    }

    fn name_into(&self, check: &mut Check) {
        for (field, name) in [("firstName", &self.first_name), ("lastName", &self.last_name)] {
            // Who comes for themselves need not say what they are called (document 3).
            match self.organization_id {
                Some(_) => check.text(field, name, 100),
                None => check.at_most(field, name, 100),
            }
        }
    }
}

/// Lower case already: letters, digits and what stands in addresses.
fn check_username(check: &mut Check, username: &str) {
    let letters = username.chars().count();
    if username.trim().is_empty() {
        check.fail("username", Rule::Required);
    } else if letters > USERNAME_MAX {
        check.fail("username", Rule::TooLong { max: USERNAME_MAX });
    } else {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-@+".contains(&byte);
        let holds = letters >= USERNAME_MIN && username.bytes().all(plain);
        check.that(holds, "username", Rule::NotAllowed);
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
        /// They sign in by nothing: only events of a workspace that came here name them.
        #[serde(default)]
        is_remembered: bool,
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

    /// Whether there is something that they sign in by.
    pub fn has_account(&self) -> bool {
        matches!(
            self,
            Self::Known {
                is_remembered: false,
                ..
            }
        )
    }

    /// Whether they have proved their address, if they have one.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Known { verified: true, .. })
    }

    /// Of the certificate they sign in with.
    pub fn iin(&self) -> Option<&str> {
        match self {
            Self::Known { iin, .. } => iin.as_deref(),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests;
