//! Before the code was right there is nothing, and nobody is kept out by what others have typed in; and whoever types in
//! a code makes their own password valid and no other's.

use super::{PASSWORD, count, login, organization, owner, text};
use futures::future::join_all;
use prometric_tests::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

const THEIRS: &str = "Password-of-a-stranger";

async fn register(client: &Client, email: &str, password: &str, bin: &str) -> Answer {
    let mut body = organization(email, bin);
    body["password"] = json!(password);
    client.post("/auth/register", body).await
}

async fn verify(client: &Client, email: &str, code: &str) -> Answer {
    client
        .post("/auth/verify-email", json!({"email": email, "code": code}))
        .await
}

/// The code of the nth mail to that address.
async fn code(server: &Server, email: &str, nth: usize) -> String {
    eventually("the mail", || async { server.codes_for(email).get(nth).cloned() }).await
}

async fn traces(pool: &PgPool) -> [i64; 5] {
    [
        count(pool, "select count(*) from pg_namespace where nspname like 'tenant%'").await,
        count(pool, "select count(*) from pg_class").await,
        count(pool, "select count(*) from log.events").await,
        count(pool, "select count(*) from log.claims").await,
        count(pool, "select count(*) from platform.users").await,
    ]
}

#[tokio::test]
async fn registering_leaves_nothing_but_a_pending_attempt() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let roles = "select count(*) from pg_roles where rolname like 'tenant_flooder%'";
    let before = (traces(&pool).await, count(&pool, roles).await);
    for n in 0..20 {
        let mut body = owner(
            &format!("flood-{n}@company.kz"),
            &format!("{:012}", 888_000_000_000_u64 + n),
        );
        body["companyName"] = json!(format!("Flooder {n}"));
        anybody.post("/users/register-owner", body).await.expect(201);
    }
    code(&server, "flood-19@company.kz", 0).await;
    assert_eq!((traces(&pool).await, count(&pool, roles).await), before);
    assert_eq!(count(&pool, "select count(*) from platform.credentials").await, 0);
}

#[tokio::test]
async fn a_mail_holds_nothing_that_its_cause_wrote() {
    let server = Server::start_with(&[]).await;
    let mut body = owner("victim@company.kz", "123456789012");
    body["firstName"] = json!("Поздравляем! Ваш приз: evil.kz");
    body["lastName"] = json!("evil.kz");
    body["companyName"] = json!("evil.kz");
    server.anonymous().post("/users/register-owner", body).await.expect(201);
    code(&server, "victim@company.kz", 0).await;
    let mail = &server.mails_to("victim@company.kz")[0];
    assert!(
        !mail.contains("evil") && !mail.contains("=D0=9F=D1=80=D0=B8=D0=B7"),
        "{mail}"
    );
}

#[tokio::test]
async fn what_is_not_proved_yields_to_whoever_proves_it() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let email = "owner@victim.kz";
    register(&anybody, email, THEIRS, "111000000001").await.expect(201);
    let theirs = code(&server, email, 0).await;
    register(&anybody, email, PASSWORD, "111000000002").await.expect(201);
    let mine = code(&server, email, 1).await;
    verify(&anybody, email, &theirs).await.refused(400, "VALIDATION_FAILED");
    login(&anybody, email, THEIRS)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    verify(&anybody, email, &mine).await.expect(200);
    login(&anybody, email, PASSWORD).await.expect(200);
    login(&anybody, email, THEIRS)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    verify(&anybody, email, &theirs).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(count(&pool, "select count(*) from platform.registrations where email = 'owner@victim.kz' and (password_hash is not null or details is not null)").await, 0);

    // So does a BIN: two want it, and the one who is there first has it.
    for email in ["squatter@company.kz", "company@company.kz"] {
        register(&anybody, email, PASSWORD, "111000000003").await.expect(201);
    }
    let (squatters, companys) = (
        code(&server, "squatter@company.kz", 0).await,
        code(&server, "company@company.kz", 0).await,
    );
    verify(&anybody, "company@company.kz", &companys).await.expect(200);
    let late = verify(&anybody, "squatter@company.kz", &squatters).await;
    assert_eq!(
        late.refused(409, "ALREADY_EXISTS")["rules"],
        json!({"bin": "not_unique"})
    );
    register(&anybody, "squatter@company.kz", PASSWORD, "111000000003")
        .await
        .refused(409, "ALREADY_EXISTS");
    register(&anybody, "squatter@company.kz", PASSWORD, "111000000004")
        .await
        .expect(201);
    let again = code(&server, "squatter@company.kz", 1).await;
    verify(&anybody, "squatter@company.kz", &again).await.expect(200);
    login(&anybody, "squatter@company.kz", PASSWORD).await.expect(200);
    let orphans = "select count(*) from platform.credentials where user_id not in (select id from platform.users)";
    assert_eq!(count(&pool, orphans).await, 0);
}

