//! The connection breaks while a commit is under way: nobody knows, until they ask again by their command ids.

use super::{
    Asking, at_once, claims,
    proxy::{Way, Wire},
    to, whole,
};
use log::{Append, AppendError};
use prometric_tests::Database;
use uuid::Uuid;

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let database = Database::create().await;
    let ((node, wire), pool) = (Wire::node(&database).await, database.pool().await);
    let other = database.log().await;
    let workspace = Uuid::now_v7();
    for version in 0..2 {
        node.append(to(workspace).stream(1, version, 1)).await.unwrap(); // now it knows where the log stands
    }
    let lone = |nth: u128| vec![to(workspace).stream(nth, 0, 1).command(nth, 1)];
    let several = |nth: u128| {
        let second = to(workspace)
            .numbered(nth + 2, 0, "DL", 2)
            .takes(nth + 2, &nth.to_string());
        let loser = to(workspace).stream(nth + 4, 9, 1).command(nth + 4, 1);
        [lone(nth), vec![second.command(nth + 2, 1), loser]].concat()
    };
    for (nth, way) in [(1, Way::Back), (2, Way::There)] {
        for asked in [lone(1000 * nth), several(1000 * nth + 10)] {
            wire.cut(way);
            let answers = at_once(&node, asked.clone()).await;
            assert!(!wire.is_armed());
            for answer in answers {
                assert!(matches!(answer, Err(AppendError::Unknown)), "{answer:?}");
            }
            // What was lost of a batch with a loser is the answer to a look, and nothing is written yet.
            let is_written = way == Way::Back && asked.len() == 1;
            for append in asked {
                let written = |append: &Append| is_written && append.streams[0].expected == Some(0);
                let before = other.find_command(workspace, append.command.unwrap()).await.unwrap();
                assert_eq!(before.is_some(), written(&append), "{way:?}: {append:?}");
                let again = node.append(append.clone()).await;
                if append.streams[0].expected == Some(9) {
                    assert!(matches!(again, Err(AppendError::Version { actual: 0, .. })));
                    continue;
                }
                let again = again.unwrap();
                assert_eq!(again.repeated.is_some(), written(&append), "{way:?}");
                assert!(before.is_none_or(|before| before == again));
            }
        }
    }
    assert_eq!(whole(&other, &pool, workspace).await.len(), 10);
    assert_eq!(claims(&pool, workspace).await.len(), 2);
}
