//! Several ways lead into the tables: one statement of a node that knows where everything stands, the same after a look when
//! an append has lost just before, and under locks because another node writes there too, or nothing is known. What
//! comes of an append must not depend on the way it took.

use super::{
    Asking, at_once,
    model::{Model, Outcome},
    to, whole,
};
use futures::{StreamExt, stream};
use log::{Append, Log, Ways};
use prometric_tests::Database;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::PgPool;
use std::cell::Cell;
use uuid::Uuid;

/// A database in which appends go one way.
struct Route {
    _database: Database,
    /// They take turns.
    nodes: Vec<Log>,
    turn: Cell<usize>,
    pool: PgPool,
    /// Of a workspace nobody knows anything: another append there makes the whole batch go under locks.
    accompanied: bool,
}

impl Route {
    async fn new(nodes: usize, accompanied: bool) -> Self {
        let database = Database::create().await;
        let pool = database.pool().await;
        let nodes = stream::iter(0..nodes).then(|_| database.log()).collect().await;
        Self {
            _database: database,
            nodes,
            turn: Cell::new(0),
            pool,
            accompanied,
        }
    }

    /// Something is archived there.
    async fn looks_everywhere(self, workspace: Uuid) -> Self {
        let archived = "insert into log.archived_streams values ($1, $2, 'deal', 1)";
        let archived = sqlx::query(archived).bind(workspace).bind(Uuid::now_v7());
        archived.execute(&self.pool).await.unwrap();
        self
    }

    async fn append(&self, append: &Append) -> Outcome {
        let companion = self.accompanied.then(|| to(Uuid::now_v7()).stream(1, None, 1));
        let node = &self.nodes[self.turn.replace(self.turn.get() + 1) % self.nodes.len()];
        let answers = at_once(node, [append.clone()].into_iter().chain(companion)).await;
        Outcome::of(&answers[0])
    }
}

#[tokio::test]
async fn whichever_way_an_append_takes_the_same_comes_of_it() {
    let workspace = Uuid::now_v7();
    let routes = [
        Route::new(1, false).await,
        Route::new(1, true).await,
        Route::new(1, true).await.looks_everywhere(workspace).await,
        Route::new(2, false).await,
    ];
    let seed = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut model = Model::default();
    for _ in 0..250 {
        let append = match dice.random_bool(0.7) {
            true => model.draw_lone(&mut dice, workspace),
            false => model.draw(&mut dice, workspace),
        };
        // Of several reasons against it each may tell another; whatever else comes of it can be one thing only.
        let admissible = model.judge(&append);
        let mut outcomes = vec![];
        for route in &routes {
            outcomes.push(route.append(&append).await);
        }
        assert!(
            outcomes.iter().all(|outcome| admissible.contains(outcome)),
            "seed {seed}: {outcomes:?}, not {admissible:?}, to {append:?}"
        );
        model.demand(&append, &outcomes[0]);
    }
    for (route, [assumed, looked, locked]) in routes.iter().zip([
        [Some(true), Some(true), Some(true)], // the first of all is made under its lock
        [Some(false), Some(false), Some(true)],
        [Some(false), Some(false), Some(true)],
        [None, None, Some(true)], // as long as either has not seen the other
    ]) {
        let ways = route.nodes.iter().map(Log::ways);
        let sum = |way: fn(&Ways) -> u64| ways.clone().map(|ways| way(&ways)).sum::<u64>();
        let [by_assuming, by_looking, by_locking] = [
            sum(|ways| ways.assumed),
            sum(|ways| ways.looked),
            sum(|ways| ways.locked),
        ];
        let expected = [(by_assuming, assumed), (by_looking, looked), (by_locking, locked)];
        assert!(
            expected
                .into_iter()
                .all(|(batches, taken)| taken.is_none_or(|taken| taken == (batches > 0))),
            "{by_assuming} assumed, {by_looking} looked, {by_locking} locked"
        );
    }
    let nothing_archived = sqlx::query("delete from log.archived_streams").execute(&routes[2].pool);
    nothing_archived.await.unwrap();
    // Only the times differ, and the hashes, which cover them.
    let mut stories = vec![];
    for route in &routes {
        let mut events = whole(&route.nodes[0], &route.pool, workspace).await;
        for event in &mut events {
            (event.recorded_at, event.hash) = (Default::default(), [0; 32]);
        }
        let claims = "select kind, key, stream_id::text from log.claims where workspace_id = $1 order by 1, 2";
        let claims = sqlx::query_as::<_, (String, String, String)>(claims).bind(workspace);
        let commands = "select command_id::text || encode(request_hash, 'hex'), first_position, last_position, answer
            from log.commands where workspace_id = $1 order by 1";
        let commands = sqlx::query_as::<_, (String, i64, i64, String)>(commands).bind(workspace);
        let claims = claims.fetch_all(&route.pool).await.unwrap();
        stories.push((events, claims, commands.fetch_all(&route.pool).await.unwrap()));
    }
    assert!(stories.windows(2).all(|pair| pair[0] == pair[1]), "seed {seed}");
}
