//! `store COMMAND…` carries a command out while a server of ours stands for a cluster of EventStoreDB, which the command finds in
//! `LOG_ENGINE`; and ends as that did. So tests of the log run on another engine where no cluster is at hand (`./dev engine`).
#![expect(clippy::expect_used, reason = "there is nobody to tell but who reads the panic")]

use prometric_tests::engine::Store;
use std::process::ExitCode;
use tokio::process::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().expect("a command");
    let store = Store::start().await;
    let mut command = Command::new(program);
    let command = command.args(words).envs(store.engine("test").env());
    let status = command.status().await.expect("the command");
    ExitCode::from(u8::from(!status.success()))
}
