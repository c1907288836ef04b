//! A field that a workspace defined itself, on its customers, products, deals or orders. Its id follows from what it is called
//! by, so whoever sets a value finds the definition without a list of them. Once there is one, what its values are never changes:
//! what was written under it stays true. It is archived and not deleted, and may be taken up again.

mod values;

pub use values::{Custom, Given, VALUES_MAX};

use crate::{
    Aggregate, Change, Changes, Check, Choice, Event, Fields, Permission, Rejection, Rule, Violations,
    catalog::product::Language, id::CustomFieldId, time::is_plausible,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most words of a choice.
pub const CHOICES_MAX: usize = 100;
/// Characters of a key.
const KEY_MAX: usize = 40;

// Vocabulary

#[derive(Debug, Clone)]
pub enum CustomFieldCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
}

/// What has fields of the workspace's own: as paths and tables call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    #[default]
    Customers,
    Products,
    Deals,
    Orders,
}

/// What its values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Text,
    Number,
    /// `2026-11-28`.
    Date,
    /// One of its words.
    Choice,
    /// The id of what `refersTo` names.
    Reference,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Of what it is a field; customers when none is named. Like `key`, `type` and `refersTo`, it never changes.
    pub resource: Resource,
    /// By which values are named: a letter, then letters, digits and `_`.
    #[field(required, max = 40)]
    pub key: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What people read.
    #[field(required, max = 100)]
    pub label: String,
    /// The label in other languages, each language once.
    pub translations: Vec<Label>,
    /// Of a choice: at least one. What was chosen before stays when its word is taken off.
    #[field(max = 100)]
    pub choices: Vec<String>,
    /// Of a reference: to what.
    pub refers_to: Option<Resource>,
    /// Whether each new thing must have a value, and each whose own fields are changed; those that are there stay as they are.
    #[serde(default)]
    pub required: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    pub language: Language,
    #[field(required, max = 100)]
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CustomFieldEvent {
    /// Or taken up again after it was archived.
    #[serde(rename = "custom.field.created")]
    Created(Box<Details>),
    #[serde(rename = "custom.field.updated")]
    Updated(Box<Change>),
    /// It is neither shown nor set any more; what was set is still there.
    #[serde(rename = "custom.field.archived")]
    Archived {},
}

impl Event for CustomFieldEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum CustomFieldRejection {
    #[error("no such field")]
    #[rejection(Missing, "custom_field.missing")]
    Missing,
    #[error("already defined")]
    #[rejection(Exists, "custom_field.already_defined")]
    AlreadyDefined,
    #[error(transparent)]
    #[rejection(Invalid, "custom_field.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for CustomField {
    const NAME: &'static str = "custom_field";
    type Id = CustomFieldId;
    type Command = CustomFieldCommand;
    type Event = CustomFieldEvent;
    type Rejection = CustomFieldRejection;

    fn permission(_: &CustomFieldCommand) -> Permission {
        Permission::WorkspacesUpdate
    }

