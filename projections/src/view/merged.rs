//! Customers that were merged into another: whoever asks for the other one's things is shown theirs as well. Nothing is rewritten
//! for that, so nothing has to be written back.

use super::{NEWEST, Nested, Scope, View};
use std::borrow::Cow;
use uuid::Uuid;

/// How lists name customers, and the column.
const OF: (&str, &str) = ("customerId", "customer_id");
/// Of one filter.
const VALUES_MAX: usize = 20;

/// Where a list is filtered by customers, those that were merged into them are meant too. Each is looked for by the index that the
/// column has; the second finds nothing where nobody was merged, and costs next to nothing.
pub(super) fn led<'a, V: View>(
    schema: &str,
    pairs: &'a [(String, String)],
    scope: &'a Scope,
) -> (Cow<'a, [(String, String)]>, Cow<'a, Scope>) {
    let unchanged = (Cow::Borrowed(pairs), Cow::Borrowed(scope));
    let (name, column) = OF;
    if !V::columns().iter().any(|has| has.name == column) {
        return unchanged;
    }
    let named = pairs
        .iter()
        .position(|(filter, value)| filter == name && ids(value).is_some());
    let Some((nth, ids)) = named.and_then(|nth| Some((nth, ids(&pairs.get(nth)?.1)?))) else {
        return unchanged;
    };
    let mut scope = scope.clone();
    let placeholders = ids.into_iter().map(|id| {
        scope.values.push(id.to_string());
        format!("{{{}}}::uuid", scope.values.len())
    });
    let placeholders = placeholders.collect::<Vec<_>>().join(", ");
    let own = format!("t.{column} in ({placeholders})");
    let theirs = format!(
        "t.{column} = any(array(select m.id from {schema}.customers m where m.merged_into in ({placeholders}) and m.id not in ({placeholders})))"
    );
    scope.total = None;
    match scope.alternatives.is_empty() {
        true => scope.alternatives = vec![own, theirs],
        false => {
            let both = format!("({own} or {theirs})");
            scope.condition = Some(
                scope
                    .condition
                    .map_or(both.clone(), |other| format!("{other} and {both}")),
            );
        }
    }
    let mut rest = pairs.to_vec();
    rest.remove(nth);
    (Cow::Owned(rest), Cow::Owned(scope))
}

/// The newest rows that name this one `t`, or one that is part of it.
pub(super) fn newest<V: View>(schema: &str, Nested { by, table, .. }: &Nested, reached: &str) -> String {
    let of = |id: &str| {
        format!(
            "select * from {schema}.{table} n where n.{by} = {id}{reached} order by n.created_at desc, n.id desc limit {NEWEST} + 1"
        )
    };
    match V::PART_OF {
        None => of("t.id"),
        Some(column) => format!(
            "select n.* from (select t.id union all select m.id from {schema}.{whole} m where m.{column} = t.id) f(id) \
             cross join lateral ({}) n order by n.created_at desc, n.id desc limit {NEWEST} + 1",
            of("f.id"),
            whole = V::NAME
        ),
    }
}

/// Some ids, if that is what it says; what else it may say is for the grammar to read, or to refuse.
fn ids(value: &str) -> Option<Vec<Uuid>> {
    let ids: Option<Vec<Uuid>> = value.split(',').map(|id| Uuid::parse_str(id.trim()).ok()).collect();
    ids.filter(|ids| (1..=VALUES_MAX).contains(&ids.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::product, sales::deal};

    fn pairs(said: &[(&str, &str)]) -> Vec<(String, String)> {
        said.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_filter_by_customers_finds_what_was_merged_into_them() {
        let id = "01a1fe4c-7fd5-7541-bd40-aaab1b2482bc";
        let said = pairs(&[("stage", "WON"), ("customerId", id)]);
        let none = Scope::default();
        let (rest, scope) = led::<deal::Row>("s", &said, &none);
        assert_eq!(*rest, pairs(&[("stage", "WON")]));
        assert_eq!(scope.values, [id]);
        let theirs = "t.customer_id = any(array(select m.id from s.customers m \
            where m.merged_into in ({1}::uuid) and m.id not in ({1}::uuid)))";
        assert_eq!(scope.alternatives, ["t.customer_id in ({1}::uuid)", theirs]);
        let of_one = Scope {
            alternatives: vec!["a".into()],
            condition: Some("b".into()),
            ..Scope::default()
        };
        let (_, scope) = led::<deal::Row>("s", &said, &of_one);
        let condition = format!("b and (t.customer_id in ({{1}}::uuid) or {theirs})");
        assert_eq!(
            (&*scope.alternatives, scope.condition.as_deref()),
            (&["a".to_owned()][..], Some(&*condition))
        );
    }

    #[test]
    fn what_is_no_such_filter_is_left_to_the_grammar() {
        let none = Scope::default();
        for said in [
            &[("customerId", "x")][..],
            &[("customerId", "")],
            &[("customerId[ne]", "x")],
            &[],
        ] {
            let said = pairs(said);
            let (rest, scope) = led::<deal::Row>("s", &said, &none);
            assert_eq!((&*rest, scope.alternatives.len()), (&*said, 0));
        }
        let said = pairs(&[("customerId", "01a1fe4c-7fd5-7541-bd40-aaab1b2482bc")]);
        assert_eq!(*led::<product::Row>("s", &said, &none).0, *said);
    }
}
