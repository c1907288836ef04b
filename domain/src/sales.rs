//! Customers and what is said with them, deals with what is done about them, and the orders that won deals become.

pub mod activity;
pub mod credit;
pub mod customer;
pub mod deal;
pub mod interaction;
pub mod line;
mod line_request;
pub mod order;
pub mod pipeline;

pub use line_request::LineRequest;