#[tokio::test]
async fn a_strangers_code_is_of_no_use_to_the_owner_whoever_came_first() {
    let server = Server::start_with(&[]).await;
    let owner = server.anonymous();
    let stranger = owner.from_address("127.0.0.2".parse().unwrap());
    let third = owner.from_address("127.0.0.3".parse().unwrap());
    for (n, stranger_first) in [true, false].into_iter().enumerate() {
        let email = format!("owner-{n}@company.kz");
        let bin = |who: usize| format!("{:012}", 222_000_000_000 + n * 10 + who);
        let (mine, theirs) = if stranger_first {
            register(&stranger, &email, THEIRS, &bin(1)).await.expect(201);
            let theirs = code(&server, &email, 0).await;
            register(&owner, &email, PASSWORD, &bin(2)).await.expect(201);
            (code(&server, &email, 1).await, theirs)
        } else {
            register(&owner, &email, PASSWORD, &bin(2)).await.expect(201);
            let mine = code(&server, &email, 0).await;
            register(&stranger, &email, THEIRS, &bin(1)).await.expect(201);
            (mine, code(&server, &email, 1).await)
        };
        let contested = verify(&third, &email, &mine).await.refused(409, "CONFLICT");
        assert_eq!(contested["reason"], json!("user.code_contested"));
        verify(&owner, &email, &theirs).await.refused(400, "VALIDATION_FAILED");
        verify(&stranger, &email, &mine).await.refused(400, "VALIDATION_FAILED");
        verify(&owner, &email, &mine).await.expect(200);
        login(&owner, &email, THEIRS)
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS");
        login(&third, &email, PASSWORD).await.expect(200);
        verify(&stranger, &email, &theirs)
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    // Alone, from one network to another.
    register(&owner, "roaming@company.kz", PASSWORD, "222000000099")
        .await
        .expect(201);
    let code = code(&server, "roaming@company.kz", 0).await;
    verify(&third, "roaming@company.kz", &code).await.expect(200);
}

/// Clients register one address at once, again and again, with passwords of their own; then one of them, who can read
/// the mail, types in all the codes there are, while the others go on. Whatever the order, only their passwords open.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_order_only_passwords_of_who_typed_the_code_become_valid() {
    let server = Server::start_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let second = server.another().await;
    for round in 0..4 {
        let email = format!("wanted-{round}@company.kz");
        let clients: Vec<Client> = (1..4)
            .map(|n| server.anonymous().from_address(format!("127.0.0.{n}").parse().unwrap()))
            .collect();
        let attempts = clients.iter().enumerate().map(|(n, client)| {
            let (email, server, second) = (&email, &server, &second);
            async move {
                for again in 0..3 {
                    let node = if again % 2 == 0 { server } else { second };
                    let bin = format!("{:012}", 333_000_000_000_u64 + round * 100 + n as u64 * 10 + again);
                    let password = format!("Password-{n}-{again}");
                    register(&client.at(&node.url), email, &password, &bin)
                        .await
                        .expect(201);
                }
            }
        });
        join_all(attempts).await;
        // Each client's last mail, and what else got out before it was replaced.
        let pool = server.pool().await;
        let owed = "select count(*) from platform.registrations where mail_seed is not null";
        eventually("all mail is out", || async {
            (count(&pool, owed).await == 0).then_some(())
        })
        .await;
        let reader = usize::try_from(round).unwrap() % 3;
        let others = clients
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != reader)
            .map(|(n, client)| {
                let email = &email;
                async move {
                    let bin = format!("{:012}", 333_000_000_050_u64 + round * 100 + n as u64);
                    register(client, email, &format!("Password-{n}-9"), &bin).await
                }
            });
        let reading = async {
            let mut right = 0;
            for code in server.codes_for(&email).into_iter().rev() {
                // Five wrong ones end a code; who goes on asks for another, here by hand.
                sqlx::query("update platform.registrations set failures = 0")
                    .execute(&pool)
                    .await
                    .unwrap();
                right += i32::from(verify(&clients[reader], &email, &code).await.status == 200);
            }
            right
        };
        let (right, _) = futures::join!(reading, join_all(others));
        assert_eq!(right, 1, "round {round}");
        for n in 0..3 {
            for again in [0, 1, 2, 9] {
                let status = login(&clients[reader], &email, &format!("Password-{n}-{again}"))
                    .await
                    .status;
                let expected = if (n, again) == (reader, 2) { 200 } else { 401 };
                assert_eq!(status, expected, "round {round}: {n} {again}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_typed_twice_at_once_on_two_nodes_makes_one_person() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let pool = server.pool().await;
    for round in 0..4 {
        let email = format!("twice-{round}@company.kz");
        let bin = format!("{:012}", 444_000_000_000_u64 + round);
        register(&server.anonymous(), &email, PASSWORD, &bin).await.expect(201);
        let code = code(&server, &email, 0).await;
        let nodes = [&server, &second, &server, &second];
        let answers = join_all(nodes.map(|node| {
            let (client, email, code) = (node.anonymous(), &email, &code);
            async move { verify(&client, email, code).await }
        }));
        for answer in answers.await {
            answer.expect(200);
        }
        login(&second.anonymous(), &email, PASSWORD).await.expect(200);
    }
    for table in ["users", "organizations", "workspaces", "memberships"] {
        assert_eq!(
            count(&pool, &format!("select count(*) from platform.{table}")).await,
            4,
            "{table}"
        );
    }
}

#[tokio::test]
async fn codes_come_ever_more_slowly() {
    let server = Server::start_with(&super::limits::LIMITED).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let email = "forgetful@company.kz";
    for _ in 0..3 {
        register(&anybody, email, PASSWORD, "555000000001").await.expect(201);
    }
    code(&server, email, 2).await;
    let mut pauses = vec![];
    let again = async || register(&anybody, email, PASSWORD, "555000000001").await;
    for _ in 0..7 {
        let slowed = again().await;
        let header: u64 = slowed.header("retry-after").parse().unwrap();
        assert_eq!(slowed.refused(429, "RATE_LIMITED")["retryAfter"], json!(header));
        // Somebody who guesses codes gets no faster ones by signing in.
        for _ in 0..5 {
            verify(&anybody, email, "no code")
                .await
                .refused(400, "VALIDATION_FAILED");
        }
        login(&anybody, email, PASSWORD).await.refused(403, "AUTH_FORBIDDEN");
        pauses.push(header);
        sqlx::query("update platform.code_pauses set next_at = now()")
            .execute(&pool)
            .await
            .unwrap();
        again().await.expect(201);
    }
    assert!(
        pauses.is_sorted() && pauses[0] > 30 && pauses[6] > 20 * pauses[0],
        "{pauses:?}"
    );
    sqlx::query("update platform.code_pauses set next_at = now()")
        .execute(&pool)
        .await
        .unwrap();
    let day = again().await;
    assert!(day.header("retry-after").parse::<u64>().unwrap() > 80_000, "ten a day");
    day.refused(429, "RATE_LIMITED");
    code(&server, email, 9).await;
    assert_eq!(server.codes_for(email).len(), 10);
    let elsewhere = anybody.from_address("127.0.0.2".parse().unwrap());
    register(&elsewhere, email, PASSWORD, "555000000002").await.expect(201);
    code(&server, email, 10).await;
}

#[tokio::test]
async fn without_mail_nobody_can_register_and_everybody_is_told() {
    let server = Server::start_with(&[("MAIL_DIR", ""), ("RUST_LOG", "warn")]).await;
    let anybody = server.anonymous();
    let refused = anybody
        .post("/users/register-owner", owner("a@company.kz", "123456789012"))
        .await;
    assert_eq!(
        refused.refused(503, "SERVICE_UNAVAILABLE")["reason"],
        json!("mail.not_configured")
    );
    let health = anybody.get("/health").await.expect(200);
    assert_eq!(health["services"]["mail"], json!("not configured"));
    assert!(server.said().contains("NO MAIL IS SENT"), "{}", server.said());
    let files = Server::start_with(&[("RUST_LOG", "warn")]).await;
    assert!(files.said().contains("MAIL GOES TO FILES"), "{}", files.said());
    assert_eq!(
        files.anonymous().get("/health").await.expect(200)["services"]["mail"],
        json!("files")
    );
}

#[tokio::test]
async fn an_address_that_is_accepted_can_be_written_to() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    for email in [
        "a..b@company.kz",
        ".a@company.kz",
        "a@company..kz",
        "a@-company.kz",
        "a@b@company.kz",
        "(a)@company.kz",
    ] {
        for (path, body) in [
            ("/auth/check-email", json!({"email": email})),
            ("/auth/register", organization(email, "123456789012")),
        ] {
            let refused = anybody.post(path, body).await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused["rules"], json!({"email": "not_an_email"}), "{path} {email}");
        }
    }
    for (n, email) in ["o'neil+tag@company.kz", "владелец@компания.қаз"]
        .into_iter()
        .enumerate()
    {
        register(
            &anybody,
            email,
            PASSWORD,
            &format!("{:012}", 666_000_000_000_u64 + n as u64),
        )
        .await
        .expect(201);
    }
    code(&server, "o'neil+tag@company.kz", 0).await;
}

#[tokio::test]
async fn what_looks_the_same_is_the_same() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    let (composed, apart) = ("Пароль-Й-é-12345", "Пароль-И\u{306}-e\u{301}-12345");
    for (n, (set, typed)) in [(composed, apart), (apart, composed)].into_iter().enumerate() {
        let email = format!("spelling-{n}@company.kz");
        let mut body = organization(&email, &format!("{:012}", 777_000_000_000_u64 + n as u64));
        (body["password"], body["firstName"]) = (json!(set), json!("Андреи\u{306}"));
        anybody.post("/auth/register", body).await.expect(201);
        let code = code(&server, &email, 0).await;
        verify(&anybody, &email, &code).await.expect(200);
        let user = login(&anybody, &email, typed).await.expect(200)["user"].clone();
        assert_eq!(user["firstName"], json!("Андрей"));
        login(&anybody, &email, set).await.expect(200);
    }
}

