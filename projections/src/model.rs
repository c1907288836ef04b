//! A read model's table as this build makes it. A table whose fingerprint is another, which stands as a comment on it, was made
//! by another build: it is not altered but made anew from the log. So there is no history of its SQL to be replayed.

use crate::{table::Table, tenant_tables};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Where the rows of a schema stand.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// How many rows there are.
pub(crate) use crate::counts::COUNTS;

/// What a workspace's tables need beside them; changed, it makes all of them others.
pub(crate) const BASE: [(&str, &str); 2] = [
    (CHECKPOINT, include_str!("../../migrations/tenant/checkpoint.sql")),
    (COUNTS, include_str!("../../migrations/tenant/counts.sql")),
];

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub name: &'static str,
    sql: &'static str,
    /// What rows of this build are known by.
    pub fingerprint: String,
}

/// All of a workspace's, in the order of `tenant_tables`.
pub(crate) static MODELS: LazyLock<Vec<Model>> =
    LazyLock::new(|| tenant_tables().iter().map(|table| table.model()).collect());

/// What this build's nodes are known by: those of two builds share tables, but not the work on them.
pub(crate) static BUILD: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<&str> = MODELS.iter().map(|model| model.fingerprint.as_str()).collect();
    digest(all).chars().take(8).collect()
});

impl Model {
    pub fn of<T: Table>() -> Self {
        let fold = T::FOLD.to_string();
        let known_by = BASE.iter().map(|(_, sql)| *sql).chain([T::SQL, fold.as_str()]);
        Self {
            name: T::NAME,
            sql: T::SQL,
            fingerprint: match pretended(T::NAME) {
                true => digest(known_by.chain(["of another build"])),
                false => digest(known_by),
            },
        }
    }

    /// The statement that makes the table, and those that make its indexes.
    pub fn statements(&self) -> (String, String) {
        let at = self.sql.find("\ncreate index").map_or(self.sql.len(), |at| at + 1);
        let (table, indexes) = self.sql.split_at(at);
        (table.to_owned(), indexes.to_owned())
    }
}

fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Lets a test of ours be a node of another build, whose tables of these names are others. Not in a build for production.
fn pretended(table: &str) -> bool {
    let others = std::env::var("PROMETRIC_OTHER_TABLES")
        .ok()
        .filter(|_| cfg!(debug_assertions));
    others.is_some_and(|names| names.split(',').any(|name| name == table))
}

#[cfg(test)]
mod tests {
    use super::MODELS;

    #[test]
    fn a_table_is_made_first_and_then_its_indexes() {
        for model in MODELS.iter() {
            let (table, indexes) = model.statements();
            let statements = |text: &str, what: &str| text.lines().filter(|line| line.starts_with(what)).count();
            assert_eq!(
                (statements(&table, "create table"), statements(&table, "create")),
                (1, 1),
                "{}",
                model.name
            );
            assert_eq!(
                statements(&indexes, "create index"),
                statements(&indexes, "create"),
                "{}",
                model.name
            );
            assert!(table.contains(&format!("create table {{schema}}.{} (", model.name)));
        }
    }
}
