//! End to end: the real binary, PostgreSQL and NATS. One binary, one file per promise.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod load;
mod story;
