//! What is sold, bought and made, and how much of it there is.

pub mod category;
pub mod product;
pub mod stock;
