//! What people are told, and what a workspace wants to know beside.

pub mod custom_field;
pub mod notification;