    fn decide(&self, command: &CustomFieldCommand) -> Result<Vec<CustomFieldEvent>, CustomFieldRejection> {
        use {CustomFieldCommand as C, CustomFieldEvent as E, CustomFieldRejection as R};
        match (self, command) {
            (_, C::Create(details)) => {
                details.sound()?;
                match self {
                    Self::Unknown => {}
                    Self::Archived(before) => before.stays(details)?,
                    Self::Known(_) => return Err(R::AlreadyDefined),
                }
                Ok(vec![E::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived(_), C::Update(_) | C::Archive) => Err(R::Missing),
            (Self::Known(before), C::Update(change)) => {
                let mut after = before.as_ref().clone();
                after.apply(change);
                after.sound()?;
                before.stays(&after)?;
                let updated = (after != **before).then(|| E::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
            (Self::Known(_), C::Archive) => Ok(vec![E::Archived {}]),
        }
    }

    fn evolve(self, event: &CustomFieldEvent) -> Self {
        use CustomFieldEvent as E;
        match (self, event) {
            (_, E::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), E::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (Self::Known(details), E::Archived {}) => Self::Archived(details),
            (state @ (Self::Unknown | Self::Archived(_)), E::Updated(_) | E::Archived {}) => state,
        }
    }
}

/// A letter, then letters, digits and `_`.
pub fn is_key(key: &str) -> bool {
    let tail = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    key.len() <= KEY_MAX && key.starts_with(|first: char| first.is_ascii_alphabetic()) && key.chars().all(tail)
}

impl Details {
    fn sound(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        let is_named = !self.key.trim().is_empty() && self.key.len() <= KEY_MAX;
        check.that(!is_named || is_key(&self.key), "key", Rule::NotAllowed);
        let is_choice = self.kind == Kind::Choice;
        check.that(!is_choice || !self.choices.is_empty(), "choices", Rule::Required);
        check.that(is_choice || self.choices.is_empty(), "choices", Rule::NotAllowed);
        let few = self.choices.len() <= CHOICES_MAX;
        check.that(few, "choices", Rule::TooMany { max: CHOICES_MAX });
        for (n, word) in self.choices.iter().enumerate().take(CHOICES_MAX) {
            let taken = self.choices[..n].contains(word);
            check.that(!taken, format!("choices[{n}]"), Rule::NotUnique);
        }
        let languages = Language::ALL.len();
        for (n, label) in self.translations.iter().enumerate().take(languages + 1) {
            let before = &self.translations[..n];
            let taken = before.iter().any(|other| other.language == label.language);
            check.that(!taken, format!("translations[{n}].language"), Rule::NotUnique);
        }
        let refers = self.kind == Kind::Reference;
        check.that(!refers || self.refers_to.is_some(), "refersTo", Rule::Required);
        check.that(refers || self.refers_to.is_none(), "refersTo", Rule::NotAllowed);
        check.done()
    }

    /// What its values are and how they are named does not change.
    fn stays(&self, after: &Self) -> Result<(), Violations> {
        let mut check = Check::default();
        check.that(self.resource == after.resource, "resource", Rule::NotAllowed);
        check.that(self.key == after.key, "key", Rule::NotAllowed);
        check.that(self.kind == after.kind, "type", Rule::NotAllowed);
        check.that(self.refers_to == after.refers_to, "refersTo", Rule::NotAllowed);
        check.done()
    }

    /// What it is called in that language, as `translations` names it: `kk`.
    pub fn label_in(&self, language: &str) -> &str {
        let mut told = self.translations.iter();
        let told = told.find(|label| label.language.as_str() == language);
        told.map_or(&self.label, |told| &told.label)
    }

    /// Which rule the value breaks, if any. That there is what it refers to is looked up elsewhere.
    pub fn broken(&self, value: &Given) -> Option<Rule> {
        match (self.kind, value) {
            (Kind::Text, Given::Text(_)) | (Kind::Number, Given::Number(_)) => None,
            (Kind::Date, Given::Text(text)) => {
                let day: Option<NaiveDate> = text.parse().ok();
                // As it is written everywhere, for it is found by its text.
                let day = day.filter(|day| day.to_string() == *text && is_plausible(*day));
                day.is_none().then_some(Rule::WrongType)
            }
            (Kind::Choice, Given::Text(word)) => {
                let known = self.choices.contains(word);
                (!known).then(|| Rule::not_one_of(self.choices.iter().cloned()))
            }
            (Kind::Reference, Given::Text(id)) => reference(id).is_none().then_some(Rule::NotAUuid),
            _ => Some(Rule::WrongType),
        }
    }

    /// Whether values are the same as in another one: of the same type, and of the same things if they refer to some.
    pub fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.refers_to == other.refers_to
    }

    /// To what and to which the value refers, if it is a reference.
    pub fn referred(&self, value: &Given) -> Option<(Resource, Uuid)> {
        let Given::Text(text) = value else { return None };
        let id = reference(text)?;
        self.refers_to.map(|resource| (resource, id))
    }
}

/// An id as it is written everywhere, for it is found by its text.
fn reference(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| id.to_string() == text)
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum CustomField {
    #[default]
    Unknown,
    Known(Box<Details>),
    Archived(Box<Details>),
}

impl CustomField {
    /// Known and not archived.
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown | Self::Archived(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
