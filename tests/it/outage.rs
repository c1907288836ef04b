//! PostgreSQL goes away under the real server: as a read-only standby, in a crash, with a full disk, behind a lock.
//! Whoever asks meanwhile is told SERVICE_UNAVAILABLE, in their language and with a time to come again; afterwards work
//! goes on by itself, and nothing is lost. A mistake of ours is told as one.

use crate::crash::{all_planned, check_books, win_one};
use prometric_tests::{
    Answer, Client, Database, Server, eventually,
    story::{Shop, id},
    torture::Cluster,
};
use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;

#[track_caller]
fn is_away(answer: Answer) {
    assert_eq!(answer.header("retry-after"), "1");
    let reason = answer.refused(503, "SERVICE_UNAVAILABLE")["reason"].clone();
    assert!(
        // Of a write that was under way just when the store went, nobody knows.
        ["store.unavailable", "store.outcome_unknown"].contains(&reason.as_str().unwrap()),
        "{reason}"
    );
}

/// Whoever signs in, refreshes, registers, or writes in a workspace.
async fn writes(owner: &Client, refresh_token: &str) -> Vec<Answer> {
    let email = owner.get("/auth/me").await.body["data"]["email"].clone();
    let registration = json!({"email": "late@company.kz", "password": "SecurePassword123", "firstName": "Имя",
        "lastName": "Фамилия", "bin": "123456789012", "companyName": "ТОО"});
    vec![
        owner
            .post("/auth/login", json!({"email": email, "password": "SecurePassword123"}))
            .await,
        owner
            .post("/auth/refresh", json!({"refreshToken": refresh_token}))
            .await,
        owner.post("/auth/logout", json!({})).await,
        owner.post("/users/register-owner", registration).await,
        owner
            .post("/customers", json!({"name": "Поздний", "type": "COMPANY"}))
            .await,
        owner.post("/deals", json!({"title": "Поздняя"})).await,
    ]
}

async fn refresh_token(owner: &Client) -> String {
    let email = owner.get("/auth/me").await.expect(200)["email"].clone();
    let signed_in = owner
        .post("/auth/login", json!({"email": email, "password": "SecurePassword123"}))
        .await
        .expect(200);
    signed_in["refreshToken"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_goes_on_after_a_standby_took_over_and_after_a_crash() {
    let mut cluster = Cluster::start().await;
    let server = Server::start_on(&cluster.url()).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 1_000, 1_000).await;
    let refresh = refresh_token(&owner).await;
    let deal = format!("/deals/{}", id(&owner.post("/deals", shop.deal(1)).await.expect(201)));

    cluster.stray().await;
    eventually("reading goes on from the standby", || async {
        (owner.get(&deal).await.status == 200).then_some(())
    })
    .await;
    writes(&owner, &refresh).await.into_iter().for_each(is_away);
    assert_eq!(owner.get("/deals").await.expect(200)["total"], json!(1));
    let health = owner.get("/health").await;
    assert_eq!(
        (health.status, &health.body["data"]["services"]["database"]),
        (503, &json!("read-only"))
    );
    let win = format!("{deal}/win");
    let key = &[("Idempotency-Key", "win"), ("Accept-Language", "ru")];
    let refused = owner.send(Method::POST, &win, Some("{}".into()), key).await;
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("недоступно"), "{message}");
    is_away(refused);

    cluster.promote().await;
    eventually("writing goes on", || async {
        let answer = owner.send(Method::POST, &win, Some("{}".into()), key).await;
        (answer.status != 503).then(|| answer.expect(200))
    })
    .await;
    all_planned(&owner, 1).await;

    let rivals = |name: &'static str| {
        (0..3)
            .map(move |rival| format!("{name}-{rival}"))
            .map(|key| tokio::spawn(win_one(owner.clone(), shop.clone(), key)))
            .collect::<Vec<_>>()
    };
    let caught = rivals("caught");
    cluster.crash().await;
    let (list, one, me, health, signed_in, written) = tokio::join!(
        owner.get("/deals"),
        owner.get(&deal),
        owner.get("/auth/me"),
        owner.get("/health"),
        owner.post(
            "/auth/login",
            json!({"email": "a@company.kz", "password": "SecurePassword123"})
        ),
        owner.post("/deals", json!({"title": "Поздняя"})),
    );
    assert_eq!(
        (health.status, &health.body["data"]["status"]),
        (503, &json!("unhealthy"))
    );
    [list, one, me, signed_in, written].into_iter().for_each(is_away);
    let late = rivals("late");
    cluster.restart().await;
    for rival in caught.into_iter().chain(late) {
        rival.await.unwrap();
    }
    all_planned(&owner, 7).await;
    check_books(&server, &owner, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_a_lock_are_passing_and_a_missing_column_is_not() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let pool = server.pool().await;
    let run = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    let schema = owner.schema().await;
    let customer = json!({"name": "ТОО", "type": "COMPANY"});

    run("create function log.full() returns trigger language plpgsql as $$ begin raise exception using errcode = 'disk_full'; end $$; \
        create trigger is_full before insert on log.events execute function log.full()".to_owned())
    .await;
    is_away(owner.post("/customers", customer.clone()).await);
    owner.get("/customers").await.expect(200);
    let told = owner.get("/health").await;
    assert_eq!(
        (told.status, &told.body["data"]["services"]["database"]),
        (503, &json!("refusing writes"))
    );
    run("drop trigger is_full on log.events".to_owned()).await;
    owner.post("/customers", customer).await.expect(201);
    owner.get("/customers").await.expect(200);
    owner.get("/health").await.expect(200);

    run(format!("alter table {schema}.customers rename column name to nom")).await;
    owner.get("/customers").await.refused(500, "DATABASE_ERROR");
    run(format!("alter table {schema}.customers rename column nom to name")).await;

    let mut tx = pool.begin().await.unwrap();
    let lock = format!("lock table {schema}.customers in access exclusive mode");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await.unwrap();
    is_away(owner.get("/customers").await);
    tx.rollback().await.unwrap();
    assert_eq!(owner.get("/customers").await.expect(200)["total"], json!(1));
}

