//! A log that fits on a page: what an append must come to, given what was written before. Random appends are sent at
//! once on two nodes; replayed here in the order that the log gave them, each must come to what its caller was told.

use super::{Answer, Asking, at_once, claims, to, whole};
use futures::future::join;
use log::{Append, AppendError, Appended, ClaimAct, Log, Recorded};
use prometric_tests::Database;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

const STREAMS: u128 = 6;
const KEYS: u128 = 5;
const COMMANDS: u128 = 12;
const SERIES: [&str; 2] = ["DL", "INV"];

/// What becomes of an append, as far as its caller can tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Positions, versions and the numbers given.
    Written(Vec<(i64, i64, String)>),
    /// The positions of the first time.
    Repeated(Vec<i64>),
    Reused,
    Elsewhere(Uuid, i64),
    Claimed(String, Uuid),
}

impl Outcome {
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Ok(appended) if appended.repeated.is_some() => Self::Repeated(positions(appended)),
            Ok(appended) => Self::Written(appended.recorded().iter().map(place).collect()),
            Err(AppendError::CommandReused) => Self::Reused,
            Err(AppendError::Version { stream_id, actual, .. } | AppendError::Guard { stream_id, actual, .. }) => {
                Self::Elsewhere(*stream_id, *actual)
            }
            Err(AppendError::Claimed { key, owner, .. }) => Self::Claimed(key.clone(), *owner),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn place(event: &Recorded) -> (i64, i64, String) {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    let number = data["number"].as_str().unwrap_or_default();
    (event.position, event.version, number.to_owned())
}

fn positions(appended: &Appended) -> Vec<i64> {
    appended.events.iter().map(|event| event.position).collect()
}

/// One workspace.
#[derive(Debug, Clone, Default)]
pub struct Model {
    position: i64,
    versions: HashMap<Uuid, i64>,
    claims: BTreeMap<String, Uuid>,
    numbers: BTreeMap<(&'static str, i32), i64>,
    commands: BTreeMap<Uuid, ([u8; 32], Vec<i64>)>,
}

impl Model {
    fn version(&self, stream_id: Uuid) -> i64 {
        self.versions.get(&stream_id).copied().unwrap_or(0)
    }

    /// What it may come to here; when there are several reasons against it, any may be told.
    pub fn judge(&self, append: &Append) -> Vec<Outcome> {
        if let Some(command) = append.command
            && let Some((hash, positions)) = self.commands.get(&command.id)
        {
            let same = *hash == command.request_hash;
            return vec![if same {
                Outcome::Repeated(positions.clone())
            } else {
                Outcome::Reused
            }];
        }
        let written = append.streams.iter().map(|stream| (stream.stream.id, stream.expected));
        let read = append.guards.iter().map(|guard| (guard.stream_id, Some(guard.version)));
        let elsewhere = written.chain(read).filter_map(|(stream_id, expected)| {
            let actual = self.version(stream_id);
            (expected.is_some_and(|expected| expected != actual)).then_some(Outcome::Elsewhere(stream_id, actual))
        });
        let taken = append
            .claims
            .iter()
            .filter(|claim| claim.act == ClaimAct::Take)
            .filter_map(|claim| {
                let owner = *self.claims.get(&claim.key)?;
                let mut others = append
                    .claims
                    .iter()
                    .filter(|other| other.key == claim.key && other.act == ClaimAct::Release);
                let free = owner == claim.stream_id || others.any(|other| other.stream_id == owner);
                (!free).then(|| Outcome::Claimed(claim.key.clone(), owner))
            });
        let reasons: Vec<Outcome> = elsewhere.chain(taken).collect();
        if reasons.is_empty() {
            vec![self.clone().write(append)]
        } else {
            reasons
        }
    }

