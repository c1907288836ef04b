//! Rights on rows: the condition that a reader's right sets for rows that are somebody's. It is put into every statement that
//! shows them, so that a list, its totals, one resource and what is nested in others agree on who sees what.

use super::Reader;
use domain::{Permission, Reach, id::UserId};

/// Whose a table's rows are.
#[derive(Debug, Clone, Copy)]
pub struct Owned {
    /// The right to see them.
    pub right: Permission,
    /// The column with the user.
    pub user: &'static str,
    /// The column with the department, where rows are in one themselves.
    pub department: Option<&'static str>,
}

/// Whose rows the reader's right reaches to, where each is one user's or nobody's; nothing: everybody's.
pub(crate) fn reached_users(reader: Reader<'_>, owned: Option<Owned>) -> Option<Vec<UserId>> {
    let (owned, standing) = (owned?, reader.standing?);
    match standing.rights.reach(owned.right) {
        Some(Reach::All) => None,
        Some(Reach::Own) => Some(vec![standing.user]),
        Some(Reach::Department) => Some(standing.circle.users.iter().copied().chain([standing.user]).collect()),
        None => Some(vec![]),
    }
}

/// Rows that are whoever's another row is, as what was done about a deal.
#[derive(Debug, Clone, Copy)]
pub struct Within {
    /// Where the other row is, …
    pub table: &'static str,
    /// … the column that holds its id, …
    pub by: &'static str,
    /// … and whose it is.
    pub owned: Option<Owned>,
}

/// The same as `limit`, of rows that are within others.
pub(super) fn limit_within(
    reader: Reader<'_>,
    within: Option<Within>,
    row: &str,
    bind: impl FnMut(String) -> String,
) -> Option<String> {
    let Within { table, by, owned } = within?;
    let reached = limit(reader, owned, "o", bind)?;
    let schema = reader.schema;
    Some(format!(
        "exists (select from {schema}.{table} o where o.id = {row}.{by} and {reached})"
    ))
}

/// Which rows, under that name, the reader's right reaches to; nothing: all of them. `bind` takes a value and answers its
/// placeholder.
pub(super) fn limit(
    reader: Reader<'_>,
    owned: Option<Owned>,
    row: &str,
    mut bind: impl FnMut(String) -> String,
) -> Option<String> {
    let (owned, standing) = (owned?, reader.standing?);
    let own = owned.user;
    match standing.rights.reach(owned.right) {
        Some(Reach::All) => None,
        Some(Reach::Own) => Some(format!("{row}.{own} = {}::uuid", bind(standing.user.to_string()))),
        Some(Reach::Department) => {
            let circle = &standing.circle;
            let users = circle.users.iter().chain([&standing.user]);
            let users = format!("{row}.{own} = any({}::uuid[])", bind(array(users)));
            Some(match owned.department {
                None => users,
                Some(column) => {
                    let departments = bind(array(&circle.departments));
                    format!("({users} or {row}.{column} = any({departments}::uuid[]))")
                }
            })
        }
        None => Some("false".to_owned()),
    }
}

fn array<T: ToString>(ids: impl IntoIterator<Item = T>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("{{{}}}", ids.join(","))
}
