//! What people are told.

pub mod custom_field;
pub mod notification;
pub mod requirement;