    fn write(&mut self, append: &Append) -> Outcome {
        let mut places = vec![];
        for stream in &append.streams {
            for event in &stream.events {
                self.position += 1;
                let version = self.versions.entry(stream.stream.id).or_default();
                *version += 1;
                let number = event.number.map_or(String::new(), |number| {
                    let last = self.numbers.entry((number.series, append.number_year)).or_default();
                    *last += 1;
                    format!("{}-{}-{last:04}", number.series, append.number_year)
                });
                places.push((self.position, *version, number));
            }
        }
        for claim in append.claims.iter().filter(|claim| claim.act == ClaimAct::Release) {
            self.claims
                .retain(|key, owner| *key != claim.key || *owner != claim.stream_id);
        }
        for claim in append.claims.iter().filter(|claim| claim.act == ClaimAct::Take) {
            self.claims.insert(claim.key.clone(), claim.stream_id);
        }
        if let Some(command) = append.command {
            let positions = places.iter().map(|(position, ..)| *position).collect();
            self.commands.insert(command.id, (command.request_hash, positions));
        }
        Outcome::Written(places)
    }

    /// Right, stale or any; seldom ahead of what there is.
    fn expected(&self, dice: &mut StdRng, stream: u128) -> Option<i64> {
        let version = self.version(Uuid::from_u128(stream));
        match dice.random_range(0..10) {
            0..=4 => Some(version),
            5 => Some((version - 1).max(0)),
            6 => Some(version + 1),
            _ => None,
        }
    }

    /// At least one event, and by chance everything else that an append may have.
    pub fn draw(&self, dice: &mut StdRng, workspace: Uuid) -> Append {
        let mut append = to(workspace);
        append.number_year = 2026 + dice.random_range(0..2);
        let streams = if dice.random_bool(0.3) { 2 } else { 1 };
        let first = dice.random_range(0..STREAMS);
        for nth in 0..streams {
            let stream = (first + nth) % STREAMS;
            // Fresh ones as well; and some streams are only looked at.
            let stream = if dice.random_bool(0.15) { dice.random() } else { stream };
            let expected = self.expected(dice, stream);
            let events = if nth == 0 {
                dice.random_range(1..4)
            } else {
                dice.random_range(0..3)
            };
            append = match dice.random_range(0..3) {
                0 => append.numbered(stream, expected, SERIES[dice.random_range(0..2)], events),
                _ => append.stream(stream, expected, events),
            };
        }
        if dice.random_bool(0.2) {
            let stream = dice.random_range(0..STREAMS);
            let version = self.expected(dice, stream).unwrap_or(0);
            append = append.guard(stream, version);
        }
        if dice.random_bool(0.5) {
            let (key, owner) = (dice.random_range(0..KEYS).to_string(), dice.random_range(0..STREAMS));
            append = match dice.random_range(0..4) {
                0 | 1 => append.takes(owner, &key),
                2 => append.releases(owner, &key),
                _ => append.releases(owner, &key).takes((owner + 1) % STREAMS, &key),
            };
        }
        match dice.random_range(0..4) {
            0 => append.command(dice.random_range(0..COMMANDS), dice.random_range(1..3)),
            1 => append,
            _ => append.command(dice.random(), 1),
        }
    }

    /// One event of one stream, as in quiet hours; most often all is right about it.
    pub fn draw_lone(&self, dice: &mut StdRng, workspace: Uuid) -> Append {
        let stream = dice.random_range(0..STREAMS + 2);
        if dice.random_bool(0.8) {
            let version = self.version(Uuid::from_u128(stream));
            return to(workspace).stream(stream, version, 1).command(dice.random(), 1);
        }
        let expected = self.expected(dice, stream).unwrap_or(0);
        let command = dice.random_range(0..COMMANDS);
        to(workspace)
            .stream(stream, expected, 1)
            .command(command, dice.random_range(1..3))
    }

    /// Asked alone, the answer is the only one there can be.
    pub fn demand(&mut self, append: &Append, outcome: &Outcome) {
        let admissible = self.judge(append);
        assert!(
            admissible.contains(outcome),
            "{outcome:?}, not {admissible:?}, to {append:?}"
        );
        if let Outcome::Written(_) = outcome {
            self.write(append);
        }
    }

