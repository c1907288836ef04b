//! Several ways lead into the tables: one plain statement of a node that knows where everything stands, or of one that
//! locks and looks because another node writes there too; the function that judges, as long as it trusts that what is
//! said to be new is new; and that function when it looks everywhere first. What comes of an append must not depend on
//! the way it took.

use super::{
    Asking, at_once,
    model::{Model, Outcome},
    to, whole,
};
use futures::{StreamExt, stream};
use log::{Append, Log};
use prometric_tests::{
    Database,
    fault::{Action, Faults},
};
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
    faults: Faults,
    /// Of a workspace nobody knows anything: another append there makes the whole batch go by the function.
    accompanied: bool,
}

impl Route {
    async fn new(nodes: usize, accompanied: bool) -> Self {
        let database = Database::create().await;
        let pool = database.pool().await;
        let nodes = stream::iter(0..nodes).then(|_| database.log()).collect().await;
        let faults = Faults::install(&pool).await;
        for point in faults.points() {
            faults.arm(&point.name, Action::Terminate, 0).await;
        }
        Self {
            _database: database,
            nodes,
            turn: Cell::new(0),
            pool,
            faults,
            accompanied,
        }
    }

    /// As soon as anything is archived, the function takes nothing on trust.
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

    /// How many batches the function has written, and how many a plain statement.
    async fn calls(&self) -> (i64, i64) {
        let last = self.faults.points().iter().rfind(|point| !point.door).unwrap();
        let judged = self.faults.passed(&last.name).await;
        (judged, self.faults.passed("moving").await - judged)
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
    // They did take different ways.
    let [straight, trusting, looking, locked] = [
        routes[0].calls().await,
        routes[1].calls().await,
        routes[2].calls().await,
        routes[3].calls().await,
    ];
    assert!(straight.0 > 10 && straight.1 > 10, "{straight:?}");
    assert!(locked.0 > 10 && locked.1 > 10, "{locked:?}");
    assert_eq!((trusting.0 >= 250, trusting.1), (true, 0), "{trusting:?}");
    assert!(looking.0 >= 250, "{looking:?}");
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
