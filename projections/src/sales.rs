//! What is read of customers, deals and orders.

pub mod customer;
pub mod deal;
pub mod order;
