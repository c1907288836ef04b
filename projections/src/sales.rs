//! What is read of customers and what is said with them, of deals and what is done about them, and of orders.

pub mod activity;
pub mod customer;
pub mod deal;
pub mod interaction;
pub mod order;
pub mod pipeline;
pub mod quote;
