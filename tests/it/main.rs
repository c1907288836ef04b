//! End to end: the real binary, PostgreSQL and NATS. One binary, one file per promise.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answered;
mod append;
mod bills;
mod contract;
mod crash;
mod currencies;
mod custom_fields;
mod customers;
mod deals;
mod due;
mod edge;
mod eds;
mod engine;
mod eventstoredb;
mod exports;
mod follow;
mod hostile;
mod idempotency;
mod identity;
mod imports;
mod isolation;
mod keeping;
mod lists;
mod load;
mod names;
mod nodes;
mod operator;
mod orders;
mod outage;
mod past;
mod people;
mod personal;
mod prices;
mod privacy;
mod products;
mod reading;
mod relay;
mod states;
mod stock;
mod stores;
mod story;
mod supply;
mod sweep;
mod taken_over;
mod tidy;
mod torture;
mod traces;
mod trail;