/// For as long as nothing can grow, whether anybody writes meanwhile or not; and no longer, though nobody writes.
#[tokio::test(flavor = "multi_thread")]
async fn health_tells_of_a_full_disk_until_there_is_room() {
    let cluster = Cluster::start().await;
    if cluster.shim().is_none() {
        return println!("not tested: there is no C compiler for a disk that fails");
    }
    let server = Server::start_on(&cluster.url()).await;
    let owner = server.owner().await;
    let write = async |nth: usize| {
        let name = format!("ТОО {nth} {}", "ұзын ".repeat(30));
        owner.post("/customers", json!({"name": name, "type": "COMPANY"})).await
    };
    write(0).await.expect(201);
    cluster.fill_disk();
    let mut nth = 0;
    let refused = loop {
        nth += 1;
        let answer = write(nth).await; // what fits into old pages is written
        if answer.status != 201 {
            break answer;
        }
    };
    is_away(refused);
    let up = |answer: &Answer| answer.body["data"]["uptime"].as_u64().unwrap();
    let since = up(&owner.get("/health").await);
    eventually("twelve seconds have passed", || async {
        let health = owner.get("/health").await;
        assert_eq!(
            (health.status, &health.body["data"]["services"]["database"]),
            (503, &json!("refusing writes"))
        );
        (up(&health) >= since + 12).then_some(())
    })
    .await;
    assert_eq!(owner.get("/customers").await.expect(200)["total"], json!(nth));
    cluster.clear_disk().await;
    eventually("health is well", || async {
        (owner.get("/health").await.status == 200).then_some(())
    })
    .await;
    write(nth).await.expect(201);
}

/// As PostgreSQL tells it.
#[tokio::test]
async fn what_passes_is_told_from_what_is_wrong() {
    let database = Database::create().await;
    let pool = database.pool().await;
    for (code, passing) in [
        ("08006", true),
        ("25006", true),
        ("40P01", true),
        ("53100", true),
        ("53300", true),
        ("55P03", true),
        ("57014", true),
        ("57P01", true),
        ("58030", true),
        ("XX001", true),
        ("22003", false),
        ("23505", false),
        ("25P02", false),
        ("42703", false),
        ("42P01", false),
        ("XX000", false),
    ] {
        let raise = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
        let error = sqlx::raw_sql(AssertSqlSafe(raise)).execute(&pool).await.unwrap_err();
        assert_eq!(log::is_outage(&error), passing, "{error:?}");
    }
    let unreachable = "postgres://nobody@127.0.0.1:9/nothing".parse::<sqlx::postgres::PgConnectOptions>();
    let error = sqlx::ConnectOptions::connect(&unreachable.unwrap()).await.unwrap_err();
    assert!(log::is_outage(&error), "{error:?}");
    assert!(!log::is_outage(&sqlx::Error::RowNotFound));
}

/// The pool's limits hold for everybody, and a long job can lift them for itself.
#[tokio::test]
async fn a_long_job_lifts_the_limits_until_its_end() {
    const NAMES: [&str; 3] = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    ];
    let database = Database::create().await;
    let options = log::limited(database.url.parse().unwrap());
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let shown = async |connection: &mut sqlx::PgConnection| {
        let mut shown: Vec<String> = vec![];
        for name in NAMES {
            let show = sqlx::query_scalar(AssertSqlSafe(format!("show {name}")));
            shown.push(show.fetch_one(&mut *connection).await.unwrap());
        }
        shown
    };
    let limited = ["30s", "5s", "10s"];
    assert_eq!(shown(&mut connection).await, limited);
    let mut tx = sqlx::Connection::begin(&mut connection).await.unwrap();
    log::unhurried(&mut tx).await.unwrap();
    assert_eq!(shown(&mut tx).await, ["0"; 3]);
    tx.commit().await.unwrap();
    assert_eq!(shown(&mut connection).await, limited);
}
