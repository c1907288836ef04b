//! Validation that finds every offending field at once and names, for each, the rule it breaks.

use crate::{
    Money, Quantity,
    fixed::Percent,
    time::{YEARS, is_plausible},
};
use chrono::NaiveDate;
use std::fmt;

/// The most items a document's list may hold.
pub const ITEMS_MAX: usize = 500;
/// A text that may have so many characters may have several lines.
pub const LINES_FROM: usize = 1_000;
/// Bytes of an address.
pub const EMAIL_MAX: usize = 254;

/// One broken rule at one place, e.g. `products[0].quantity` must be positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub field: String,
    pub rule: Rule,
}

/// Rules about a single value; each has a message in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    Required,
    TooLong {
        max: usize,
    },
    TooMany {
        max: usize,
    },
    TooDeep {
        max: usize,
    },
    NotPositive,
    Negative,
    OutOfRange {
        min: i64,
        max: i64,
    },
    YearOutOfRange {
        min: i64,
        max: i64,
    },
    TooLarge,
    TooPrecise,
    NotAnEmail,
    NotTwelveDigits,
    /// The last digit does not follow from those before it.
    CheckDigit,
    WeakPassword {
        min: usize,
    },
    NotUnique,
    WrongType,
    Unknown,
    /// A name that no field has; these exist.
    NoSuchField {
        known: Vec<String>,
    },
    NotAllowed,
    /// Not one of these words.
    NotOneOf {
        known: Vec<String>,
    },
    NotAUuid,
    /// A moment that is not past.
    NotYet,
    OtherCurrency,
    /// Parts that do not come to the whole.
    NotTheSum,
}

impl Rule {
    pub fn not_one_of<T: Into<String>>(known: impl IntoIterator<Item = T>) -> Self {
        Self::NotOneOf {
            known: known.into_iter().map(Into::into).collect(),
        }
    }

    pub fn no_such_field<T: Into<String>>(known: impl IntoIterator<Item = T>) -> Self {
        Self::NoSuchField {
            known: known.into_iter().map(Into::into).collect(),
        }
    }

    /// What exists instead.
    pub fn known(&self) -> &[String] {
        match self {
            Self::NoSuchField { known } | Self::NotOneOf { known } => known,
            _ => &[],
        }
    }

    /// Stable; shown to clients and used as the key of the message.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooLong { .. } => "too_long",
            Self::TooMany { .. } => "too_many",
            Self::TooDeep { .. } => "too_deep",
            Self::NotPositive => "not_positive",
            Self::Negative => "negative",
            Self::OutOfRange { .. } => "out_of_range",
            Self::YearOutOfRange { .. } => "year_out_of_range",
            Self::TooLarge => "too_large",
            Self::TooPrecise => "too_precise",
            Self::NotAnEmail => "not_an_email",
            Self::NotTwelveDigits => "not_twelve_digits",
            Self::CheckDigit => "check_digit",
            Self::WeakPassword { .. } => "weak_password",
            Self::NotUnique => "not_unique",
            Self::WrongType => "wrong_type",
            Self::Unknown | Self::NoSuchField { .. } => "unknown",
            Self::NotAllowed | Self::NotOneOf { .. } => "not_allowed",
            Self::NotAUuid => "not_a_uuid",
            Self::NotYet => "not_yet",
            Self::OtherCurrency => "other_currency",
            Self::NotTheSum => "not_the_sum",
        }
    }

    /// Values the message needs.
    pub fn args(&self) -> Vec<(&'static str, i64)> {
        let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            Self::TooLong { max } | Self::TooMany { max } | Self::TooDeep { max } => vec![("max", size(*max))],
            Self::WeakPassword { min } => vec![("min", size(*min))],
            Self::OutOfRange { min, max } | Self::YearOutOfRange { min, max } => vec![("min", *min), ("max", *max)],
            _ => Vec::new(),
        }
    }
}

/// At least one violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    pub fn one(field: impl Into<String>, rule: Rule) -> Self {
        Self(vec![Violation {
            field: field.into(),
            rule,
        }])
    }

    /// The same of fields that are called otherwise where they are told.
    #[must_use]
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        for violation in &mut self.0 {
            violation.field = name(&violation.field);
        }
        self
    }

    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Violation { field, rule }) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{field}: {}", rule.code())?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Collects violations; `done` answers them all.
#[derive(Debug, Default)]
pub struct Check(Vec<Violation>);

