//! `./dev bench http`: what our routes cost beside bare ones. The bare server is the same axum and the same size of pool on
//! the same PostgreSQL, and does what a route cannot do without: one statement. What is more here than there is our own
//! work: who asks and what they may, the rules, the log, the read models. Each lives in a process of its own, so that its
//! share of the CPU can be told; they take turns, and of each figure the median counts.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

mod bare;
mod load;

use bare::Bare;
use load::{Load, Measured};
use prometric_tests::{
    Client, Server,
    story::{Shop, id},
};

/// How many connections ask at a time.
const CONNECTIONS: [usize; 3] = [1, 32, 128];

fn rounds() -> usize {
    std::env::var("BENCH_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [bare::NAME] => bare::serve().await,
        [] | ["short"] => compare().await,
        other => panic!("short or nothing, not {other:?}"),
    }
}

/// The same question, put to both.
struct Pair {
    name: &'static str,
    ours: Load,
    bare: Load,
}

async fn compare() {
    let server = Server::start_with(&[]).await;
    let bare = Bare::start(&server.database_url);
    let owner = server.owner().await;
    let pairs = pairs(&server, &bare, &owner).await;
    println!(
        "{:<12} {:>5} {:>9} {:>9} {:>7} {:>9} {:>9} {:>10} {:>10}",
        "", "conns", "ours/s", "bare/s", "ratio", "ours p50", "bare p50", "ours CPU", "bare CPU"
    );
    for pair in &pairs {
        for connections in CONNECTIONS {
            let (mut ours, mut theirs) = (vec![], vec![]);
            for _ in 0..rounds() {
                ours.push(pair.ours.run(connections, server.pid()).await);
                theirs.push(pair.bare.run(connections, bare.pid()).await);
            }
            tell(pair.name, connections, &ours, &theirs);
        }
    }
    println!("p50 in ms; CPU: of the server's own process, in ms a request");
}

async fn pairs(server: &Server, bare: &Bare, owner: &Client) -> Vec<Pair> {
    let shop = Shop::open(owner, 1_000, 1_000).await;
    let deal = shop.deal(1);
    let known = id(&owner.post("/deals", deal.clone()).await.expect(201));
    let token = owner.token.as_deref();
    let ours = |method: &'static str, path: String| Load::new(&server.url, method, &format!("/api/v1{path}"), token);
    let theirs = |method: &'static str, path: &str| Load::new(&bare.url, method, path, None);
    vec![
        Pair {
            name: "create deal",
            ours: ours("POST", "/deals".to_owned()).with(&deal),
            bare: theirs("POST", "/deals").with(&deal),
        },
        Pair {
            name: "read deal",
            ours: ours("GET", format!("/deals/{known}")),
            bare: theirs("GET", "/deal"),
        },
    ]
}

fn tell(name: &str, connections: usize, ours: &[Measured], bare: &[Measured]) {
    let median = |of: &[Measured], figure: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = of.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let both = |figure: fn(&Measured) -> f64| (median(ours, figure), median(bare, figure));
    let (rate, p50, cpu) = (both(|m| m.per_second), both(|m| m.p50), both(|m| m.cpu));
    println!(
        "{name:<12} {connections:>5} {:>9.0} {:>9.0} {:>7.2} {:>9.2} {:>9.2} {:>10.3} {:>10.3}",
        rate.0,
        rate.1,
        rate.0 / rate.1,
        p50.0,
        p50.1,
        cpu.0,
        cpu.1
    );
}
