//! What is shown of a row beside its columns.

use crate::column::{ColumnKind, Rights};
use domain::Permission;

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

    pub const fn otherwise(self, sql: &'static str) -> Self {
        Self {
            otherwise: Some(sql),
            ..self
        }
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

    /// An item for readers without the right; without this, the whole list is left out.
    pub const fn otherwise(self, item: &'static str) -> Self {
        Self {
            otherwise: Some(item),
            ..self
        }
    }
}
