//! `./dev bench replay live`: read models made again by the command while 50 clients write and read what they wrote, on the
//! product's path: the server, its HTTP, the command as an operator calls it. No request may fail, nor the rows differ afterwards.

use crate::history::History;
use futures::future::join_all;
use prometric_tests::{
    Client,
    story::{Shop, id},
};
use std::{
    process::Child,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

const CLIENTS: usize = 50;

/// What the clients did, and what of it failed.
#[derive(Default)]
struct Told {
    over: AtomicBool,
    requests: AtomicU64,
    failed: AtomicU64,
    slowest_ms: AtomicU64,
}

pub async fn measure(history: &mut History, events: i64) {
    history.catch_up(events).await;
    history.server.spawn().await;
    let (server, owner, shop) = (&history.server, &history.owner, &history.shop);
    while !is_shown(owner, shop).await {} // what was laid down is folded by the server, unless a round before has made rows of it
    let told = Told::default();
    let clients = join_all((0..CLIENTS).map(|_| work(owner, shop, &told)));
    let replay = async {
        let quiet = pace(&told).await;
        let began = Instant::now();
        let mut tool = server.start_tool(&["replay", "--workspace", &owner.workspace]);
        let (requests, peak) = (told.requests.load(Relaxed), peak_of(&mut tool).await);
        let took = began.elapsed();
        let busy = (told.requests.load(Relaxed) - requests) as f64 / took.as_secs_f64();
        pace(&told).await; // and on the new tables
        told.over.store(true, Relaxed);
        (quiet, busy, took, peak)
    };
    let (_, (quiet, busy, took, peak)) = tokio::join!(clients, replay);
    let same = server.tool(&["replay", "--verify", "--workspace", &owner.workspace]);
    let said = [&same.stdout, &same.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(same.status.success(), "{}", said.concat());
    println!(
        "  replay of {events} events beside {CLIENTS} clients: {:.0} s, {:.0} events/s, {peak} MB; requests/s {busy:.0} meanwhile, {quiet:.0} before; \
         {} requests, {} failed, the slowest {} ms; then no row differs",
        took.as_secs_f64(),
        events as f64 / took.as_secs_f64(),
        told.requests.load(Relaxed),
        told.failed.load(Relaxed),
        told.slowest_ms.load(Relaxed),
    );
}

/// Requests a second over some seconds.
async fn pace(told: &Told) -> f64 {
    const SECONDS: u64 = 5;
    let before = told.requests.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    (told.requests.load(Relaxed) - before) as f64 / SECONDS as f64
}

async fn is_shown(owner: &Client, shop: &Shop) -> bool {
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.get(&format!("/deals/{deal}")).await.status == 200
}

async fn work(owner: &Client, shop: &Shop, told: &Told) {
    while !told.over.load(Relaxed) {
        let began = Instant::now();
        let made = owner.post("/deals", shop.deal(1)).await;
        told.count(began, made.status == 201);
        let Some(deal) = made.body["data"]["id"].as_str() else {
            continue;
        };
        let began = Instant::now();
        let shown = owner.get(&format!("/deals/{deal}")).await;
        told.count(began, shown.status == 200);
    }
}

impl Told {
    fn count(&self, began: Instant, well: bool) {
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Relaxed);
        self.failed.fetch_add(u64::from(!well), Relaxed);
        self.slowest_ms.fetch_max(took, Relaxed);
    }
}

/// The most memory that a command takes until it has ended well, in MB.
async fn peak_of(tool: &mut Child) -> u64 {
    let mut most = 0;
    loop {
        most = most.max(crate::peak(tool.id()));
        if let Some(status) = tool.try_wait().unwrap() {
            assert!(status.success(), "the replay ended with {status}");
            return most;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
