//! Notifications over HTTP.

pub mod notification;
