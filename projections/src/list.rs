//! The list grammar, the same for every list: `field=a,b`, `field[gte|lte|gt|lt|ne]=`, `related.field=`, `search=`,
//! `sort=-value,createdAt` (also `sort=name&order=asc`; a field of the workspace's own counts twice), `page`, `limit`,
//! `cursor`. What it does not know is refused by name, with the names it knows. Values are checked here, so that no input reaches a cast in the database that could
//! fail, and what a query may cost is bounded here: its filters, its sort keys, how deep its pages go.

mod filter;
mod order;

pub use filter::{Field, Op};
pub use order::{Cursor, SortKey};

use crate::column::ColumnKind;
use domain::{Rule, office::custom_field::is_key};
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;

pub const LIMIT_DEFAULT: i64 = 20;
pub const LIMIT_MAX: i64 = 100;
/// How many rows a page may lie behind the first one: whoever wants more goes on by cursor, which costs no skipping.
pub const DEPTH_MAX: i64 = 10_000;
/// Up to here a filtered list is counted; beyond, the planner's estimate will do.
pub const COUNT_MAX: i64 = 10_000;
/// Distinct keys of one order.
const SORT_KEYS_MAX: usize = 4;
/// Filters of one query, `search` among them.
const FILTERS_MAX: usize = 20;
/// Values of one filter.
const VALUES_MAX: usize = 200;
const SEARCH_MAX: usize = 200;
/// What every list takes beside its fields.
const ALWAYS: [&str; 6] = ["cursor", "limit", "order", "page", "search", "sort"];

/// What a list offers.
pub struct Grammar {
    pub fields: Vec<Field>,
    /// Query parameters of the documents that stand for a filter: `minPrice` for `price[gte]`.
    pub aliases: &'static [(&'static str, &'static str, Op)],
    /// The expression that `search=` looks into, in lower case.
    pub search: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {}", rule.code())]
pub struct ListError {
    pub field: String,
    pub rule: Rule,
    /// What would have been understood in its place.
    pub known: Vec<String>,
}

/// One page of a list, rows as they go out.
#[derive(Debug)]
pub struct Page {
    /// A JSON array.
    pub items: Box<RawValue>,
    pub total: Total,
    pub page: i64,
    pub limit: i64,
    pub next_cursor: Option<String>,
}

/// How many rows there are on all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub rows: i64,
    /// Where there are too many to count.
    pub is_estimate: bool,
}

/// A checked query: conditions over the row `t` with their values, which are bound as text and cast.
#[derive(Debug, Default)]
pub struct Query {
    pub conditions: Vec<String>,
    pub values: Vec<String>,
    pub order: Vec<SortKey>,
    pub page: i64,
    pub limit: i64,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// The one condition, when that is all there is and it names values of a field: its column and their placeholders.
    pub only: Option<(String, Vec<String>)>,
    /// How many rows there are depends on the values: not every one is as frequent as another.
    pub is_uneven: bool,
}

impl Grammar {
    /// Reads a query string's pairs. Without `sort`, the newest come first.
    pub fn parse(&self, pairs: &[(String, String)]) -> Result<Query, ListError> {
        let mut query = Query {
            page: 1,
            limit: LIMIT_DEFAULT,
            ..Query::default()
        };
        let (mut sort, mut descending, mut cursor, mut filters) = (None, false, None, 0);
        for (name, value) in pairs {
            match name.as_str() {
                "page" => query.page = whole(name, value, DEPTH_MAX)?,
                "limit" => query.limit = whole(name, value, LIMIT_MAX)?,
                "sort" => sort = Some(value.as_str()),
                "order" => {
                    descending = match value.to_ascii_lowercase().as_str() {
                        "asc" => false,
                        "desc" => true,
                        _ => return Err(refuse_word(name, &["asc", "desc"])),
                    }
                }
                "cursor" => cursor = Some(value.as_str()),
                // The past is another list: until it is built, the present must not be told as the past.
                "asOf" => return Err(refuse(name, Rule::NotAllowed)),
                _ => {
                    filters += 1;
                    if filters > FILTERS_MAX {
                        return Err(refuse(name, Rule::TooMany { max: FILTERS_MAX }));
                    }
                    match name.as_str() {
                        "search" => self.search(&mut query, value)?,
                        _ => self.filter(&mut query, name, value)?,
                    }
                }
            }
        }
        if query.conditions.len() > 1 {
            query.only = None;
            query.is_uneven = true;
        }
        query.order = self.order(sort, descending)?;
        query.after = cursor.map(|cursor| Cursor::decode(cursor, &query.order)).transpose()?;
        let pages = (DEPTH_MAX / query.limit).max(1);
        if query.after.is_none() && query.page > pages {
            return Err(refuse("page", Rule::OutOfRange { min: 1, max: pages }));
        }
        Ok(query)
    }

