//! Between any two statements of a commit something goes wrong, while two nodes write to the same workspaces.

use super::{Answer, Asking, at_once, claims, event_ids, id, to, whole};
use futures::future::join;
use log::{Append, AppendError, Log};
use prometric_tests::{
    Database,
    fault::{Action, Faults},
};
use sqlx::PgPool;
use std::collections::HashMap;
use uuid::Uuid;

/// How the batch gets into the tables.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// Some of it loses, and some names no version: the log is looked at first.
    Judged,
    /// By one plain statement, because its node knows where everything stands.
    Straight,
    /// Likewise, after locking and looking, because another node has written in between.
    Locked,
}

/// Two nodes and what they write to.
struct Scene {
    database: Database,
    pool: PgPool,
    nodes: [Log; 2],
    faults: Faults,
    workspaces: [Uuid; 3],
    way: Way,
    /// Everything that was asked for in these workspaces, and its last answer.
    asked: Vec<(Append, Answer)>,
    round: u128,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::create().await;
        let nodes = [database.log().await, database.log().await];
        let pool = database.pool().await;
        Self {
            faults: Faults::install(&pool).await,
            database,
            pool,
            nodes,
            workspaces: [Uuid::nil(); 3],
            way: Way::Judged,
            asked: vec![],
            round: 0,
        }
    }

    /// Every point, on each way that leads there.
    fn points(&self) -> Vec<(Way, &'static str)> {
        let points = self.faults.points().into_iter();
        let ways = points.flat_map(|point| [Way::Judged, Way::Straight, Way::Locked].map(|way| (way, point)));
        ways.collect()
    }

    /// New workspaces, so that looking at everything stays cheap; all is well in them, and their writers know it.
    async fn start(&mut self, way: Way) {
        self.faults.disarm().await;
        self.asked.clear();
        self.way = way;
        for (workspace, node) in self.workspaces.iter_mut().zip([0, 0, 1]) {
            *workspace = Uuid::now_v7();
            let first = to(*workspace).stream(1, 0, 1).takes(1, "held").takes(1, "old");
            let first = first.numbered(90, 0, "DL", 1);
            self.nodes[node].append(first).await.unwrap();
            let others = [1 - node, node].into_iter().filter(|_| way == Way::Locked);
            for (node, stream) in others.zip(2..) {
                let more = to(*workspace).stream(100 + stream, 0, 1);
                self.nodes[node].append(more).await.unwrap();
            }
        }
    }

    /// New streams and known ones, keys, numbers, guards, several streams; on the judged way two losers as well. All
    /// under command ids.
    fn batch(&mut self) -> Vec<Append> {
        self.round += 1;
        let [one, other, _] = self.workspaces;
        let new = |nth: u128| self.round * 1000 + nth;
        let key = format!("key-{}", self.round);
        let mut asked = vec![
            to(one).stream(new(1), 0, 1),
            to(one).stream(new(2), 0, 2).stream(new(3), 0, 1),
            to(one).stream(new(4), 0, 1).takes(new(4), &key).guard(1, 1),
            to(other).stream(new(5), 0, 1).takes(new(5), &key).releases(1, "old"),
            to(one).numbered(new(6), 0, "DL", 2),
        ];
        if self.way == Way::Judged {
            asked.extend([
                to(one).stream(2, None, 2),
                to(one).numbered(new(7), 7, "DL", 1), // is not there yet
                to(one).numbered(new(8), 0, "DL", 1).takes(new(8), "held"),
                to(other).numbered(new(9), 0, "DL", 1).stream(new(10), None, 2),
            ]);
        }
        let asked = asked.into_iter().enumerate();
        asked.map(|(nth, append)| append.command(new(nth as u128), 1)).collect()
    }

    /// In the batch's way, or in a workspace of its own.
    fn lone(&self) -> Append {
        let new = self.round * 1000 + 500;
        let workspace = match self.way {
            Way::Judged => self.workspaces[0],
            Way::Straight | Way::Locked => self.workspaces[2],
        };
        to(workspace)
            .stream(new, 0, 1)
            .takes(new, &format!("lone-{new}"))
            .command(new, 1)
    }

    /// A batch on one node and a lone append on the other, at once.
    async fn write(&mut self) -> (Vec<Answer>, Answer) {
        let (batch, lone) = (self.batch(), self.lone());
        let together = join(
            at_once(&self.nodes[0], batch.clone()),
            self.nodes[1].append(lone.clone()),
        );
        let (answers, answer) = together.await;
        let copies = answers.iter().chain([&answer]).map(copy).collect::<Vec<_>>();
        self.asked.extend(batch.into_iter().chain([lone]).zip(copies));
        (answers, answer)
    }

    /// And nothing goes wrong.
    async fn write_well(&mut self) {
        let before = self.asked.len();
        let _answers = self.write().await;
        for (append, answer) in &self.asked[before..] {
            assert_eq!(answer.is_err(), loses(append), "{answer:?} to {append:?}");
        }
    }

    /// Acknowledged: there, once and as told. Refused: not there. Unknown: all of it or nothing.
    async fn judge(&self) {
        let mut there = HashMap::new();
        for workspace in self.workspaces {
            for event in whole(&self.nodes[0], &self.pool, workspace).await {
                assert!(there.insert(event.event_id, event).is_none(), "twice");
            }
        }
        let begun_with = if self.way == Way::Locked { 4 } else { 2 };
        let mut expected = begun_with * self.workspaces.len();
        for (append, answer) in &self.asked {
            let ids = event_ids([append]);
            let found: Vec<_> = ids.iter().filter_map(|id| there.get(id)).collect();
            let written = match answer {
                Ok(appended) => {
                    assert_eq!(found, appended.recorded().iter().collect::<Vec<_>>());
                    true
                }
                Err(AppendError::Unknown) => !found.is_empty(),
                Err(_) => false,
            };
            assert_eq!(
                found.len(),
                if written { ids.len() } else { 0 },
                "{append:?} {answer:?}"
            );
            expected += found.len();
            let held = claims(&self.pool, append.workspace).await;
            for claim in append
                .claims
                .iter()
                .filter(|claim| claim.key != "held" && claim.key != "old")
            {
                assert_eq!(held.contains_key(&claim.key), written, "{append:?} {answer:?}");
            }
            let known = self.nodes[0]
                .find_command(append.workspace, append.command.unwrap())
                .await;
            assert_eq!(known.unwrap().is_some(), written, "{append:?} {answer:?}");
        }
        assert_eq!(there.len(), expected, "nothing that nobody asked for");
    }

    /// Whoever was not answered asks again, on the other node, and gets what there is; a second time the same.
    async fn ask_again(&mut self) {
        for (append, answer) in &mut self.asked {
            if matches!(
                answer,
                Ok(_) | Err(AppendError::Version { .. } | AppendError::Claimed { .. })
            ) {
                continue;
            }
            let before = self.nodes[1]
                .find_command(append.workspace, append.command.unwrap())
                .await
                .unwrap();
            let again = self.nodes[1].append(append.clone()).await;
            if let Some(before) = before {
                assert_eq!(again.as_ref().unwrap(), &before);
            }
            if let Ok(again) = &again {
                let same = self.nodes[0].append(append.clone()).await.unwrap();
                assert_eq!(
                    (&same.events, same.repeated),
                    (&again.events, Some(append.answer.clone()))
                );
            }
            *answer = again;
        }
        for (append, answer) in &self.asked {
            let loses = loses(append);
            match answer {
                Ok(_) => assert!(!loses),
                Err(AppendError::Version { actual: 0, .. }) => assert!(loses),
                Err(AppendError::Claimed { owner, .. }) => assert!(loses && *owner == id(1)),
                Err(other) => panic!("{other:?} to {append:?}"),
            }
        }
    }

    /// A round with a fault at that point, which one of the two meets.
    async fn suffer(&mut self, (way, point): &(Way, &'static str), action: Action, hurt: fn(&Answer) -> bool) {
        self.start(*way).await;
        self.faults.arm(point, action, 1).await;
        let (batch, lone) = self.write().await;
        assert!(
            self.faults.passed(point).await > 0,
            "{way:?} does not lead to {point:?}"
        );
        assert!(
            one_is(hurt, &batch, &lone),
            "{action:?} at {point:?}, {way:?}: {batch:?}, {lone:?}"
        );
        self.recover().await;
    }

    /// All is as it was told; whoever asks again is answered; and it goes on, the fault being used up.
    async fn recover(&mut self) {
        self.judge().await;
        self.ask_again().await;
        self.write_well().await;
        self.judge().await;
    }
}

