//! A moment that is past, on the command line and for an auditor's SQL.

use super::*;
use sqlx::{Connection, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_shown_as_it_was_and_what_changed_since() {
    let business = Business::open().await;
    let Business { owner, shop, .. } = &business;
    let deal = owner.post("/deals", shop.deal(1)).await;
    let position = deal.header("x-event-position").to_owned();
    let deal = id(&deal.expect(201));
    let change = json!({"title": "Другое", "nextStep": "Позвонить"});
    owner.put(&format!("/deals/{deal}"), change).await.expect(200);
    // A deal follows its customer's name.
    let name = json!({"name": "ТОО Новое имя"});
    owner
        .put(&format!("/customers/{}", shop.customer), name)
        .await
        .expect(200);
    let was: Value = serde_json::from_str(&business.ask(&["show", "deals", &deal, "--as-of", &position])).unwrap();
    let is: Value = serde_json::from_str(&business.ask(&["show", "deals", &deal])).unwrap();
    assert_eq!(
        (&was["title"], &was["customerName"], &was["value"]),
        (
            &json!("ERP System Implementation"),
            &json!("ТОО Tech Solutions"),
            &is["value"]
        )
    );
    assert_eq!(
        (&is["title"], &is["customerName"]),
        (&json!("Другое"), &json!("ТОО Новое имя"))
    );
    let diff = business.ask(&["diff", "deals", &deal, "--from", &position]);
    for line in [
        "title: \"ERP System Implementation\" -> \"Другое\"",
        "nextStep: null -> \"Позвонить\"",
        "customerName: \"ТОО Tech Solutions\" -> \"ТОО Новое имя\"",
        "version: 1 -> 2",
    ] {
        assert!(diff.contains(line), "{line}: {diff}");
    }
    assert!(!diff.contains("dealNumber"), "{diff}");
    for (words, told) in [
        (["show", "deals", &deal, "--as-of", "1"], "was not there"),
        (["show", "deals", &deal, "--as-of", "9999999"], "has not come yet"),
        (
            ["show", "ideas", &deal, "--as-of", "1"],
            "there is no ideas; tables are",
        ),
    ] {
        let refused = business.complain(&words);
        assert!(refused.contains(told), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_asks_a_moment_by_sql_and_nothing_else() {
    let business = Business::open().await;
    let Business {
        owner, shop, schema, ..
    } = &business;
    // The last thing before the moment: one that is left out would be missed.
    owner.post("/deals", shop.deal(1)).await.expect(201);
    let (name, deals) = (
        format!("y{}", std::process::id()),
        owner.items("/deals").await.len() as i64,
    );
    let moment = Utc::now().to_rfc3339();
    owner.post("/deals", shop.deal(1)).await.expect(201);
    let told = business.ask(&["replay", "--until", &moment, "--into", &name]);
    assert!(told.contains(&format!("role copy_{name}, password ")), "{told}");
    let again = business.complain(&["replay", "--until", &moment, "--into", &name]);
    assert!(again.contains("there is one of that name already"), "{again}");
    let odd = business.complain(&["replay", "--until", &moment, "--into", "A;b"]);
    assert!(odd.contains("a copy's name is"), "{odd}");
    // What builders leave behind is swept; this is not.
    business.ask(&["replay"]);

    let url = business
        .server
        .database_url
        .replace("//prometric@", &format!("//copy_{name}@"));
    assert_ne!(url, business.server.database_url);
    let mut auditor = PgConnection::connect(&url).await.unwrap();
    let counted: i64 = sqlx::query_scalar("select count(*) from deals")
        .fetch_one(&mut auditor)
        .await
        .unwrap();
    assert_eq!(counted, deals, "that came afterwards is not there");
    for forbidden in [
        "delete from deals".to_owned(),
        "set default_transaction_read_only = off; delete from deals".to_owned(),
        format!("select * from {schema}.deals"),
        "select * from log.events".to_owned(),
        "select * from platform.sessions".to_owned(),
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(forbidden.clone()))
            .execute(&mut auditor)
            .await;
        assert!(refused.is_err(), "{forbidden}");
    }
    auditor.close().await.unwrap();
    let gone = business.server.tool(&["replay", "--drop", &name]);
    assert!(gone.status.success(), "{}", said(&gone));
    let again = business.server.tool(&["replay", "--drop", &name]);
    assert!(said(&again).contains("there is no such copy"), "{}", said(&again));
    let role: i64 = sqlx::query_scalar("select count(*) from pg_roles where rolname = $1")
        .bind(format!("copy_{name}"))
        .fetch_one(&business.pool)
        .await
        .unwrap();
    assert_eq!(role, 0);
}
