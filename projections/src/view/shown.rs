//! What is shown of a row beside its columns, and how a row's texts become JSON.

use super::Owned;
use crate::column::{ColumnKind, Rights};
use domain::Permission;

/// A field as it is shown: its name, an expression over the row `t`, and what its text is.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    pub sql: String,
    pub kind: ColumnKind,
}

impl Shown {
    pub fn new(name: impl Into<String>, sql: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            sql: sql.into(),
            kind,
        }
    }
}

/// A row as a JSON object, added to what is written already. Numbers, flags and JSON are written as the database writes
/// them, for they pass through nothing that could change them.
pub fn write(out: &mut String, fields: &[Shown], texts: &[Option<String>]) -> Result<(), serde_json::Error> {
    for (n, (field, text)) in fields.iter().zip(texts).enumerate() {
        out.push_str(if n == 0 { "{\"" } else { ",\"" });
        out.push_str(&field.name);
        out.push_str("\":");
        match (text, field.kind) {
            (None, _) => out.push_str("null"),
            (Some(text), ColumnKind::Number | ColumnKind::Bool | ColumnKind::Json | ColumnKind::Tags | ColumnKind::Custom) => {
                out.push_str(text)
            }
            (Some(text), _) => out.push_str(&serde_json::to_string(text)?),
        }
    }
    out.push('}');
    Ok(())
}

/// Something shown or filtered by that is not a column of the row: an expression over `t`, with `{s}` for the schema.
#[derive(Debug, Clone, Copy)]
pub struct Computed {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub sql: &'static str,
    pub nullable: bool,
    pub rights: Rights,
    /// What readers without the right are shown instead; `None`: nothing.
    pub otherwise: Option<&'static str>,
    /// The condition that each word of a choice means, where an index can serve it and the expression could not.
    pub cases: &'static [(&'static str, &'static str)],
    /// Whose the row `c` is that the expression looks at: `{reached}` in it holds where the reader's right reaches to that
    /// one. In details only.
    pub owned: Option<Owned>,
}

impl Computed {
    pub const fn new(name: &'static str, kind: ColumnKind, sql: &'static str) -> Self {
        Self {
            name,
            kind,
            sql,
            nullable: false,
            rights: Rights::ALL,
            otherwise: None,
            cases: &[],
            owned: None,
        }
    }

    /// It may be empty; such rows come last in either order.
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Only with this permission.
    pub const fn right(self, permission: Permission) -> Self {
        let rights = Rights::of(permission);
        Self { rights, ..self }
    }

    /// Or with this one.
    pub const fn or_right(self, permission: Permission) -> Self {
        let rights = self.rights.or(permission);
        Self { rights, ..self }
    }

    pub const fn otherwise(self, sql: &'static str) -> Self {
        Self {
            otherwise: Some(sql),
            ..self
        }
    }

    pub const fn owned(self, owned: Option<Owned>) -> Self {
        Self { owned, ..self }
    }

    pub const fn cases(self, cases: &'static [(&'static str, &'static str)]) -> Self {
        Self { cases, ..self }
    }
}

/// A row that this one names, by which lists are filtered: `customer.type=COMPANY`.
#[derive(Debug, Clone, Copy)]
pub struct Related {
    /// How filters begin.
    pub name: &'static str,
    /// The column that holds its id, …
    pub by: &'static str,
    /// … and the table it is in.
    pub table: &'static str,
    /// Whose those are: what a right does not reach to is not found by either.
    pub owned: Option<Owned>,
    pub fields: &'static [(&'static str, ColumnKind)],
}

/// Other rows that name this one: the newest of them are shown, and where the rest is.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    pub name: &'static str,
    pub table: &'static str,
    /// Their column that holds this one's id.
    pub by: &'static str,
    /// An item: a JSON expression over the row `n`.
    pub item: &'static str,
    /// The list of all of them, up to the id; `None` where there is none yet.
    pub rest: Option<&'static str>,
    pub rights: Rights,
    /// Whose they are.
    pub owned: Option<Owned>,
    pub otherwise: Option<&'static str>,
}

impl Nested {
    pub const fn new(name: &'static str, table: &'static str, by: &'static str, item: &'static str) -> Self {
        Self {
            name,
            table,
            by,
            item,
            rest: None,
            rights: Rights::ALL,
            owned: None,
            otherwise: None,
        }
    }

    /// Where the rest is: `/orders?customerId=`.
    pub const fn rest(self, path: &'static str) -> Self {
        Self {
            rest: Some(path),
            ..self
        }
    }

    /// Only with this permission.
    pub const fn right(self, permission: Permission) -> Self {
        let rights = Rights::of(permission);
        Self { rights, ..self }
    }

    /// Or with this one.
    pub const fn or_right(self, permission: Permission) -> Self {
        let rights = self.rights.or(permission);
        Self { rights, ..self }
    }

    /// As far as the right to them reaches.
    pub const fn owned(self, owned: Option<Owned>) -> Self {
        Self { owned, ..self }
    }

    /// An item for readers without the right; without this, the whole list is left out.
    pub const fn otherwise(self, item: &'static str) -> Self {
        Self {
            otherwise: Some(item),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_they_are() {
        let kinds = [
            ColumnKind::Text,
            ColumnKind::Number,
            ColumnKind::Bool,
            ColumnKind::Json,
            ColumnKind::Uuid,
        ];
        let fields: Vec<Shown> = kinds.into_iter().map(|kind| Shown::new("f", "", kind)).collect();
        let texts = ["say \"no\"\n", "10.50", "true", "[1]", "7"].map(|text| Some(text.to_owned()));
        let mut out = String::new();
        write(&mut out, &fields, &texts).unwrap();
        assert_eq!(out, r#"{"f":"say \"no\"\n","f":10.50,"f":true,"f":[1],"f":"7"}"#);
        out.clear();
        write(&mut out, &fields[..1], &[None]).unwrap();
        assert_eq!(out, r#"{"f":null}"#);
    }
}
