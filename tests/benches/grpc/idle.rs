//! What a thousand subscriptions cost to which nothing comes: of the server's memory and of its processor, beside the same server
//! without them.

use crate::{READ, following, until_live};
use prometric_tests::{engine::Store, process, wire::Wire};
use std::time::Duration;

const SUBSCRIPTIONS: usize = 1_000;
/// Which they share.
const CONNECTIONS: usize = 4;
/// They ask every five seconds whether they still may.
const WINDOW: Duration = Duration::from_secs(15);

pub async fn measure(store: &Store) {
    let server = store.server.pid();
    let (held, without) = (process::resident(server), busy(server).await);
    let (mut wires, mut subscriptions) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let wire = Wire::open(store.port, &store.key).await;
        for _ in 0..SUBSCRIPTIONS / CONNECTIONS {
            let mut subscription = wire.ask(READ, following()).await;
            until_live(&mut subscription).await;
            subscriptions.push(subscription);
        }
        wires.push(wire);
    }
    let with = busy(server).await;
    let grown = process::resident(server).zip(held);
    let grown = grown.map_or(f64::NAN, |(now, before)| now as f64 - before as f64);
    println!(
        "{SUBSCRIPTIONS} idle subscriptions: {:.1} MB, {:.1} kB each; {:.2} % of a processor, {:.2} % without them",
        grown / 1024.0,
        grown / SUBSCRIPTIONS as f64,
        with * 100.0,
        without * 100.0
    );
}

/// How much of one processor the server is using.
async fn busy(server: u32) -> f64 {
    let before = process::cpu(server);
    tokio::time::sleep(WINDOW).await;
    (process::cpu(server) - before) / WINDOW.as_secs_f64()
}
