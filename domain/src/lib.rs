//! **decides.** The whole write side as pure functions: commands go in, events or a rejection come out.
//! No clock, no randomness, no I/O: time, ids, prices and the actor arrive in the command, so a rule can be
//! tested with three lines and replayed forever.

pub mod check;
pub mod fact;
pub mod field;
mod fingerprint;
pub mod fixed;
mod halves;
pub mod id;
pub mod number;
mod patch;
pub mod permission;
pub mod personal;
pub mod rights;
pub mod schema;
#[cfg(test)]
mod testing;
pub mod time;
pub mod tree;
pub mod upcast;

pub mod catalog;
pub mod external;
pub mod finance;
pub mod identity;
pub mod office;
pub mod people;
pub mod process;
pub mod production;
pub mod sales;

pub use check::{Check, Rule, Violation, Violations};
pub use fact::Fact;
pub use field::{Changes, Choice, Fields};
pub use fingerprint::FINGERPRINT;
pub use fixed::{Money, Percent, Quantity, Total};
pub use number::{Number, Series};
pub use patch::Patch;
pub use permission::{Permission, Role};
pub use personal::{Erased, Personal, PersonalField, StandIn, Whose};
pub use prometric_domain_derive::{Change, Choice, Fields, Rejection};
pub use rights::{Access, Belongs, Reach, Rights, Standing};
pub use upcast::{UpcastError, Upcaster};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// The write-side contract: a life cycle that accepts commands and is rebuilt from its own events.
/// The state can be written down, so that a long life cycle need not be folded from its first event each time.
pub trait Aggregate: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stored as the stream's category with every event: never rename.
    const NAME: &'static str;
    type Id: id::Id;
    type Command: Send + Sync;
    type Event: Event;
    type Rejection: Rejection;

    /// The right the command needs; asked before the state is even loaded.
    fn permission(command: &Self::Command) -> Permission;

    /// The right to see one, where rights may reach to some of them only.
    const SEEN_WITH: Option<Permission> = None;

    /// Whose it is, for such rights.
    fn belongs(&self) -> Belongs {
        Belongs::default()
    }

    /// Where it is found now, if it was merged into another.
    fn merged_into(&self) -> Option<Self::Id> {
        None
    }

    /// The rules. Total and synchronous; a repeat of a command that names its effect answers `[]`.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The memory. No rules here: what happened, happened.
    fn evolve(self, event: &Self::Event) -> Self;

    /// The kinds of unique keys that its events take.
    const CLAIMS: &'static [&'static str] = &[];

    /// Unique keys the event takes or gives back, seen from the state before it.
    fn claims(&self, _event: &Self::Event) -> Vec<Claim> {
        Vec::new()
    }
}

/// What is stored: an enum whose serde names (`#[serde(tag = "type", content = "data")]`) are the dotted event types. Its
/// JSON Schemas are checked in: a change of shape that old events or other readers would not survive fails a test.
pub trait Event:
    Serialize + DeserializeOwned + JsonSchema + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static
{
    /// The steps from earlier shapes to today's, of all its types. A type's schema number is one more than it has steps.
    const UPCASTERS: &'static [Upcaster] = &[];

    /// Which of its types receive the next number of a series when they are appended.
    const NUMBERINGS: &'static [Numbering] = &[];

    /// Which of their values tell of a person: those are sealed where they are stored.
    const PERSONAL: &'static [PersonalField] = &[];

    /// What an event of that type receives.
    fn numbering(event_type: &str) -> Option<Numbering> {
        let mut numberings = Self::NUMBERINGS.iter();
        numberings.find(|numbering| numbering.event_type == event_type).copied()
    }
}

/// "Put the next number of `series` into top-level `field` of events of this type."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbering {
    pub event_type: &'static str,
    pub field: &'static str,
    pub series: Series,
}

/// A unique key, taken or released in the transaction that appends the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub kind: &'static str,
    pub key: String,
    pub act: ClaimAct,
    /// The key tells of a person: only a keyed hash of it is kept.
    pub is_personal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAct {
    Take,
    Release,
}

impl Claim {
    pub fn take(kind: &'static str, key: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
            act: ClaimAct::Take,
            is_personal: false,
        }
    }

    pub fn release(kind: &'static str, key: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
            act: ClaimAct::Release,
            is_personal: false,
        }
    }

    /// The same for a key that tells of a person.
    #[must_use]
    pub fn personal(self) -> Self {
        Self {
            is_personal: true,
            ..self
        }
    }

    /// A key that changes from one value to another, either of which may be absent.
    pub fn moved(kind: &'static str, from: Option<&str>, to: Option<&str>) -> Vec<Self> {
        if from == to {
            return Vec::new();
        }
        let release = from.map(|key| Self::release(kind, key));
        let take = to.map(|key| Self::take(kind, key));
        release.into_iter().chain(take).collect()
    }
}

/// A "no" that the caller can act on. Knows no I/O and no HTTP. Derived: kind and code stand beside each variant.
pub trait Rejection: std::error::Error + PartialEq + Send + Sync + 'static {
    /// Every code there is.
    const CODES: &'static [&'static str];

    fn kind(&self) -> Kind;
    /// Stable and documented, e.g. `deal.already_lost`; also the key of its message in every language.
    fn code(&self) -> &'static str;
    /// The offending fields, when the command itself was malformed.
    fn violations(&self) -> &[Violation];
    /// Values the message needs.
    fn args(&self) -> Vec<(&'static str, String)>;
}

/// What a rejection means to the caller; the edge turns each kind into one status and one public code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The thing, or a thing it refers to, is not there.
    Missing,
    /// The command is malformed, whatever the state.
    Invalid,
    /// The state does not allow it now.
    Conflict,
    /// The life cycle has no such step.
    Transition,
    /// It is there already.
    Exists,
    Forbidden,
    /// Not enough goods.
    Stock,
    /// Not enough money, or more than is open.
    Balance,
    /// Above the customer's credit limit.
    Credit,
}
