//! The list grammar, the same for every list: `field=a,b`, `field[gte|lte|gt|lt|ne]=`, `related.field=`, `search=`,
//! `sort=-value,createdAt` (also `sort=name&order=asc`), `page`, `limit`, `cursor`. What it does not know is refused by
//! name. Values are checked here, so that no input reaches a cast in the database that could fail.

use crate::table::ColumnKind;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::{Rule, time::is_plausible};
use serde_json::value::RawValue;
use uuid::Uuid;

pub const LIMIT_DEFAULT: i64 = 20;
pub const LIMIT_MAX: i64 = 100;
pub const PAGE_MAX: i64 = 1_000_000;
const VALUES_MAX: usize = 200;
const SEARCH_MAX: usize = 200;

/// Something a list can be filtered and sorted by.
#[derive(Debug, Clone)]
pub struct Field {
    /// As clients spell it.
    pub name: String,
    /// An expression over the row `t`.
    pub sql: String,
    pub kind: ColumnKind,
}

/// What a list offers.
pub struct Grammar {
    pub fields: Vec<Field>,
    /// Query parameters of the documents that stand for a filter: `minPrice` for `price[gte]`.
    pub aliases: &'static [(&'static str, &'static str, Op)],
    /// Expressions that `search=` looks into.
    pub search: &'static [&'static str],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {}", rule.code())]
pub struct ListError {
    pub field: String,
    pub rule: Rule,
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
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gte" => Self::Gte,
            "lte" => Self::Lte,
            "gt" => Self::Gt,
            "lt" => Self::Lt,
            _ => return None,
        })
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

/// One page of a list, rows as they go out.
#[derive(Debug)]
pub struct Page {
    /// A JSON array.
    pub items: Box<RawValue>,
    pub total: i64,
    pub page: i64,
    pub limit: i64,
    pub next_cursor: Option<String>,
}

/// A checked query: conditions over the row `t` with their values, which are bound as text and cast.
#[derive(Debug, Default)]
pub struct Query {
    pub conditions: Vec<String>,
    pub values: Vec<String>,
    pub order: Vec<SortKey>,
    pub page: i64,
    pub limit: i64,
    /// The last row of the page before, one value per sort key.
    pub after: Option<Vec<Option<String>>>,
}

#[derive(Debug, Clone)]
pub struct SortKey {
    pub sql: String,
    pub kind: ColumnKind,
    pub descending: bool,
}

