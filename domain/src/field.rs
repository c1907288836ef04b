//! What a noun's fields have in common: a name on the wire, a kind, limits. The list stands once, on the struct
//! (`#[derive(Fields)]`), and everybody reads it: the check of a command, the columns of a table, the filters of a list,
//! the API's strictness and its schemas. `docs/decisions/0013-one-list-of-fields.md`.

mod schema;

pub use schema::{FILLED_LINE, LINE, constrain, constrain_fields, constrain_values};

use crate::{
    Check, Rule, Violations,
    check::ITEMS_MAX,
    fixed::{Fixed, Unit},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};
use std::fmt;

/// One field of a noun.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// As clients spell it: `customerId`.
    pub name: &'static str,
    /// As tables spell it: `customer_id`.
    pub column: &'static str,
    pub kind: FieldKind,
    /// Whether null clears it.
    pub nullable: bool,
    /// Whether a client may name it; what is looked up is never theirs to say.
    pub asked: bool,
    /// Whether a new one has it without being told.
    pub filled: bool,
    pub limits: Limits,
    /// Of each item or of the object, when it has fields of its own.
    pub parts: &'static [Field],
}

/// How a value is stored, filtered and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Number,
    Bool,
    Uuid,
    Date,
    /// An instant.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of words.
    Tags,
    /// Values of fields that the workspace defined: an object of texts and numbers.
    Custom,
    /// Anything else.
    Json,
}

/// What a value must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A text that is not blank.
    pub required: bool,
    /// Characters.
    pub max: Option<usize>,
    pub least: Option<i64>,
    pub most: Option<i64>,
    pub positive: bool,
    pub format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Email,
    /// ISO 4217: three capital letters.
    Currency,
    /// A BIN or IIN.
    TwelveDigits,
}

/// A struct whose fields are listed. Derived.
pub trait Fields {
    const FIELDS: &'static [Field];

    /// Every field against its limits; `within` is the path to the struct, empty at the top.
    fn check(&self, within: &str, check: &mut Check);

    /// Whether every field keeps to its limits.
    fn checked(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        check.done()
    }
}

/// Fields that a [`Change`](Changes::Change) can replace. Derived, with the struct `Change` beside the other.
pub trait Changes: Fields + Default {
    type Change;

    fn apply(&mut self, change: &Self::Change);

    /// What makes the one of the other.
    fn between(before: &Self, after: &Self) -> Self::Change;

    /// As [`FieldValue::tidy`], of every field that is named.
    fn tidy_change(change: Self::Change) -> Self::Change;

    /// What the change makes of nothing: how a new one is begun.
    fn begin(change: &Self::Change) -> Self {
        let mut new = Self::default();
        new.apply(change);
        new
    }
}

/// A closed list of words. Derived.
pub trait Choice: Copy + Sized + 'static {
    const ALL: &'static [Self];
    /// In the same order.
    const WORDS: &'static [&'static str];

    fn as_str(self) -> &'static str;
}

/// A type that a field can have.
pub trait FieldValue {
    const KIND: FieldKind;
    /// Of a list of it.
    const LIST: FieldKind = FieldKind::Json;
    const NULLABLE: bool = false;
    const PARTS: &'static [Field] = &[];

    fn check(&self, _at: Place<'_>, _limits: &Limits, _check: &mut Check) {}

    /// A text of nothing but blanks: where nothing is allowed, it is nothing.
    fn is_blank(&self) -> bool {
        false
    }

    /// What people type, made plain.
    fn tidy(self) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// What of the value before stays in the one that is set now: nothing, but of values that are changed part by part.
    fn keep(&mut self, _before: Option<Self>)
    where
        Self: Sized,
    {
    }

    /// How it has to be set so that it is this one afterwards, whatever [`FieldValue::keep`] keeps of the one before.
    fn since(self, _before: &Self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// Where a field stands, written out only when it has to be told: `contacts[0].email`.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub within: &'a str,
    pub name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.within.is_empty() || self.name.starts_with('[') {
            ""
        } else {
            "."
        };
        write!(f, "{}{dot}{}", self.within, self.name)
    }
}

impl FieldValue for String {
    const KIND: FieldKind = FieldKind::Text;
    const LIST: FieldKind = FieldKind::Tags;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        if limits.required && self.is_blank() {
            check.fail(at.to_string(), Rule::Required);
        } else if let Some(max) = limits.max {
            check.at_most(&at.to_string(), self, max);
        }
        match limits.format {
            Some(Format::Email) => check.email(&at.to_string(), self),
            Some(Format::Currency) => check.currency(&at.to_string(), self),
            Some(Format::TwelveDigits) => check.twelve_digits(&at.to_string(), self),
            None => {}
        }
    }

    fn is_blank(&self) -> bool {
        self.trim().is_empty()
    }
}

impl<U: Unit> FieldValue for Fixed<U> {
    const KIND: FieldKind = FieldKind::Number;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        let whole = |units: i64| units.checked_mul(Self::SCALE).and_then(Self::from_units);
        let below = limits.least.and_then(whole).is_some_and(|least| *self < least);
        let above = limits.most.and_then(whole).is_some_and(|most| *self > most);
        match (limits.least, limits.most) {
            (Some(min), Some(max)) if below || above => check.fail(at.to_string(), Rule::OutOfRange { min, max }),
            _ if below => check.fail(at.to_string(), Rule::Negative),
            _ => {}
        }
        if limits.positive && !self.is_positive() {
            check.fail(at.to_string(), Rule::NotPositive);
        }
    }
}

impl FieldValue for bool {
    const KIND: FieldKind = FieldKind::Bool;
}

impl FieldValue for u32 {
    const KIND: FieldKind = FieldKind::Number;
}

impl FieldValue for NaiveDate {
    const KIND: FieldKind = FieldKind::Date;

    fn check(&self, at: Place<'_>, _: &Limits, check: &mut Check) {
        check.date(at, Some(*self));
    }
}

impl FieldValue for DateTime<Utc> {
    const KIND: FieldKind = FieldKind::Time;

    fn check(&self, at: Place<'_>, _: &Limits, check: &mut Check) {
        check.date(at, Some(self.date_naive()));
    }
}

/// Null is a map of nothing.
impl FieldValue for Map<String, Value> {
    const KIND: FieldKind = FieldKind::Json;
    const NULLABLE: bool = true;
}

impl<T: FieldValue> FieldValue for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
    const PARTS: &'static [Field] = T::PARTS;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        if let Some(value) = self {
            value.check(at, limits, check);
        }
    }

    fn tidy(self) -> Self {
        self.filter(|value| !value.is_blank()).map(T::tidy)
    }

    fn keep(&mut self, before: Option<Self>) {
        if let Some(value) = self {
            value.keep(before.flatten());
        }
    }

    fn since(self, before: &Self) -> Self {
        self.map(|value| match before {
            Some(before) => value.since(before),
            None => value,
        })
    }
}

/// At most [`ITEMS_MAX`], none of them blank.
impl<T: FieldValue> FieldValue for Vec<T> {
    const KIND: FieldKind = T::LIST;
    const PARTS: &'static [Field] = T::PARTS;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        let path = at.to_string();
        check.list(&path, self);
        let each = Limits {
            required: true,
            ..*limits
        };
        for (n, item) in self.iter().enumerate().take(ITEMS_MAX) {
            let nth = format!("[{n}]");
            item.check(
                Place {
                    within: &path,
                    name: &nth,
                },
                &each,
                check,
            );
        }
    }

    fn tidy(self) -> Self {
        self.into_iter().map(T::tidy).collect()
    }
}

#[cfg(test)]
mod tests;
