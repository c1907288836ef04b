//! A table's columns: what is kept in them, who may see them, and what a list may do with them.

use domain::{
    Permission,
    field::{Field, FieldKind},
};

/// What a column holds, as far as filters and orders care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Number,
    Bool,
    Uuid,
    Date,
    /// An instant.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of words: filtered by what it holds, not sorted by.
    Tags,
    /// Values of the workspace's own fields: filtered and sorted by each, `custom.size=5`, `sort=custom.size`.
    Custom,
    /// Shown, but neither filtered nor sorted by.
    Json,
    /// Kept for folding and queries, never shown.
    Hidden,
}

impl ColumnKind {
    /// Whether a list can be ordered by it.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Tags | Self::Custom | Self::Json | Self::Hidden)
    }

    /// Whether it has a before and an after.
    pub const fn is_comparable(self) -> bool {
        matches!(self, Self::Number | Self::Date | Self::Time)
    }

    /// What its values are cast to, for they are bound as text.
    pub const fn sql_type(self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) | Self::Hidden => "text",
            Self::Number => "numeric",
            Self::Bool => "boolean",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Time => "timestamptz",
            Self::Tags | Self::Custom | Self::Json => "jsonb",
        }
    }
}

/// Who may see something: holders of any of these; with none named, everybody who may see the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights([Option<Permission>; 2]);

impl Rights {
    pub const ALL: Self = Self([None, None]);

    pub const fn of(permission: Permission) -> Self {
        Self([Some(permission), None])
    }

    pub const fn or(self, permission: Permission) -> Self {
        Self([self.0[0], Some(permission)])
    }

    pub fn allow(&self, may: impl Fn(Permission) -> bool) -> bool {
        let mut named = self.0.iter().flatten().peekable();
        named.peek().is_none() || named.any(|permission| may(*permission))
    }
}

/// A column, in the database's spelling; clients see it in camelCase.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub nullable: bool,
    pub rights: Rights,
}

impl Column {
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            rights: Rights::ALL,
        }
    }

    /// Of the noun's list of fields.
    pub const fn of(field: &Field) -> Self {
        let kind = match field.kind {
            FieldKind::Text => ColumnKind::Text,
            FieldKind::Number => ColumnKind::Number,
            FieldKind::Bool => ColumnKind::Bool,
            FieldKind::Uuid => ColumnKind::Uuid,
            FieldKind::Date => ColumnKind::Date,
            FieldKind::Time => ColumnKind::Time,
            FieldKind::Choice(words) => ColumnKind::Choice(words),
            FieldKind::Tags => ColumnKind::Tags,
            FieldKind::Custom => ColumnKind::Custom,
            FieldKind::Json => ColumnKind::Json,
        };
        Self {
            nullable: field.nullable,
            ..Self::new(field.column, kind)
        }
    }

    /// It may be empty; such rows come last in either order.
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Without this permission the column is not there: neither shown, nor filtered, nor sorted by.
    pub const fn right(self, permission: Permission) -> Self {
        let rights = Rights::of(permission);
        Self { rights, ..self }
    }

    /// Or with this one.
    pub const fn or_right(self, permission: Permission) -> Self {
        let rights = self.rights.or(permission);
        Self { rights, ..self }
    }
}

/// `deal_number` → `dealNumber`.
pub fn camel_case(column: &str) -> String {
    let mut out = String::with_capacity(column.len());
    let mut upper = false;
    for c in column.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// `dealNumber` → `deal_number`.
pub fn snake_case(field: &str) -> String {
    let mut out = String::with_capacity(field.len() + 4);
    push_snake_case(&mut out, field);
    out
}

/// The same, behind what is there.
pub(crate) fn push_snake_case(out: &mut String, field: &str) {
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_table_finds_its_way_back() {
        for name in ["id", "deal_number", "last_order_date", "type"] {
            assert_eq!(snake_case(&camel_case(name)), name);
        }
    }
}