    /// Asked at once: what was written must follow from what was written before; who was not, must have had a moment
    /// at which that was the answer.
    fn replay(&mut self, mut told: Vec<(Append, Outcome)>) {
        let first = |outcome: &Outcome| match outcome {
            Outcome::Written(places) => places[0].0,
            _ => i64::MAX,
        };
        told.sort_by_key(|(_, outcome)| first(outcome));
        let mut moments = vec![self.clone()];
        for (append, outcome) in &told {
            if let Outcome::Written(_) = outcome {
                self.demand(append, outcome);
                moments.push(self.clone());
                continue;
            }
            let could = moments.iter().any(|moment| moment.judge(append).contains(outcome));
            assert!(could, "{outcome:?} at no moment, to {append:?}");
        }
    }

    /// The tables say the same.
    pub async fn compare(&self, log: &Log, pool: &PgPool, workspace: Uuid) {
        let events = whole(log, pool, workspace).await;
        assert_eq!(events.len() as i64, self.position);
        let mut versions = HashMap::new();
        events.iter().for_each(|event| {
            versions.insert(event.stream_id, event.version);
        });
        assert_eq!(versions, self.versions.clone());
        assert_eq!(claims(pool, workspace).await, self.claims);
        let commands = "select command_id from log.commands where workspace_id = $1 order by 1";
        let commands = sqlx::query_scalar(commands).bind(workspace).fetch_all(pool);
        let commands: Vec<Uuid> = commands.await.unwrap();
        assert_eq!(commands, self.commands.keys().copied().collect::<Vec<_>>());
    }
}

fn draw(dice: &mut StdRng, models: &[(Uuid, Model)]) -> Append {
    let (workspace, model) = &models[dice.random_range(0..models.len())];
    match dice.random_bool(0.2) {
        true => model.draw_lone(dice, *workspace),
        false => model.draw(dice, *workspace),
    }
}

#[tokio::test]
async fn what_callers_are_told_follows_from_the_order_of_the_log() {
    let database = Database::create().await;
    let (nodes, pool) = ([database.log().await, database.log().await], database.pool().await);
    for (workspace, model) in told_at_once(&nodes).await {
        model.compare(&nodes[0], &pool, workspace).await;
    }
}

/// Has two nodes asked at once, again and again, and demands that what callers are told follows from the order of the log. Answers
/// what each workspace comes to.
pub async fn told_at_once(nodes: &[Log; 2]) -> Vec<(Uuid, Model)> {
    let seed = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut models: Vec<(Uuid, Model)> = (0..3).map(|_| (Uuid::now_v7(), Model::default())).collect();
    let mut seen = [0; 5];
    for _ in 0..60 {
        let asked = [(); 2].map(|()| {
            let many = dice.random_range(1..16);
            let appends = (0..many).map(|_| draw(&mut dice, &models));
            appends.collect::<Vec<_>>()
        });
        let (here, there) = join(
            at_once(&nodes[0], asked[0].clone()),
            at_once(&nodes[1], asked[1].clone()),
        )
        .await;
        let told = asked
            .into_iter()
            .flatten()
            .zip(here.iter().chain(&there).map(Outcome::of));
        let told: Vec<(Append, Outcome)> = told.collect();
        for (_, outcome) in &told {
            seen[match outcome {
                Outcome::Written(_) => 0,
                Outcome::Repeated(_) => 1,
                Outcome::Reused => 2,
                Outcome::Elsewhere(..) => 3,
                Outcome::Claimed(..) => 4,
            }] += 1;
        }
        for (workspace, model) in &mut models {
            let of_it = told.iter().filter(|(append, _)| append.workspace == *workspace);
            model.replay(of_it.cloned().collect());
        }
    }
    assert!(seen.iter().all(|seen| *seen > 10), "{seen:?} of seed {seed}");
    models
}
