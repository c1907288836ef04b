//! What operators and auditors do on the command line, beside a server at work.

mod away;
mod builds;
mod doctor;
mod moments;
mod names;
mod people;
mod proofs;
mod relocation;
mod sealed;
mod stuck;
mod trust;
mod witness;

use chrono::Utc;
use futures::future::join_all;
use prometric_tests::{
    Client, Database, Server, eventually, free_port,
    story::{Shop, id},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    fs,
    process::Output,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};
use tokio::net::TcpStream;

/// A server with a won deal, all of whose chain is done.
struct Business {
    server: Server,
    owner: Client,
    shop: Shop,
    pool: PgPool,
    schema: String,
}

impl Business {
    async fn open() -> Self {
        Self::open_with(&[]).await
    }

    async fn open_with(env: &[(&str, &str)]) -> Self {
        let server = Server::start_with(env).await;
        let (owner, pool) = (server.owner().await, server.pool().await);
        let shop = Shop::open(&owner, 1_000, 1_000).await;
        let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
        eventually("its production is planned", || async {
            owner.items("/production/orders?status=scheduled").await.pop()
        })
        .await;
        let schema = owner.schema().await;
        Self {
            server,
            owner,
            shop,
            pool,
            schema,
        }
    }

    /// The command for this business' workspace: it goes well, and says this.
    #[track_caller]
    fn ask(&self, words: &[&str]) -> String {
        let workspace = ["--workspace", &self.owner.workspace];
        let output = self.server.tool(&[words, &workspace].concat());
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    }

    /// The same, but it finds something wrong.
    #[track_caller]
    fn complain(&self, words: &[&str]) -> String {
        let workspace = ["--workspace", &self.owner.workspace];
        let output = self.server.tool(&[words, &workspace].concat());
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
        said(&output)
    }

    /// `kill -9`, and what the server had begun in the database is over.
    async fn kill(&mut self) {
        self.server.kill();
        eventually("its sessions are gone", || async {
            let sessions = "select count(*) from pg_stat_activity \
                where datname = current_database() and application_name like 'prometric%'";
            let sessions: i64 = sqlx::query_scalar(sessions).fetch_one(&self.pool).await.unwrap();
            (sessions == 0).then_some(())
        })
        .await;
    }

    /// Which table stands under that name.
    async fn table(&self, name: &str) -> Option<i64> {
        let table = sqlx::query_scalar("select to_regclass($1)::oid::bigint");
        let table = table.bind(format!("{}.{name}", self.schema));
        table.fetch_one(&self.pool).await.unwrap()
    }

