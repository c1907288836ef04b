//! What is read of customers, deals, what is done about them, and orders.

pub mod activity;
pub mod customer;
pub mod deal;
pub mod order;
pub mod pipeline;
