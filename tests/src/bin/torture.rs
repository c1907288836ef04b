//! `./dev torture`: run after run of the log's torture until the time is over or something is found. The same program,
//! as `torture node …`, is a node of such a run.
#![expect(clippy::expect_used, reason = "a torture that cannot go on stops, and says why")]

use clap::{Parser, Subcommand};
use prometric_tests::torture::{Birth, Plan, live, run};
use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

/// How long one run lasts at most; the next one starts on a fresh cluster, with the next seed.
const RUN_MAX: Duration = Duration::from_secs(180);

/// Kills, crashes and fails over under load, and proves that the log lost nothing.
#[derive(Parser)]
#[command(name = "torture")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// How long, about.
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Draws the load and the faults; a random one is printed first.
    #[arg(long)]
    seed: Option<u64>,
    /// Node processes.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Writers in each node.
    #[arg(long, default_value_t = 8)]
    writers: usize,
    /// Folder for the history of a run that found something.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    history: PathBuf,
}

#[derive(Subcommand)]
enum Role {
    /// A node, started by the run itself.
    #[command(hide = true)]
    Node { birth: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Role::Node { birth }) = &arguments.role {
        live(serde_json::from_str::<Birth>(birth).expect("a birth")).await;
        std::process::exit(0); // what still runs has nobody left to tell
    }
    let (mut terminated, mut interrupted) = (
        signal(SignalKind::terminate()).expect("signals"),
        signal(SignalKind::interrupt()).expect("signals"),
    );
    tokio::select! {
        found = rounds(&arguments) => ExitCode::from(u8::from(found)),
        _ = terminated.recv() => ExitCode::from(143),
        _ = interrupted.recv() => ExitCode::from(130),
    }
}

/// Whether anything was found.
async fn rounds(arguments: &Arguments) -> bool {
    let first = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let end = Instant::now() + Duration::from_secs(60 * arguments.minutes);
    println!("torture: seed {first}, {} minutes", arguments.minutes);
    let program = std::env::current_exe().expect("this program");
    for seed in first.. {
        let left = end.saturating_duration_since(Instant::now());
        let plan = Plan {
            nodes: arguments.nodes.max(2),
            writers: arguments.writers,
            load: left.min(RUN_MAX),
            ..Plan::bounded(seed, program.clone(), arguments.history.clone())
        };
        let report = run(&plan).await;
        println!("{report}");
        if !report.findings.is_empty() || Instant::now() >= end {
            return !report.findings.is_empty();
        }
    }
    false
}
