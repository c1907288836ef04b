//! The order of a list, and how a page goes on after the one before: by the last row's keys, so that an index leads to
//! the place and nothing is skipped or shown twice, whatever was added meanwhile.

use super::{Field, Grammar, ListError, Op, Query, SORT_KEYS_MAX, Total, refuse};
use crate::column::ColumnKind;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Rule;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone)]
pub struct SortKey {
    pub sql: String,
    pub kind: ColumnKind,
    pub nullable: bool,
    pub descending: bool,
}

/// Where a page ended; opaque to clients. It carries the total as well: what was counted once is not counted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last row's value of each sort key.
    #[serde(rename = "k")]
    pub keys: Vec<Option<String>>,
    #[serde(rename = "p")]
    pub page: i64,
    #[serde(rename = "t")]
    pub total: i64,
    #[serde(rename = "e")]
    pub is_estimate: bool,
}

impl Cursor {
    pub fn total(&self) -> Total {
        Total {
            rows: self.total,
            is_estimate: self.is_estimate,
        }
    }

    pub fn encode(&self) -> Option<String> {
        let json = serde_json::to_vec(self).ok()?;
        Some(URL_SAFE_NO_PAD.encode(json))
    }

    pub(super) fn decode(text: &str, order: &[SortKey]) -> Result<Self, ListError> {
        let json = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor: Option<Self> = json.and_then(|json| serde_json::from_slice(&json).ok());
        cursor
            .filter(|cursor| cursor.fits(order))
            .ok_or_else(|| refuse("cursor", Rule::NotAllowed))
    }

    /// Whether it can be of a list in this order.
    fn fits(&self, order: &[SortKey]) -> bool {
        let fits = |(key, value): (&SortKey, &Option<String>)| match value {
            Some(value) if value.contains('\0') => false,
            Some(value) => Field::new("", "", key.kind).bound(value, Op::Eq).is_some(),
            None => key.nullable,
        };
        self.keys.len() == order.len() && self.page >= 0 && self.total >= 0 && order.iter().zip(&self.keys).all(fits)
    }
}

impl Grammar {
    pub(super) fn order(&self, sort: Option<&str>, descending: bool) -> Result<Vec<SortKey>, ListError> {
        let mut keys: Vec<SortKey> = Vec::new();
        let parts = sort.unwrap_or("-createdAt").split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, minus) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
            let field = self.fields.iter().find(|field| field.name == name && field.is_sorted());
            let fields = match (field, self.custom(name)) {
                (Some(field), _) => vec![field.clone()],
                (None, Some((custom, key))) => custom.keyed(key).into(),
                (None, None) => return Err(self.unsorted()),
            };
            for field in fields {
                if keys.iter().any(|key| key.sql == field.sql) {
                    continue; // only the first can decide anything
                }
                if keys.len() == SORT_KEYS_MAX {
                    return Err(refuse("sort", Rule::TooMany { max: SORT_KEYS_MAX }));
                }
                keys.push(SortKey {
                    sql: field.sql,
                    kind: field.kind,
                    nullable: field.nullable,
                    descending: minus || (descending && sort.is_some()),
                });
            }
        }
        // The id makes the order total; it follows the first key, so that an index on both serves.
        let descending = keys.first().is_some_and(|key| key.descending);
        if keys.iter().all(|key| key.sql != "t.id") {
            keys.push(SortKey {
                sql: "t.id".into(),
                kind: ColumnKind::Uuid,
                nullable: false,
                descending,
            });
        }
        Ok(keys)
    }

    fn unsorted(&self) -> ListError {
        let sorted = self.fields.iter().filter(|field| field.is_sorted());
        ListError {
            known: sorted.map(|field| field.name.clone()).collect(),
            ..refuse("sort", Rule::Unknown)
        }
    }
}

impl SortKey {
    /// How it is ordered by; the database's own place for nulls would be first when descending.
    pub fn direction(&self) -> &'static str {
        match (self.descending, self.nullable) {
            (false, _) => "asc",
            (true, false) => "desc",
            (true, true) => "desc nulls last",
        }
    }

    const fn sign(&self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }

    /// That a row's key comes after the value; nulls come after all.
    fn after(&self, value: Option<&str>, or_equal: bool) -> String {
        let (sql, sign, equal) = (&self.sql, self.sign(), if or_equal { "=" } else { "" });
        match (value, self.nullable) {
            (Some(value), true) => format!("({sql} {sign}{equal} {value} or {sql} is null)"),
            (Some(value), false) => format!("{sql} {sign}{equal} {value}"),
            (None, _) if or_equal => format!("{sql} is null"),
            (None, _) => "false".to_owned(),
        }
    }

    fn ties(&self, value: Option<&str>) -> String {
        match value {
            Some(value) => format!("{} = {value}", self.sql),
            None => format!("{} is null", self.sql),
        }
    }
}

impl Query {
    /// "Comes after the cursor's row" in the query's order. Where all keys go one way and none can be null it is one
    /// comparison of rows, else one alternative inside the other, each key named a fixed number of times.
    pub fn beyond(&mut self) -> Option<String> {
        let after = self.after.clone()?;
        let placed: Vec<(SortKey, Option<String>)> = self.order.clone().into_iter().zip(after.keys).collect();
        let placed: Vec<(SortKey, Option<String>)> = placed
            .into_iter()
            .map(|(key, value)| {
                let value = value.map(|value| self.bind(value, key.kind.sql_type()));
                (key, value)
            })
            .collect();
        let (first, start) = placed.first()?;
        let one_way = |(key, _): &(SortKey, _)| key.descending == first.descending && !key.nullable;
        if placed.iter().all(one_way) {
            let keys: Vec<&str> = placed.iter().map(|(key, _)| key.sql.as_str()).collect();
            let values: Vec<&str> = placed.iter().filter_map(|(_, value)| value.as_deref()).collect();
            return Some(format!(
                "({}) {} ({})",
                keys.join(", "),
                first.sign(),
                values.join(", ")
            ));
        }
        let alternatives = placed.iter().rev().fold(None, |rest: Option<String>, (key, value)| {
            let (value, after) = (value.as_deref(), key.after(value.as_deref(), false));
            Some(match rest {
                Some(rest) => format!("({after} or ({} and {rest}))", key.ties(value)),
                None => after,
            })
        })?;
        // Where an index on the first key can begin.
        Some(format!("{} and {alternatives}", first.after(start.as_deref(), true)))
    }
}
