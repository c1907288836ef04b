//! Rows that are trees: each names the one that it is below.

use crate::{
    Readers,
    view::{Reader, View},
};
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// One with those below it.
pub(crate) trait Branching: DeserializeOwned + Send + Unpin + 'static {
    fn id(&self) -> Uuid;
    fn parent(&self) -> Option<Uuid>;
    fn children(&mut self) -> &mut Vec<Self>;
}

/// What the statement finds, as JSON in its order: those that are below no other, each with what is below it. So many levels
/// and no more.
pub(crate) async fn found<B: Branching>(
    reader: Reader<'_>,
    statement: String,
    levels_max: usize,
) -> Result<Vec<B>, sqlx::Error> {
    let mut session = reader.enter().await?;
    let rows: Vec<Json<B>> = sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_all(&mut *session)
        .await?;
    session.leave();
    Ok(grown(rows.into_iter().map(|Json(branch)| branch).collect(), levels_max))
}

/// The rules see to it that nothing is below itself; what names a parent that is not there stands at the top.
fn grown<B: Branching>(branches: Vec<B>, levels_max: usize) -> Vec<B> {
    let known: HashSet<Uuid> = branches.iter().map(B::id).collect();
    let mut below: HashMap<Option<Uuid>, Vec<B>> = HashMap::new();
    for branch in branches {
        let parent = branch.parent().filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(branch);
    }
    gather(&mut below, None, levels_max)
}

fn gather<B: Branching>(below: &mut HashMap<Option<Uuid>, Vec<B>>, parent: Option<Uuid>, levels: usize) -> Vec<B> {
    if levels == 0 {
        return vec![];
    }
    let mut here = below.remove(&parent).unwrap_or_default();
    for branch in &mut here {
        *branch.children() = gather(below, Some(branch.id()), levels - 1);
    }
    here
}

/// How many levels hang below one, whoever may see them; those from `levels_max` on are not counted.
pub async fn levels_below<V: View>(
    readers: &Readers,
    schema: &str,
    id: Uuid,
    levels_max: usize,
) -> Result<usize, sqlx::Error> {
    let levels = format!(
        "with recursive below(id, level) as (select $1::uuid, 0 \
         union all select t.id, b.level + 1 from {schema}.{} t join below b on t.parent_id = b.id \
         where {} and b.level < $2) select max(level) from below",
        V::NAME,
        V::VISIBLE
    );
    let mut session = readers.enter(schema).await?;
    let found: i32 = sqlx::query_scalar(AssertSqlSafe(levels))
        .bind(id)
        .bind(i32::try_from(levels_max).unwrap_or(i32::MAX))
        .fetch_one(&mut *session)
        .await?;
    session.leave();
    Ok(usize::try_from(found).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Branch {
        id: u128,
        parent: Option<u128>,
        #[serde(default)]
        children: Vec<Branch>,
    }

    impl Branching for Branch {
        fn id(&self) -> Uuid {
            Uuid::from_u128(self.id)
        }

        fn parent(&self) -> Option<Uuid> {
            self.parent.map(Uuid::from_u128)
        }

        fn children(&mut self) -> &mut Vec<Self> {
            &mut self.children
        }
    }

    fn branch(id: u128, parent: Option<u128>) -> Branch {
        Branch {
            id,
            parent,
            children: vec![],
        }
    }

    fn told(branches: &[Branch]) -> String {
        let one = |branch: &Branch| format!("{}({})", branch.id, told(&branch.children));
        branches.iter().map(one).collect()
    }

    #[test]
    fn a_tree_has_everything_once_in_its_place() {
        let all = vec![
            branch(4, Some(2)),
            branch(2, Some(1)),
            branch(1, None),
            branch(3, Some(1)),
            branch(5, Some(9)),
        ];
        assert_eq!(told(&grown(all, 3)), "1(2(4())3())5()");
    }

    #[test]
    fn a_tree_ends_where_there_are_too_many_levels() {
        let chain = (1..=5).map(|n| branch(n, (n > 1).then(|| n - 1)));
        assert_eq!(told(&grown(chain.collect(), 3)), "1(2(3()))");
    }
}
