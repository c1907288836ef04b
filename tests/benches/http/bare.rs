//! The bare server: a route that inserts one row, and one that reads it.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};
use tokio::net::TcpListener;
use uuid::Uuid;

/// This program as the bare server.
pub const NAME: &str = "bare";
const DATABASE: &str = "BARE_DATABASE";
/// As `Server` gives ours.
const POOL: u32 = 12;

/// It runs until it is dropped.
pub struct Bare {
    pub url: String,
    child: Child,
}

impl Bare {
    pub fn start(database_url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(NAME)
            .env(DATABASE, database_url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim());
        Self { url, child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub async fn serve() {
    let database = std::env::var(DATABASE).unwrap();
    let pool = PgPoolOptions::new().max_connections(POOL);
    let pool = pool.connect(&database).await.unwrap();
    let tables = "create schema bare; create table bare.deals (id uuid primary key, data jsonb not null); \
        insert into bare.deals values ('00000000-0000-0000-0000-000000000000', '{}')";
    sqlx::raw_sql(tables).execute(&pool).await.unwrap();
    let routes = Router::new().route("/deals", post(create)).route("/deal", get(read));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    axum::serve(listener, routes.with_state(pool)).await.unwrap();
}

async fn create(State(pool): State<PgPool>, Json(deal): Json<Value>) -> (StatusCode, Json<Value>) {
    let id = Uuid::now_v7();
    let insert = sqlx::query("insert into bare.deals (id, data) values ($1, $2)");
    insert.bind(id).bind(&deal).execute(&pool).await.unwrap();
    (StatusCode::CREATED, Json(json!({"id": id, "title": deal["title"]})))
}

async fn read(State(pool): State<PgPool>) -> Json<Value> {
    let deal = sqlx::query_scalar("select data from bare.deals where id = $1");
    Json(deal.bind(Uuid::nil()).fetch_one(&pool).await.unwrap())
}
