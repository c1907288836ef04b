//! What is read of products and their stock.

pub mod product;
pub mod stock_movement;