    async fn execute(&self, statement: String) -> u64 {
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&self.pool).await;
        done.unwrap().rows_affected()
    }

    fn file(&self, name: &str) -> String {
        let file = self.server.mail_dir.with_extension(name);
        file.to_str().unwrap().to_owned()
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_event_is_found_and_so_is_a_log_that_ends_too_soon() {
    let business = Business::open().await;
    let heads = business.file("heads.json");
    business.ask(&["audit", "heads", "--out", &heads]);
    let whole = business.ask(&["audit", "verify", "--against", &heads]);
    assert!(whole.contains("1 signed heads agree"), "{whole}");
    let everything = business.server.tool(&["audit", "verify"]);
    assert!(everything.status.success(), "{}", said(&everything));

    let workspace = &business.owner.workspace;
    let update =
        |data: &str| format!("update log.events set data = {data} where workspace_id = '{workspace}' and position = 5");
    let before: String =
        sqlx::query_scalar("select data::text from log.events where workspace_id = $1::uuid and position = 5")
            .bind(workspace)
            .fetch_one(&business.pool)
            .await
            .unwrap();
    assert_eq!(business.execute(update("'{\"price\": 1}'")).await, 1);
    let wrong = business.complain(&["audit", "verify"]);
    assert!(
        wrong.contains("WRONG") && wrong.contains("position 5") && wrong.contains(workspace),
        "{wrong}"
    );
    business
        .execute(update(&format!("'{}'", before.replace('\'', "''"))))
        .await;
    business.ask(&["audit", "verify"]);

    // The last event and all memory of it are gone: by itself that is a shorter log, and whole.
    let cut = format!(
        "with gone as (delete from log.events e using log.heads h where e.workspace_id = h.workspace_id and e.position = h.position \
         and h.workspace_id = '{workspace}' returning e.workspace_id, e.position), \
         no_tree as (delete from log.trees where workspace_id = '{workspace}'), \
         no_command as (delete from log.commands c using gone where c.workspace_id = gone.workspace_id and c.last_position >= gone.position), \
         before as (select e.hash, e.recorded_at from log.events e, gone where e.workspace_id = gone.workspace_id and e.position = gone.position - 1) \
         update log.heads h set position = h.position - 1, hash = before.hash, recorded_at = before.recorded_at \
         from before where h.workspace_id = '{workspace}'"
    );
    assert_eq!(business.execute(cut).await, 1);
    business.ask(&["audit", "verify"]);
    let wrong = business.complain(&["audit", "verify", "--against", &heads]);
    assert!(wrong.contains("was signed, but the log ends at"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_are_made_again_while_people_work() {
    const PEOPLE: usize = 8;
    let business = Business::open().await;
    let (over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = join_all((0..PEOPLE).map(|_| async {
        let Business { owner, shop, .. } = &business;
        while !over.load(Relaxed) {
            let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
            owner.get(&format!("/deals/{deal}")).await.expect(200);
            let change = json!({"title": "Another one"});
            owner.put(&format!("/deals/{deal}"), change).await.expect(200);
            let shown = owner.get(&format!("/deals/{deal}")).await.expect(200);
            assert_eq!(
                shown["title"], "Another one",
                "what was written is read, whichever rows these are"
            );
            owner.get("/deals?limit=5&sort=-value").await.expect(200);
            written.fetch_add(1, Relaxed);
        }
    }));
    let replays = async {
        for _ in 0..4 {
            let seen = written.load(Relaxed);
            eventually("people go on", || async {
                (written.load(Relaxed) > seen + 10).then_some(())
            })
            .await;
            tokio::task::block_in_place(|| business.ask(&["replay"]));
            tokio::task::block_in_place(|| business.ask(&["replay", "--verify"]));
        }
        tokio::task::block_in_place(|| business.ask(&["replay", "--undo"]));
        let seen = written.load(Relaxed);
        eventually("people go on", || async {
            (written.load(Relaxed) > seen + 10).then_some(())
        })
        .await;
        over.store(true, Relaxed);
    };
    tokio::join!(work, replays);
    let same = business.ask(&["replay", "--verify"]);
    assert!(same.contains("are what the log makes of them"), "{same}");
    for words in [&["replay"][..], &["replay", "--verify"], &["replay", "--undo"]] {
        let platform = ["--workspace", "00000000-0000-0000-0000-000000000000"];
        let refused = business.server.tool(&[words, &platform].concat());
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("the platform's read models cannot be made again"));
    }
    let unknown = business.complain(&["replay", "--tables", "deals,ideas"]);
    assert!(unknown.contains("there is no table ideas"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_changed_is_found_and_put_right() {
    let business = Business::open().await;
    let Business {
        owner, shop, schema, ..
    } = &business;
    let deal = id(&owner.post("/deals", shop.deal(2)).await.expect(201));
    let right = owner.get(&format!("/deals/{deal}")).await.expect(200)["value"].clone();
    let changed = format!("update {schema}.deals set value = 1, title = 'x' where id = '{deal}'");
    assert_eq!(business.execute(changed).await, 1);
    let found = business.complain(&["replay", "--verify"]);
    assert!(
        found.contains("table deals: 2 rows, 2 by the log") && !found.contains("table orders"),
        "{found}"
    );
    let gone = format!("delete from {schema}.customers");
    business.execute(gone).await;
    let found = business.complain(&["replay", "--verify"]);
    assert!(found.contains("table customers: 0 rows, 1 by the log"), "{found}");
    let row = format!("deals {deal}, title: \"x\", by the log \"");
    assert!(found.contains(&row) && found.contains("no row, by the log"), "{found}");
    let none = business.complain(&["replay", "--undo"]);
    assert!(none.contains("has nothing to go back to"), "{none}");
    // Only what is wrong is made again, and what was there can be had back, once and again.
    let kept = business.table("orders").await;
    business.ask(&["replay", "--tables", "deals,customers"]);
    assert_eq!(business.table("orders").await, kept);
    business.ask(&["replay", "--verify"]);
    owner.post("/deals", shop.deal(1)).await.expect(201);
    business.ask(&["replay", "--undo"]);
    let found = business.complain(&["replay", "--verify", "--tables", "deals,customers"]);
    assert!(
        found.contains("table deals: 3 rows, 3 by the log") && found.contains("table customers: 0 rows"),
        "{found}"
    );
    business.ask(&["replay", "--verify", "--tables", "orders"]);
    business.ask(&["replay", "--undo"]);
    business.ask(&["replay", "--verify"]);
    // The server remembers rows that it wrote, and has to learn that these are others.
    owner
        .put(&format!("/deals/{deal}"), json!({"probability": 70}))
        .await
        .expect(200);
    let shown = owner.get(&format!("/deals/{deal}")).await.expect(200);
    assert_eq!((&shown["value"], &shown["probability"]), (&right, &json!(70)));
    business.ask(&["replay", "--verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_leaves_nothing_behind() {
    let business = Business::open().await;
    let Business { owner, shop, pool, .. } = &business;
    join_all((0..200).map(|_| async { owner.post("/deals", shop.deal(1)).await.expect(201) })).await;
    let left = async || -> Vec<String> {
        let schemas = "select nspname::text from pg_namespace where nspname ~ '^(next|check|at)_tenant'";
        sqlx::query_scalar(schemas).fetch_all(pool).await.unwrap()
    };
    for nth in 0..20_u64 {
        let words: &[&str] = if nth % 3 == 0 {
            &["replay", "--verify"]
        } else {
            &["replay"]
        };
        let workspace = ["--workspace", &owner.workspace];
        let mut replay = business.server.start_tool(&[words, &workspace].concat());
        // At another moment each time: while it connects, folds, switches.
        tokio::time::sleep(std::time::Duration::from_millis(60 + nth * 20)).await;
        replay.kill().unwrap();
        replay.wait().unwrap();
        let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        owner.get(&format!("/deals/{deal}")).await.expect(200);
    }
    business.ask(&["replay", "--verify"]);
    assert_eq!(left().await, Vec::<String>::new(), "the next one drops what is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_is_told_and_what_they_wait_for() {
    let business = Business::open().await;
    let Business { owner, shop, .. } = &business;
    eventually("all have caught up", || async {
        let status: Value = serde_json::from_str(&tokio::task::block_in_place(|| {
            let output = business
                .server
                .tool(&["status", "--json", "--workspace", &owner.workspace]);
            String::from_utf8(output.stdout).unwrap()
        }))
        .unwrap();
        let all = status.as_array().unwrap();
        let well = |one: &Value| one["behind"] == 0 && one["error"].is_null() && one["position"].as_i64() > Some(0);
        let consumers: Vec<&str> = all.iter().filter_map(|one| one["consumer"].as_str()).collect();
        (consumers.iter().any(|name| name.starts_with("projections."))
            && consumers.contains(&"sagas")
            && all.iter().all(well))
        .then_some(())
    })
    .await;
    assert!(business.ask(&["status"]).contains("well"));

    let event: Value = serde_json::from_str(&business.ask(&["log", "show", "1"])).unwrap();
    assert_eq!(
        (&event["position"], &event["workspace"]),
        (&json!(1), &json!(owner.workspace))
    );
    let missing = business.complain(&["log", "show", "999999"]);
    assert!(missing.contains("has no position 999999"), "{missing}");
    let tail = business.ask(&["log", "tail", "-n", "3"]);
    assert_eq!(tail.lines().count(), 3, "{tail}");

    // Nobody has said how it is made: its order waits.
    let made = json!({"code": "NEW", "name": "New", "type": "MANUFACTURED", "price": 1});
    let made = id(&owner.post("/products", made).await.expect(201));
    let deal = json!({"title": "New", "customerId": shop.customer, "products": [{"productId": made, "quantity": 1, "unitPrice": 1}]});
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let waits = eventually("the wait is told", || async {
        let list = tokio::task::block_in_place(|| business.ask(&["sagas", "list", "--status", "waiting"]));
        list.lines()
            .find(|line| line.contains("no bill of materials"))
            .map(str::to_owned)
    })
    .await;
    let order = waits.split(' ').nth(2).unwrap();
    let shown: Value = serde_json::from_str(&business.ask(&["sagas", "show", order])).unwrap();
    assert_eq!(
        (&shown[0]["status"], &shown[0]["id"]),
        (&json!("waiting"), &json!(order))
    );
    let due: chrono::DateTime<Utc> = serde_json::from_value(shown[0]["dueAt"].clone()).unwrap();
    assert!(due > Utc::now(), "somebody is told when it takes too long");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_s_log_goes_into_a_file_and_into_another_database() {
    let business = Business::open().await;
    let (workspace, elsewhere) = (&business.owner.workspace, Database::create().await);
    let (heads, export, key) = (
        business.file("heads.json"),
        business.file("export"),
        business.file("key.pem"),
    );
    business.ask(&["audit", "heads", "--out", &heads]);
    let tool = |words: &[&str]| {
        let output = business.server.tool(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    };
    tool(&["workspace", "close", workspace]);
    business
        .owner
        .post("/deals", business.shop.deal(1))
        .await
        .refused(503, "SERVICE_UNAVAILABLE");
    tool(&["workspace", "export", workspace, "--out", &export]);
    let there = |words: &[&str]| {
        business
            .server
            .tool(&[words, &["--database-url", &elsewhere.url]].concat())
    };
    // Keys of people are in the file as they are wrapped; what has wrapped them is not, and comes another way.
    let without = there(&["workspace", "import", &export]);
    assert_eq!(without.status.code(), Some(1), "{}", said(&without));
    let master = "select id, fingerprint, secret from log.master_keys";
    let (id, fingerprint, secret): (String, Vec<u8>, Option<Vec<u8>>) = sqlx::query_as(master)
        .fetch_one(&business.server.pool().await)
        .await
        .unwrap();
    sqlx::query("insert into log.master_keys (id, fingerprint, secret) values ($1, $2, $3)")
        .bind(id)
        .bind(fingerprint)
        .bind(secret)
        .execute(&elsewhere.pool().await)
        .await
        .unwrap();
    let imported = there(&["workspace", "import", &export]);
    assert!(imported.status.success(), "{}", said(&imported));
    let again = there(&["workspace", "import", &export]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));

    let signed: Value = serde_json::from_str(&fs::read_to_string(&heads).unwrap()).unwrap();
    fs::write(&key, signed["keys"][0]["publicKey"].as_str().unwrap()).unwrap();
    let verified = there(&["audit", "verify", "--against", &heads, "--key", &key]);
    assert!(
        verified.status.success() && said(&verified).contains("1 signed heads agree"),
        "{}",
        said(&verified)
    );
    let unknown = there(&["audit", "verify", "--against", &heads]);
    assert_eq!(
        unknown.status.code(),
        Some(1),
        "that database has not signed it: {}",
        said(&unknown)
    );

    tool(&["workspace", "reopen", workspace]);
    business.owner.post("/deals", business.shop.deal(1)).await.expect(201);
    [heads, export, key]
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
}
