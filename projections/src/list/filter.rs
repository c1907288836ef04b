//! What one filter means in SQL.

use super::{ListError, Query, VALUES_MAX, clean, refuse, refuse_word};
use crate::column::ColumnKind;
use chrono::{DateTime, Duration, Utc};
use domain::{
    Rule,
    fixed::Exact,
    office::custom_field::{Custom, Given},
    time::{day_end, day_start, is_plausible},
};
use serde_json::Value;
use uuid::Uuid;

/// Powers of ten, and digits before the point: those of the readers that parse doubles.
const POWER_MAX: u16 = 308;

/// Something a list can be filtered and sorted by.
#[derive(Debug, Clone)]
pub struct Field {
    /// As clients spell it.
    pub name: String,
    /// An expression over the row `t`.
    pub sql: String,
    pub kind: ColumnKind,
    pub nullable: bool,
    /// Where a word is not a value of a column: the condition that each of them means.
    pub cases: &'static [(&'static str, &'static str)],
    /// Where the field is another row's: how rows are found by the condition `{}` on it. Not sorted by.
    pub within: Option<String>,
    /// The column whose values have their number of rows kept.
    pub counted: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Gte,
    Lte,
    Gt,
    Lt,
}

impl Op {
    pub(super) const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gte, Self::Lte, Self::Gt, Self::Lt];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == text)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gte => "gte",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Lt => "lt",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Gte => ">=",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Lt => "<",
        }
    }
}

