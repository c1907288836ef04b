//! What is sold, bought and made, and how much of it there is.

pub mod category;
pub mod price;
pub mod price_list;
pub mod product;
pub mod stock;
pub mod stock_policy;
pub mod warehouse;