impl Grammar {
    /// Reads a query string's pairs. Without `sort`, the newest come first.
    pub fn parse(&self, pairs: &[(String, String)]) -> Result<Query, ListError> {
        let mut query = Query {
            page: 1,
            limit: LIMIT_DEFAULT,
            ..Query::default()
        };
        let (mut sort, mut descending, mut cursor) = (None, false, None);
        for (name, value) in pairs {
            match name.as_str() {
                "page" => query.page = whole(name, value, PAGE_MAX)?,
                "limit" => query.limit = whole(name, value, LIMIT_MAX)?,
                "sort" => sort = Some(value.as_str()),
                "order" => {
                    descending = match value.to_ascii_lowercase().as_str() {
                        "asc" => false,
                        "desc" => true,
                        _ => return Err(refuse(name, Rule::NotAllowed)),
                    }
                }
                "search" => self.search(&mut query, value)?,
                "cursor" => cursor = Some(value.as_str()),
                _ => self.filter(&mut query, name, value)?,
            }
        }
        query.order = self.order(sort, descending)?;
        query.after = cursor.map(|cursor| decode_cursor(cursor, &query.order)).transpose()?;
        Ok(query)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name == name && !matches!(field.kind, ColumnKind::Json | ColumnKind::Hidden))
    }

    fn filter(&self, query: &mut Query, parameter: &str, value: &str) -> Result<(), ListError> {
        let (name, op) = match self.aliases.iter().find(|(alias, ..)| *alias == parameter) {
            Some((_, field, op)) => (*field, *op),
            None => split_operator(parameter)?,
        };
        let field = self.field(name).ok_or_else(|| refuse(parameter, Rule::Unknown))?;
        let comparable = matches!(field.kind, ColumnKind::Number | ColumnKind::Date | ColumnKind::Time);
        match op {
            Op::Eq | Op::Ne => {
                let values: Vec<&str> = value
                    .split(',')
                    .map(str::trim)
                    .filter(|value| !value.is_empty())
                    .collect();
                if values.len() > VALUES_MAX {
                    return Err(refuse(parameter, Rule::TooMany { max: VALUES_MAX }));
                }
                let any: Result<Vec<String>, ListError> = values
                    .into_iter()
                    .map(|value| field.equals(query, parameter, value))
                    .collect();
                let any = any?;
                let any = if any.is_empty() {
                    "false".to_owned()
                } else {
                    any.join(" or ")
                };
                query.conditions.push(if op == Op::Eq {
                    format!("({any})")
                } else {
                    format!("(({any}) is not true)")
                });
            }
            _ if !comparable => return Err(refuse(parameter, Rule::Unknown)),
            op => {
                let bound = field
                    .bound(value, op)
                    .ok_or_else(|| refuse(parameter, Rule::WrongType))?;
                let placeholder = query.bind(bound, field.kind);
                query
                    .conditions
                    .push(format!("{} {} {placeholder}", field.sql, op.sql()));
            }
        }
        Ok(())
    }

    fn search(&self, query: &mut Query, value: &str) -> Result<(), ListError> {
        let value = clean("search", value)?;
        if value.chars().nth(SEARCH_MAX).is_some() {
            return Err(refuse("search", Rule::TooLong { max: SEARCH_MAX }));
        }
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        let escaped = value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = query.bind(format!("%{escaped}%"), ColumnKind::Text);
        let any: Vec<String> = self.search.iter().map(|sql| format!("{sql} ilike {pattern}")).collect();
        query.conditions.push(format!("({})", any.join(" or ")));
        Ok(())
    }

    fn order(&self, sort: Option<&str>, descending: bool) -> Result<Vec<SortKey>, ListError> {
        let mut keys = Vec::new();
        for part in sort
            .unwrap_or("-createdAt")
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, minus) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            let field = self.field(name).ok_or_else(|| refuse("sort", Rule::Unknown))?;
            keys.push(SortKey {
                sql: field.sql.clone(),
                kind: field.kind,
                descending: minus || (descending && sort.is_some()),
            });
        }
        // The id makes the order total; it follows the first key, so that an index on both serves.
        let descending = keys.first().is_some_and(|key| key.descending) && sort.is_some();
        keys.push(SortKey {
            sql: "t.id".into(),
            kind: ColumnKind::Uuid,
            descending,
        });
        Ok(keys)
    }
}

impl Field {
    fn equals(&self, query: &mut Query, parameter: &str, value: &str) -> Result<String, ListError> {
        let value = clean(parameter, value)?;
        // A bare date names the whole day.
        let day = value.parse().ok().filter(|day| is_plausible(*day));
        if let (ColumnKind::Time, Some(day)) = (self.kind, day) {
            let (from, to) = (day_start(day), day_start(day) + Duration::days(1));
            let (from, to) = (
                query.bind(from.to_rfc3339(), self.kind),
                query.bind(to.to_rfc3339(), self.kind),
            );
            return Ok(format!("({sql} >= {from} and {sql} < {to})", sql = self.sql));
        }
        let bound = self.bound(value, Op::Eq);
        let rule = if self.kind == ColumnKind::Uuid {
            Rule::NotAUuid
        } else {
            Rule::WrongType
        };
        let placeholder = query.bind(bound.ok_or_else(|| refuse(parameter, rule))?, self.kind);
        Ok(format!("{} = {placeholder}", self.sql))
    }

    /// The value in the database's spelling, if it is one of this kind.
    fn bound(&self, value: &str, op: Op) -> Option<String> {
        match self.kind {
            ColumnKind::Text => Some(value.to_owned()),
            ColumnKind::Number => is_number(value).then(|| value.to_owned()),
            ColumnKind::Bool => value.parse::<bool>().ok().map(|flag| flag.to_string()),
            ColumnKind::Uuid => Uuid::parse_str(value).ok().map(|id| id.to_string()),
            ColumnKind::Date => value
                .parse()
                .ok()
                .filter(|day| is_plausible(*day))
                .map(|day| day.to_string()),
            ColumnKind::Time => instant(value, op).map(|at| at.to_rfc3339()),
            ColumnKind::Json | ColumnKind::Hidden => None,
        }
    }
}

