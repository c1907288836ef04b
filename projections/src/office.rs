//! What people are told.

pub mod notification;
