//! `prometric-cluster`: carries out what the product asks of a cluster of EventStoreDB (`LOG_ENGINE`). It reads calls from its input
//! and writes answers to its output, a line of JSON each (../../src/wire.rs), and ends with its input.
//!
//! It is a process of its own because of how crate `eventstore` 4.0 is: it installs a provider of TLS and panics, in a task where nobody
//! sees it, if there is one. Here there is none before its first call has ended, and a panic anywhere ends the process, which the product
//! begins again. It also leaves Nagle's algorithm on, which costs a lone append 50 ms and more: appends share one `batch_append` instead.

#[path = "../../src/wire.rs"]
mod wire;

mod store;

use std::{collections::HashMap, error::Error, process::ExitCode, sync::Arc};
use store::Store;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout},
    sync::mpsc::{Receiver, Sender, channel},
    task::AbortHandle,
};
use wire::{Answer, Ask, Call};

/// Answers that wait to be written.
const ANSWERS: usize = 64;

#[tokio::main]
async fn main() -> ExitCode {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(70);
    }));
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prometric-cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(Store::open(&std::env::var("LOG_ENGINE")?).await?);
    let (tell, answers) = channel(ANSWERS);
    tokio::spawn(write(answers));
    let mut lines = BufReader::new(stdin()).lines();
    let mut following = HashMap::<u64, AbortHandle>::new();
    while let Some(line) = lines.next_line().await? {
        let Call { id, ask } = serde_json::from_str(&line)?;
        match ask {
            Ask::Leave { call } => {
                if let Some(left) = following.remove(&call) {
                    left.abort();
                }
            }
            ask => {
                let is_endless = matches!(ask, Ask::Follow { .. });
                let task = tokio::spawn(answer(store.clone(), id, ask, tell.clone()));
                if is_endless {
                    following.insert(id, task.abort_handle());
                }
            }
        }
    }
    Ok(())
}

async fn answer(store: Arc<Store>, call: u64, ask: Ask, tell: Sender<Answer>) {
    let told = match ask {
        Ask::Append {
            stream,
            length,
            entry,
            text,
        } => store.append(&stream, length, entry, text).await,
        Ask::Read {
            stream,
            revision,
            limit,
        } => store.read(&stream, revision, limit, call, &tell).await,
        Ask::Follow { prefix, after } => store.follow(&prefix, after, call, &tell).await,
        Ask::Leave { .. } => return,
    };
    tell.send(Answer { call, told }).await.ok();
}

/// Whoever does not read us is gone.
async fn write(mut answers: Receiver<Answer>) {
    let mut out = stdout();
    while let Some(answer) = answers.recv().await {
        let Ok(mut line) = serde_json::to_vec(&answer) else {
            continue;
        };
        line.push(b'\n');
        if out.write_all(&line).await.is_err() || out.flush().await.is_err() {
            std::process::exit(1);
        }
    }
}
