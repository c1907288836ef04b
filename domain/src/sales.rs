//! Customers, deals and the orders that won deals become.

pub mod customer;
pub mod deal;
pub mod line;
pub mod order;
