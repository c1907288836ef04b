//! What is read of customers and what is said with them, of deals and orders.

pub mod customer;
pub mod deal;
pub mod interaction;
pub mod order;