/// All of the batch, or the lone one.
fn one_is(hurt: fn(&Answer) -> bool, batch: &[Answer], lone: &Answer) -> bool {
    match hurt(lone) {
        true => !batch.iter().any(hurt),
        false => batch.iter().all(hurt),
    }
}

/// Is refused however all else goes.
fn loses(append: &Append) -> bool {
    append.streams[0].expected == Some(7) || append.claims.iter().any(|claim| claim.key == "held")
}

/// Errors of the driver cannot be cloned; what they say does not matter here.
fn copy(answer: &Answer) -> Answer {
    Err(match answer {
        Ok(appended) => return Ok(appended.clone()),
        Err(AppendError::Version {
            stream_id,
            expected,
            actual,
        }) => AppendError::Version {
            stream_id: *stream_id,
            expected: *expected,
            actual: *actual,
        },
        Err(AppendError::Claimed { kind, key, owner }) => AppendError::Claimed {
            kind,
            key: key.clone(),
            owner: *owner,
        },
        Err(AppendError::Unavailable(_)) => AppendError::Unavailable(sqlx::Error::PoolClosed),
        Err(AppendError::Refused(_)) => AppendError::Refused(sqlx::Error::PoolClosed),
        Err(AppendError::Unknown) => AppendError::Unknown,
        Err(other) => panic!("{other:?}"),
    })
}

