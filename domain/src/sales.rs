//! Customers and what is said with them, deals and the orders that won deals become.

pub mod customer;
pub mod deal;
pub mod interaction;
pub mod line;
mod line_request;
pub mod order;

pub use line_request::LineRequest;