    fn filter(&self, query: &mut Query, parameter: &str, value: &str) -> Result<(), ListError> {
        let (name, op) = match self.aliases.iter().find(|(alias, ..)| *alias == parameter) {
            Some((_, field, op)) => (*field, *op),
            None => self.split_operator(parameter)?,
        };
        match self
            .fields
            .iter()
            .find(|field| field.name == name && field.is_filtered())
        {
            Some(field) => field.filter(query, parameter, op, value),
            None => match self.custom(name) {
                Some((field, key)) => field.filter_custom(query, parameter, key, op, value),
                None => Err(self.unknown(parameter)),
            },
        }
    }

    /// `custom.size`: the column with the values of the workspace's own fields, and the key of one.
    fn custom<'a>(&self, name: &'a str) -> Option<(&Field, &'a str)> {
        let (column, key) = name.split_once('.')?;
        let mut fields = self.fields.iter();
        let found = fields.find(|field| field.name == column && field.kind == ColumnKind::Custom)?;
        is_key(key).then_some((found, key))
    }

    fn split_operator<'a>(&self, parameter: &'a str) -> Result<(&'a str, Op), ListError> {
        match parameter.split_once('[') {
            None => Ok((parameter, Op::Eq)),
            Some((name, rest)) => match rest.strip_suffix(']').and_then(Op::parse) {
                Some(op) => Ok((name, op)),
                None if self.fields.iter().any(|field| field.name == name) => {
                    let forms = Op::ALL.map(|op| format!("{name}[{}]", op.name()));
                    Err(ListError {
                        known: forms.into(),
                        ..refuse(parameter, Rule::Unknown)
                    })
                }
                None => Err(self.unknown(parameter)),
            },
        }
    }

    fn unknown(&self, parameter: &str) -> ListError {
        let fields = self.fields.iter().filter(|field| field.is_filtered());
        let aliases = self.aliases.iter().map(|(alias, ..)| *alias);
        let known = fields.map(|field| field.name.as_str()).chain(aliases).chain(ALWAYS);
        ListError {
            known: known.map(str::to_owned).collect(),
            ..refuse(parameter, Rule::Unknown)
        }
    }

    fn search(&self, query: &mut Query, value: &str) -> Result<(), ListError> {
        let value = clean("search", value)?;
        if value.chars().nth(SEARCH_MAX).is_some() {
            return Err(refuse("search", Rule::TooLong { max: SEARCH_MAX }));
        }
        let value = value.trim().to_lowercase();
        if value.is_empty() {
            return Ok(());
        }
        let escaped = value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = query.bind(format!("%{escaped}%"), "text");
        query.conditions.push(format!("{} like {pattern}", self.search));
        query.is_uneven = true;
        Ok(())
    }
}

impl Query {
    /// The placeholder of a value.
    pub(crate) fn bind(&mut self, value: String, sql_type: &str) -> String {
        self.values.push(value);
        format!("${}::{sql_type}", self.values.len())
    }
}

fn whole(name: &str, value: &str, max: i64) -> Result<i64, ListError> {
    let rule = Rule::OutOfRange { min: 1, max };
    value
        .parse()
        .ok()
        .filter(|n| (1..=max).contains(n))
        .ok_or_else(|| refuse(name, rule))
}

/// A text as it is stored: composed. Control characters stand in no name.
fn clean(name: &str, value: &str) -> Result<String, ListError> {
    if value.contains(char::is_control) {
        Err(refuse(name, Rule::NotAllowed))
    } else {
        Ok(value.nfc().collect())
    }
}

fn refuse(field: &str, rule: Rule) -> ListError {
    ListError {
        field: field.to_owned(),
        rule,
        known: Vec::new(),
    }
}

/// A value that is none of the words there are.
fn refuse_word(field: &str, words: &[&str]) -> ListError {
    ListError {
        known: words.iter().map(|word| (*word).to_owned()).collect(),
        ..refuse(field, Rule::NotAllowed)
    }
}

#[cfg(test)]
mod tests;