impl Check {
    pub fn fail(&mut self, field: impl Into<String>, rule: Rule) {
        self.0.push(Violation {
            field: field.into(),
            rule,
        });
    }

    pub fn that(&mut self, holds: bool, field: impl Into<String>, rule: Rule) {
        if !holds {
            self.fail(field, rule);
        }
    }

    /// Present, not blank, and at most `max` characters.
    pub fn text(&mut self, field: &str, value: &str, max: usize) {
        if value.trim().is_empty() {
            self.fail(field, Rule::Required);
        } else {
            self.at_most(field, value, max);
        }
    }

    /// No control characters either, but for line breaks and tabs in what may run over several lines.
    pub fn at_most(&mut self, field: &str, value: &str, max: usize) {
        self.that(value.chars().nth(max).is_none(), field, Rule::TooLong { max });
        let may = |letter: char| max >= LINES_FROM && matches!(letter, '\n' | '\r' | '\t');
        let clean = !value.chars().any(|letter| letter.is_control() && !may(letter));
        self.that(clean, field, Rule::NotAllowed);
    }

    pub fn optional_text(&mut self, field: &str, value: Option<&String>, max: usize) {
        if let Some(value) = value {
            self.at_most(field, value, max);
        }
    }

    pub fn list<T>(&mut self, field: &str, items: &[T]) {
        self.that(items.len() <= ITEMS_MAX, field, Rule::TooMany { max: ITEMS_MAX });
    }

    pub fn tags(&mut self, field: &str, items: &[String]) {
        self.list(field, items);
        for (n, item) in items.iter().enumerate().take(ITEMS_MAX) {
            self.text(&format!("{field}[{n}]"), item, 100);
        }
    }

    pub fn positive_quantity(&mut self, field: impl Into<String>, value: Quantity) {
        self.that(value.is_positive(), field, Rule::NotPositive);
    }

    pub fn not_negative(&mut self, field: impl Into<String>, value: Money) {
        self.that(!value.is_negative(), field, Rule::Negative);
    }

    pub fn percent(&mut self, field: impl Into<String>, value: Percent) {
        let within = !value.is_negative() && value <= Percent::whole(100);
        self.that(within, field, Rule::OutOfRange { min: 0, max: 100 });
    }

    /// ISO 4217: three capital letters.
    pub fn currency(&mut self, field: &str, value: &str) {
        let holds = value.len() == 3 && value.bytes().all(|b| b.is_ascii_uppercase());
        self.that(holds, field, Rule::NotAllowed);
    }

    pub fn date(&mut self, field: impl fmt::Display, value: Option<NaiveDate>) {
        let (min, max) = (i64::from(*YEARS.start()), i64::from(*YEARS.end()));
        if !value.is_none_or(is_plausible) {
            self.fail(field.to_string(), Rule::YearOutOfRange { min, max });
        }
    }

    /// Enough of RFC 5321 to catch a slip of the finger; the code in the mail is the real proof.
    pub fn email(&mut self, field: &str, value: &str) {
        let plausible = value.split_once('@').is_some_and(|(local, host)| {
            let host_ok = host.split('.').count() >= 2 && host.split('.').all(|label| !label.is_empty());
            !local.is_empty() && host_ok && !host.contains('@')
        });
        let clean = value.len() <= EMAIL_MAX
            && !value
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
        match value.trim().is_empty() {
            true => self.that(false, field, Rule::Required),
            false => self.that(plausible && clean, field, Rule::NotAnEmail),
        };
    }

    /// A BIN or IIN: twelve digits (product, "Money, tax, numbers").
    pub fn twelve_digits(&mut self, field: &str, value: &str) {
        let holds = value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit());
        self.that(holds, field, Rule::NotTwelveDigits);
    }

    pub fn done(self) -> Result<(), Violations> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.0))
        }
    }
}

/// The check digit of a BIN or IIN: weights 1…11, then 3…11,1,2 when the first sum leaves 10.
/// Told by `check-bin`; refusing on it is a setting (product, "Money, tax, numbers").
pub fn check_digit_holds(twelve: &str) -> bool {
    let digits: Vec<u32> = twelve.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != 12 || twelve.len() != 12 {
        return false;
    }
    let weighted = |shift: usize| -> u32 {
        (0..11)
            .map(|i| digits[i] * (((i + shift) % 11) as u32 + 1))
            .sum::<u32>()
            % 11
    };
    let check = match weighted(0) {
        10 => weighted(2),
        sum => sum,
    };
    check == digits[11]
}

#[cfg(test)]
mod tests;