impl Field {
    /// A column as it stands.
    pub fn new(name: impl Into<String>, sql: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            sql: sql.into(),
            kind,
            nullable: false,
            cases: &[],
            within: None,
            counted: None,
        }
    }

    pub(super) const fn is_filtered(&self) -> bool {
        !matches!(self.kind, ColumnKind::Custom | ColumnKind::Json | ColumnKind::Hidden)
    }

    pub(super) const fn is_sorted(&self) -> bool {
        self.kind.is_ordered() && self.within.is_none()
    }

    pub(super) fn filter(&self, query: &mut Query, parameter: &str, op: Op, value: &str) -> Result<(), ListError> {
        let condition = match op {
            Op::Eq | Op::Ne => self.any_of(query, parameter, value)?,
            _ if !self.kind.is_comparable() => {
                let known = [Op::Eq, Op::Ne].map(|op| format!("{}[{}]", self.name, op.name()));
                return Err(ListError {
                    known: known.into(),
                    ..refuse(parameter, Rule::Unknown)
                });
            }
            op => {
                let bound = self
                    .bound(value, op)
                    .ok_or_else(|| refuse(parameter, Rule::WrongType))?;
                let placeholder = query.bind(bound, self.kind.sql_type());
                format!("{} {} {placeholder}", self.sql, op.sql())
            }
        };
        query.is_uneven |=
            op != Op::Eq || self.within.is_some() || matches!(self.kind, ColumnKind::Tags | ColumnKind::Time);
        let condition = match &self.within {
            Some(found) => found.replacen("{}", &condition, 1),
            None => condition,
        };
        query.conditions.push(match op {
            Op::Ne => format!("({condition}) is not true"),
            _ => condition,
        });
        if op == Op::Ne {
            query.only = None;
        }
        Ok(())
    }

    /// That the field is one of these.
    fn any_of(&self, query: &mut Query, parameter: &str, value: &str) -> Result<String, ListError> {
        let said = value.split(',').map(str::trim);
        if said.clone().count() > VALUES_MAX {
            return Err(refuse(parameter, Rule::TooMany { max: VALUES_MAX }));
        }
        let values = said.filter(|value| !value.is_empty());
        let (mut equal, mut any) = (Vec::new(), Vec::new());
        for value in values {
            let value = clean(parameter, value)?;
            match self.kind {
                ColumnKind::Choice(words) if !words.contains(&value.as_str()) => {
                    return Err(refuse_word(parameter, words));
                }
                ColumnKind::Choice(_) if !self.cases.is_empty() => {
                    let case = self.cases.iter().find(|(word, _)| *word == value);
                    any.extend(case.map(|(_, condition)| format!("({condition})")));
                }
                ColumnKind::Tags => {
                    let list = Value::from(vec![value]).to_string();
                    any.push(format!("{} @> {}", self.sql, query.bind(list, self.kind.sql_type())));
                }
                ColumnKind::Time => any.push(self.within_day(query, parameter, &value)?),
                _ => {
                    let bound = self
                        .bound(&value, Op::Eq)
                        .ok_or_else(|| refuse(parameter, self.mismatch()))?;
                    equal.push(query.bind(bound, self.kind.sql_type()));
                }
            }
        }
        if let (Some(column), true) = (self.counted, any.is_empty() && !equal.is_empty()) {
            query.only = Some((column.to_owned(), equal.clone()));
        }
        match equal.as_slice() {
            [] => {}
            [one] => any.push(format!("{} = {one}", self.sql)),
            several => any.push(format!("{} in ({})", self.sql, several.join(", "))),
        }
        Ok(match any.as_slice() {
            [] => "false".to_owned(),
            [one] => one.clone(),
            several => format!("({})", several.join(" or ")),
        })
    }

    /// What the workspace's own field of that key is sorted by: a number by its worth, and every text as people sort texts. All
    /// values of a field are of one kind, so that the other of the two is empty in all rows; nobody has to know which.
    pub(super) fn keyed(&self, key: &str) -> [Self; 2] {
        let value = |of: &str, sql: String, kind| Self {
            nullable: true,
            ..Self::new(
                format!("{}.{key}", self.name),
                format!(
                    "(case when jsonb_typeof({}->'{key}') = '{of}' then {sql} end)",
                    self.sql
                ),
                kind,
            )
        };
        let text = format!("{}->>'{key}'", self.sql);
        [
            value("number", format!("({text})::numeric"), ColumnKind::Number),
            value("string", format!("({text}) collate reading.kazakh"), ColumnKind::Text),
        ]
    }

    /// That the workspace's own field of that key is one of these: a text, a word or a date as it is written, a number by
    /// its worth. Which kind of field it is, nobody has to know: an index over all of them answers either.
    pub(super) fn filter_custom(
        &self,
        query: &mut Query,
        parameter: &str,
        key: &str,
        op: Op,
        value: &str,
    ) -> Result<(), ListError> {
        if !matches!(op, Op::Eq | Op::Ne) {
            let known = [Op::Eq, Op::Ne].map(|op| format!("{}.{key}[{}]", self.name, op.name()));
            return Err(ListError {
                known: known.into(),
                ..refuse(parameter, Rule::Unknown)
            });
        }
        let said = value.split(',').map(str::trim);
        if said.clone().count() > VALUES_MAX {
            return Err(refuse(parameter, Rule::TooMany { max: VALUES_MAX }));
        }
        let mut any = Vec::new();
        for value in said.filter(|value| !value.is_empty()) {
            let value = clean(parameter, value)?;
            let number = Exact::parse(&value).ok().map(Given::Number);
            for value in number.into_iter().chain([Given::Text(value)]) {
                let wanted: Custom = [(key.to_owned(), value)].into_iter().collect();
                let wanted = serde_json::to_string(&wanted).map_err(|_| refuse(parameter, Rule::WrongType))?;
                any.push(format!("{} @> {}", self.sql, query.bind(wanted, self.kind.sql_type())));
            }
        }
        let condition = match any.as_slice() {
            [] => "false".to_owned(),
            several => format!("({})", several.join(" or ")),
        };
        query.is_uneven = true;
        query.conditions.push(match op {
            Op::Ne => format!("{condition} is not true"),
            _ => condition,
        });
        Ok(())
    }

    /// A bare date names the whole day.
    fn within_day(&self, query: &mut Query, parameter: &str, value: &str) -> Result<String, ListError> {
        let sql = &self.sql;
        if let Some(day) = value.parse().ok().filter(|day| is_plausible(*day)) {
            let mut instant = |at: DateTime<Utc>| query.bind(at.to_rfc3339(), self.kind.sql_type());
            let (from, to) = (instant(day_start(day)), instant(day_end(day)));
            return Ok(format!("({sql} >= {from} and {sql} < {to})"));
        }
        let bound = self
            .bound(value, Op::Eq)
            .ok_or_else(|| refuse(parameter, Rule::WrongType))?;
        Ok(format!("{sql} = {}", query.bind(bound, self.kind.sql_type())))
    }

    const fn mismatch(&self) -> Rule {
        match self.kind {
            ColumnKind::Uuid => Rule::NotAUuid,
            _ => Rule::WrongType,
        }
    }

    /// The value in the database's spelling, if it is one of this kind.
    pub(super) fn bound(&self, value: &str, op: Op) -> Option<String> {
        match self.kind {
            ColumnKind::Text | ColumnKind::Choice(_) => Some(value.to_owned()),
            ColumnKind::Number => is_number(value).then(|| value.to_owned()),
            ColumnKind::Bool => value.parse::<bool>().ok().map(|flag| flag.to_string()),
            ColumnKind::Uuid => Uuid::parse_str(value).ok().map(|id| id.to_string()),
            ColumnKind::Date => value
                .parse()
                .ok()
                .filter(|day| is_plausible(*day))
                .map(|day| day.to_string()),
            ColumnKind::Time => instant(value, op).map(|at| at.to_rfc3339()),
            ColumnKind::Tags | ColumnKind::Custom | ColumnKind::Json | ColumnKind::Hidden => None,
        }
    }
}

/// Any number that JSON can write; the database compares it by its digits.
fn is_number(value: &str) -> bool {
    let (digits, power) = value.split_once(['e', 'E']).unwrap_or((value, "0"));
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_plain = [whole, fraction].concat().bytes().all(|byte| byte.is_ascii_digit());
    let is_there = !(whole.is_empty() && fraction.is_empty());
    let fits = |power: i16| power.unsigned_abs() <= POWER_MAX;
    is_plain && is_there && whole.len() <= POWER_MAX.into() && power.parse().is_ok_and(fits)
}

/// A bare date bounds the whole day: `lte` its last instant, `gt` the next day.
fn instant(value: &str, op: Op) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(value) {
        return Some(at.to_utc()).filter(|at| is_plausible(at.date_naive()));
    }
    let day = value.parse().ok().filter(|day| is_plausible(*day))?;
    match op {
        Op::Lte | Op::Gt => day_end(day).checked_sub_signed(Duration::microseconds(1)),
        Op::Gte | Op::Lt | Op::Eq | Op::Ne => Some(day_start(day)),
    }
}