fn unavailable(answer: &Answer) -> bool {
    matches!(answer, Err(AppendError::Unavailable(_)))
}

fn unknown(answer: &Answer) -> bool {
    matches!(answer, Err(AppendError::Unknown))
}

#[tokio::test]
async fn a_store_that_cannot_write_is_told_and_nothing_is_written() {
    let mut scene = Scene::new().await;
    // I/O error, disk full, read-only, out of memory, cancelled, data corrupted.
    let codes = ["58030", "53100", "25006", "53200", "57014", "XX001"];
    for (point, code) in scene.points().iter().zip(codes.iter().cycle()) {
        scene.suffer(point, Action::Raise(code), unavailable).await;
    }
}

#[tokio::test]
async fn a_backend_that_dies_leaves_the_outcome_unknown_until_asked_again() {
    let mut scene = Scene::new().await;
    for point in scene.points() {
        scene.suffer(&point, Action::Terminate, unknown).await;
    }
}

/// A deadlock is tried again, a violated key is looked into, and what else is refused is asked for one by one: none of
/// it is any caller's business.
#[tokio::test]
async fn what_can_be_mended_is_mended_unseen() {
    let mut scene = Scene::new().await;
    for (way, point) in scene.points() {
        for (code, times) in [("40P01", 2), ("23505", 1), ("P0001", 1)] {
            scene.start(way).await;
            scene.faults.arm(point, Action::Raise(code), times).await;
            let (batch, lone) = scene.write().await;
            assert!(scene.faults.passed(point).await >= times);
            // A lone append that is refused, nobody knows why, stays refused.
            let refused = usize::from(code == "P0001" && matches!(lone, Err(AppendError::Refused(_))));
            let failed = batch.iter().chain([&lone]).filter(|answer| answer.is_err()).count();
            let losers = if way == Way::Judged { 2 } else { 0 };
            assert_eq!(
                failed,
                refused + losers,
                "{code} at {point:?}, {way:?}: {batch:?}, {lone:?}"
            );
            scene.judge().await;
        }
    }
}

#[tokio::test]
async fn a_backend_that_is_cancelled_or_killed_from_outside_is_told_by_its_callers() {
    let mut scene = Scene::new().await;
    let cancel: (_, fn(&Answer) -> bool) = ("select pg_cancel_backend($1)", unavailable);
    let kill: (_, fn(&Answer) -> bool) = ("select pg_terminate_backend($1)", unknown);
    for ((way, point), (end, hurt)) in scene.points().into_iter().zip([cancel, kill].into_iter().cycle()) {
        scene.start(way).await;
        let mut gate = scene.faults.close_gate(point).await;
        scene.faults.arm(point, Action::Wait, 1).await;
        let pool = scene.pool.clone();
        let end = async {
            let backend = gate.first_waiting().await;
            let ended = sqlx::query_scalar(end).bind(backend).fetch_one(&pool).await;
            assert_eq!(ended.ok(), Some(true));
        };
        let ((batch, lone), ()) = join(scene.write(), end).await;
        gate.open().await;
        assert!(one_is(hurt, &batch, &lone), "{point:?}, {way:?}: {batch:?}, {lone:?}");
        scene.recover().await;
    }
}

#[tokio::test]
async fn another_node_waits_for_the_workspace_and_not_for_others() {
    let mut scene = Scene::new().await;
    let third = scene.database.log().await;
    for point in scene.faults.points() {
        scene.start(Way::Judged).await;
        let [one, other, _] = scene.workspaces;
        let mut gate = scene.faults.close_gate(point).await;
        scene.faults.arm(point, Action::Wait, 1).await;
        let asked = to(one)
            .numbered(3, None, "DL", 1)
            .takes(3, "a")
            .releases(1, "old")
            .command(1, 1);
        let [node, next] = scene.nodes.clone();
        let first = tokio::spawn(async move { node.append(asked).await });
        gate.first_waiting().await;
        let second = tokio::spawn(async move { next.append(to(one).numbered(3, None, "DL", 2)).await });
        third.append(to(other).stream(77, None, 1)).await.unwrap();
        assert!(!first.is_finished(), "{point}");
        // At the first door nothing is locked yet.
        if point != "moving" {
            assert!(!second.is_finished(), "{point}");
        }
        gate.open().await;
        let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
        let positions = (first.position, second.position);
        assert!([(3, 5), (5, 4)].contains(&positions), "{point}: {positions:?}");
        whole(&third, &scene.pool, one).await;
    }
}
