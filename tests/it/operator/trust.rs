//! What an auditor relies on: whatever somebody does to the log's tables, `audit verify` says what is wrong, and where.

use super::{Business, said};
use sqlx::PgPool;
use std::fs;

/// How many commits of an engine's stream the tables hold: where none has the log, there are none, and such a database is not opened.
const AT_THE_DOOR: &str = "heads.commits";

/// Columns that events say nothing of, and why.
const OUTSIDE: [(&str, &str); 5] = [
    ("turns.what", "told to people"),
    ("turns.at", "told to people"),
    (
        "commands.request_hash",
        "of a request that is nowhere else: a repeat is refused, or one with another body is not",
    ),
    ("commands.answer", "what a repeat is told besides the events"),
    (
        "commands.recorded_at",
        "the command id's age by the database's clock, by which it is swept",
    ),
];

/// Where these went from they may never have been, or have been swept: what is named is where they went.
const GONE: [&str; 2] = ["commands.workspace_id", "trees.workspace_id"];

/// A log's tables and the row of each that is changed; `{P}` is a position.
const TABLES: [(&str, &str); 7] = [
    ("events", "position = {P}"),
    ("claims", "kind = 'product.code'"),
    ("numbers", "series = 'DL'"),
    ("heads", "true"),
    ("turns", "epoch > 0"),
    ("trees", "true"),
    ("commands", "first_position <= last_position"),
];

/// The same value but for a bit.
fn with_a_bit_flipped(column: &str, sql_type: &str) -> String {
    match sql_type {
        "uuid" => format!("encode(set_bit(uuid_send({column}), 3, 1 - get_bit(uuid_send({column}), 3)), 'hex')::uuid"),
        "int8" => format!("{column} # 1048576::bigint"),
        "int4" => format!("{column} # 1024"),
        "text" => format!(
            "overlay({column} || repeat('x', ({column} = '')::int) placing chr(ascii(right({column} || 'y', 1)) # 1) from greatest(length({column}), 1))"
        ),
        "bytea" => format!("set_bit({column}, 9, 1 - get_bit({column}, 9))"),
        "_bytea" => format!(
            "array(select set_bit(e, 9, n::int % 2 # get_bit(e, 9)) from unnest({column}) with ordinality u(e, n))"
        ),
        "json" => format!("regexp_replace({column}::text, '.\":', chr(35) || '\":')::json"),
        "timestamptz" => format!("{column} + interval '1 microsecond'"),
        other => panic!("how is a bit of {other} flipped?"),
    }
}

async fn columns(pool: &PgPool, table: &str) -> Vec<(String, String)> {
    let columns = "select column_name::text, udt_name::text from information_schema.columns \
        where table_schema = 'log' and table_name = $1 order by ordinal_position";
    sqlx::query_as(columns).bind(table).fetch_all(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_of_any_column_is_found() {
    let mut business = Business::open().await;
    business.server.kill();
    for turn in ["close", "reopen"] {
        let turned = business.server.tool(&["workspace", turn, &business.owner.workspace]);
        assert!(turned.status.success(), "{}", said(&turned));
    }
    let workspace = business.owner.workspace.clone();
    let position: i64 = sqlx::query_scalar(
        "select min(position) from log.events where workspace_id = $1::uuid and position > 3 and data::text like '%\":%'",
    )
    .bind(&workspace)
    .fetch_one(&business.pool)
    .await
    .unwrap();
    let heads = business.file("heads.json");
    business.ask(&["audit", "heads", "--out", &heads]);
    fs::remove_file(heads).unwrap();
    let whole = business.server.tool(&["audit", "verify"]);
    assert!(whole.status.success(), "{}", said(&whole));
    let mut complaints = Vec::new();
    for (table, row) in TABLES {
        business
            .execute(format!("create table saved as table log.{table}"))
            .await;
        let row = row.replace("{P}", &position.to_string());
        for (column, sql_type) in columns(&business.pool, table).await {
            let flip = format!(
                "update log.{table} set {column} = {} where ctid = (select ctid from log.{table} where workspace_id = '{workspace}' and {row} limit 1)",
                with_a_bit_flipped(&column, &sql_type)
            );
            assert_eq!(business.execute(flip).await, 1, "{table}.{column}");
            let found = business.server.tool(&["audit", "verify"]);
            let flipped = format!("{table}.{column}");
            let named = said(&found).lines().any(|line| {
                line.starts_with("WRONG")
                    && (line.contains(&workspace) || GONE.contains(&flipped.as_str()))
                    && (table != "events" || line.contains(&format!("position {position}")))
            });
            let refused = flipped == AT_THE_DOOR && said(&found).contains("LOG_ENGINE");
            let outside = OUTSIDE.iter().any(|(outside, _)| *outside == flipped);
            if (named || refused) == outside || found.status.success() != outside {
                complaints.push(format!("{flipped}: {}", said(&found)));
            }
            business.execute(format!("delete from log.{table}")).await;
            business.execute(format!("insert into log.{table} table saved")).await;
        }
        business.execute("drop table saved".to_owned()).await;
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let whole = business.server.tool(&["audit", "verify"]);
    assert!(whole.status.success(), "{}", said(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_beside_the_events_is_held_against_them() {
    let mut business = Business::open().await;
    business.server.kill();
    let workspace = business.owner.workspace.clone();
    let here = format!("workspace_id = '{workspace}'");
    for (change, back, expected) in [
        (
            format!("delete from log.claims where {here} and kind = 'product.code'"),
            "insert into log.claims table saved",
            "is noted to be of None",
        ),
        (
            format!("insert into log.claims values ('{workspace}', 'product.code', 'another', '{workspace}')"),
            "delete from log.claims where key = 'another'",
            "product.code another is noted to be of Some",
        ),
        (
            format!("insert into log.numbers values ('{workspace}', 'DL', 1999, 1)"),
            "delete from log.numbers where year = 1999",
            "the last number of DL in 1999 is noted as Some(1), and is None by the events",
        ),
    ] {
        let saved = format!("create table saved as select * from log.claims where {here} and kind = 'product.code'");
        business.execute(saved).await;
        assert!(business.execute(change).await > 0);
        let wrong = business.complain(&["audit", "verify"]);
        assert!(wrong.contains(expected) && wrong.contains(&workspace), "{wrong}");
        business.execute(back.to_owned()).await;
        business.execute("drop table saved".to_owned()).await;
        business.ask(&["audit", "verify"]);
    }
}
