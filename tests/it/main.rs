//! End to end: the real binary, PostgreSQL and NATS. One binary, one file per promise.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod append;
mod crash;
mod edge;
mod follow;
mod hostile;
mod idempotency;
mod identity;
mod isolation;
mod keeping;
mod lists;
mod load;
mod outage;
mod personal;
mod reading;
mod relay;
mod states;
mod story;
mod sweep;
mod tidy;
mod torture;