/// Any number that JSON can write; the database compares it by its digits.
fn is_number(value: &str) -> bool {
    let plain = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    plain && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A bare date bounds the whole day: `lte` its last instant, `gt` the next day.
fn instant(value: &str, op: Op) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(value) {
        return Some(at.to_utc()).filter(|at| is_plausible(at.date_naive()));
    }
    let start = day_start(value.parse().ok().filter(|day| is_plausible(*day))?);
    match op {
        Op::Lte | Op::Gt => start.checked_add_signed(Duration::days(1) - Duration::microseconds(1)),
        Op::Gte | Op::Lt | Op::Eq | Op::Ne => Some(start),
    }
}

/// Midnight in Almaty.
fn day_start(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc() - Duration::hours(5)
}

impl Query {
    fn bind(&mut self, value: String, kind: ColumnKind) -> String {
        self.values.push(value);
        format!("${}::{}", self.values.len(), kind.sql_type())
    }

    pub fn order_by(&self) -> String {
        let key = |key: &SortKey| format!("{} {} nulls last", key.sql, if key.descending { "desc" } else { "asc" });
        self.order.iter().map(key).collect::<Vec<_>>().join(", ")
    }

    /// "Comes after the cursor's row" in the query's order, nulls last in either direction.
    pub fn beyond(&mut self) -> Option<String> {
        let after = self.after.take()?;
        let (mut ties, mut any) = (Vec::new(), Vec::new());
        for (key, value) in self.order.clone().into_iter().zip(after) {
            let SortKey { sql, kind, descending } = key;
            match value {
                Some(value) => {
                    let placeholder = self.bind(value, kind);
                    let sign = if descending { "<" } else { ">" };
                    any.push(
                        [
                            ties.clone(),
                            vec![format!("({sql} {sign} {placeholder} or {sql} is null)")],
                        ]
                        .concat()
                        .join(" and "),
                    );
                    ties.push(format!("{sql} = {placeholder}"));
                }
                None => ties.push(format!("{sql} is null")),
            }
        }
        Some(format!("({})", any.join(" or ")))
    }
}

impl ColumnKind {
    const fn sql_type(self) -> &'static str {
        match self {
            Self::Text | Self::Json | Self::Hidden => "text",
            Self::Number => "numeric",
            Self::Bool => "boolean",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Time => "timestamptz",
        }
    }
}

fn split_operator(parameter: &str) -> Result<(&str, Op), ListError> {
    match parameter.split_once('[') {
        None => Ok((parameter, Op::Eq)),
        Some((name, rest)) => {
            let op = rest.strip_suffix(']').and_then(Op::parse);
            Ok((name, op.ok_or_else(|| refuse(parameter, Rule::Unknown))?))
        }
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

fn clean<'a>(name: &str, value: &'a str) -> Result<&'a str, ListError> {
    if value.contains(char::is_control) {
        Err(refuse(name, Rule::NotAllowed))
    } else {
        Ok(value)
    }
}

fn refuse(field: &str, rule: Rule) -> ListError {
    ListError {
        field: field.to_owned(),
        rule,
    }
}

/// Opaque to clients; holds the last row's sort values.
pub fn encode_cursor(values: &[Option<String>]) -> Option<String> {
    serde_json::to_vec(values)
        .ok()
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

fn decode_cursor(cursor: &str, order: &[SortKey]) -> Result<Vec<Option<String>>, ListError> {
    let broken = || refuse("cursor", Rule::NotAllowed);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| broken())?;
    let values: Vec<Option<String>> = serde_json::from_slice(&bytes).map_err(|_| broken())?;
    if values.len() != order.len() || values.last().is_none_or(Option::is_none) {
        return Err(broken());
    }
    let fits = |(key, value): (&SortKey, &Option<String>)| match value {
        Some(value) if value.contains('\0') => false,
        Some(value) => Field {
            name: String::new(),
            sql: String::new(),
            kind: key.kind,
        }
        .bound(value, Op::Eq)
        .is_some(),
        None => true,
    };
    if order.iter().zip(&values).all(fits) {
        Ok(values)
    } else {
        Err(broken())
    }
}

#[cfg(test)]
mod tests;
