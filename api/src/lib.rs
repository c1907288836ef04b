//! **speaks.** HTTP, sign-in, mail and the NATS relay over what the other crates decide, keep, remember and pursue.

pub mod admin;
pub mod catalog;
pub mod config;
pub mod disk;
pub mod edge;
pub mod envelope;
pub mod extract;
pub mod finance;
pub mod i18n;
pub mod identity;
pub mod mail;
pub mod measure;
pub mod office;
pub mod openapi;
pub mod operator;
pub mod problem;
pub mod production;
pub mod relay;
pub mod reply;
pub mod router;
pub mod sales;
pub mod serve;
pub mod state;
pub mod system;
pub mod view;
