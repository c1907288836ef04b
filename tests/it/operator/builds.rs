//! Nodes of two builds at one database: each has its own tables, and the newer ones are made beside and put in place.

use super::*;
use prometric_tests::Answer;
use std::time::Duration;

/// A node of it has other tables of these names. (Debug builds alone look at it.)
const OTHER: &str = "PROMETRIC_OTHER_TABLES";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_tables_of_another_build_are_made_anew_and_those_before_are_kept() {
    let mut business = Business::open().await;
    let schema = business.schema.clone();
    business.server.kill();
    let before = format!(
        "comment on table {schema}.deals is 'of another build'; alter table {schema}.deals drop column search_text cascade"
    );
    sqlx::raw_sql(AssertSqlSafe(before))
        .execute(&business.pool)
        .await
        .unwrap();
    let (deals, orders) = (business.table("deals").await, business.table("orders").await);
    let careful = business
        .server
        .tool(&["serve", "--rebuild=refuse", "--mail-dir", "/tmp", "--port", "0"]);
    assert_eq!(careful.status.code(), Some(1), "{}", said(&careful));
    assert!(
        said(&careful).contains("1 workspace has read models of another build"),
        "{}",
        said(&careful)
    );
    // Two nodes start at once: one makes them, and the other finds them made.
    let port = free_port().to_string();
    let mut rival = business
        .server
        .start_tool(&["serve", "--mail-dir", "/tmp", "--port", &port]);
    business.server.spawn().await;
    eventually("the rival serves", || async {
        TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()
    })
    .await;
    rival.kill().unwrap();
    rival.wait().unwrap();
    assert_eq!(business.table("orders").await, orders, "as it was");
    assert_ne!(business.table("deals").await, deals, "made anew");
    let kept: String = sqlx::query_scalar("select obj_description(to_regclass($1)::oid, 'pg_class')")
        .bind(format!("before_{schema}.deals"))
        .fetch_one(&business.pool)
        .await
        .unwrap();
    assert_eq!(kept, "of another build");
    let found = business.owner.items("/deals?search=erp").await;
    assert_eq!(found.len(), 1, "searched by a column that was not there");
    business.ask(&["replay", "--verify"]);
    business.complain(&["replay", "--undo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_tables_had_fingerprints_is_taken_over() {
    let mut business = Business::open().await;
    let schema = business.schema.clone();
    business.server.kill();
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = to_regnamespace($1)::oid and relkind = 'r'",
    )
    .bind(&schema)
    .fetch_all(&business.pool)
    .await
    .unwrap();
    let strip: String = tables
        .iter()
        .map(|table| format!("comment on table {schema}.{table} is null;"))
        .collect();
    let before = format!(
        "{strip} comment on schema {schema} is 'prometric of another shape'; alter table {schema}.checkpoint drop column made; \
         alter table platform.checkpoint drop column made; delete from platform.migrations where name = '0005_made'"
    );
    sqlx::raw_sql(AssertSqlSafe(before))
        .execute(&business.pool)
        .await
        .unwrap();
    business.server.spawn().await;
    business.ask(&["replay", "--verify"]);
    assert_eq!(business.owner.items("/deals").await.len(), 1);
    business.owner.post("/deals", business.shop.deal(1)).await.expect(201);
    business.ask(&["replay", "--verify"]);
}

/// Somebody who works at whichever node answers, the newer one first; as long as it takes, but never longer than two seconds.
struct Person<'a> {
    nodes: [(&'a str, Client); 2],
    shop: &'a Shop,
}

impl Person<'_> {
    async fn works(&self, nth: u64) {
        let key = format!("{nth}");
        let body = self.shop.deal(1).to_string();
        let made = self
            .asks(async |node| {
                let headers = [("Idempotency-Key", key.as_str())];
                node.send(reqwest::Method::POST, "/deals", Some(body.clone()), &headers)
                    .await
            })
            .await
            .expect(201);
        let deal = id(&made);
        let shown = self.asks(async |node| node.get(&format!("/deals/{deal}")).await).await;
        shown.expect(200);
        let page = self
            .asks(async |node| node.get("/deals?limit=5&sort=-value").await)
            .await;
        page.expect(200);
    }

    async fn asks(&self, request: impl AsyncFn(&Client) -> Answer) -> Answer {
        // Two seconds where processors are free.
        for _ in 0..200 {
            for (url, node) in &self.nodes {
                if TcpStream::connect(url.trim_start_matches("http://")).await.is_err() {
                    continue;
                }
                let answer = request(node).await;
                if answer.status != 503 {
                    return answer;
                }
                assert_eq!(answer.header("retry-after"), "1", "{}", answer.body);
                assert_eq!(
                    answer.body["error"]["details"]["reason"], "read_models.changing",
                    "{}",
                    answer.body
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody answers");
    }
}

async fn a_newer_build_takes_over(rebuild: &str) {
    let business = Business::open().await;
    let Business { owner, shop, .. } = &business;
    join_all((0..300).map(|_| async { owner.post("/deals", shop.deal(1)).await.expect(201) })).await;
    let port = free_port();
    let newer = format!("http://127.0.0.1:{port}");
    let (over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let people = join_all((0..8).map(|_| async {
        let person = Person {
            nodes: [&newer, &business.server.url].map(|url| (url.as_str(), owner.at(url))),
            shop,
        };
        while !over.load(Relaxed) {
            person.works(written.fetch_add(1, Relaxed)).await;
        }
    }));
    let update = async {
        let node = business.server.start_tool_with(
            &["serve", "--port", &port.to_string(), "--mail-dir", "/tmp"],
            &[
                (OTHER, "deals,orders"),
                ("REBUILD", rebuild),
                ("PROMETRIC_RATE_LIMITS", "off"),
                ("HOST", "127.0.0.1"),
            ],
        );
        eventually("the newer node serves the workspace", || async {
            TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()?;
            (owner.at(&newer).get("/deals?limit=1").await.status == 200).then_some(())
        })
        .await;
        let seen = written.load(Relaxed);
        eventually("people go on with both", || async {
            (written.load(Relaxed) > seen + 50).then_some(())
        })
        .await;
        over.store(true, Relaxed);
        node
    };
    let (_, mut node) = tokio::join!(people, update);
    let older = owner.get("/deals?limit=1").await;
    older.refused(503, "SERVICE_UNAVAILABLE");
    let verify = ["replay", "--verify", "--workspace", &owner.workspace];
    let same = business.server.start_tool_with(&verify, &[(OTHER, "deals,orders")]);
    let same = same.wait_with_output().unwrap();
    assert!(same.status.success(), "{}", said(&same));
    node.kill().unwrap();
    node.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_build_takes_over_when_it_has_made_its_tables() {
    a_newer_build_takes_over("wait").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_build_serves_what_it_has_made_and_makes_the_rest_meanwhile() {
    a_newer_build_takes_over("background").await;
}