#[tokio::test]
async fn who_registered_when_that_was_an_event_still_gets_in() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    register(&anybody, "old@company.kz", PASSWORD, "999000000001")
        .await
        .expect(201);
    let code_of = code(&server, "old@company.kz", 0).await;
    verify(&anybody, "old@company.kz", &code_of).await.expect(200);
    // As the step to this version leaves those who had not proved their address.
    for sql in [
        "update platform.users set verified = false where email = 'old@company.kz'",
        "delete from platform.registrations",
        "insert into platform.registrations (id, email, client, code_hash, failures, expires_at) \
            select id, email, '', '', 5, now() + interval '1 day' from platform.users where not verified",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    login(&anybody, "old@company.kz", PASSWORD)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    let renewed = code(&server, "old@company.kz", 1).await;
    verify(&anybody, "old@company.kz", &renewed).await.expect(200);
    let again = anybody.send(
        Method::POST,
        "/auth/register",
        Some(organization("old@company.kz", "999000000002").to_string()),
        &[],
    );
    again.await.refused(409, "ALREADY_EXISTS");
}

/// The ids are promised before they are anybody's.
#[tokio::test]
async fn a_promised_workspace_is_nobodys_until_the_code_was_right() {
    let server = Server::start_with(&[]).await;
    let (anybody, person) = (server.anonymous(), server.owner().await);
    let promised = register(&anybody, "promise@company.kz", PASSWORD, "123456789012")
        .await
        .expect(201);
    assert!(
        promised["workspaceId"].is_string() && promised["organizationId"].is_string(),
        "{promised}"
    );
    person
        .get(&format!("/workspaces/{}", text(&promised["workspaceId"])))
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(promised["user"]["status"], Value::from("pending"));
}
