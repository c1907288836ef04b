//! What is read of products, their categories and their stock.

pub mod category;
pub mod price;
pub mod price_list;
pub mod product;
pub mod stock_level;
pub mod stock_movement;
pub mod stock_place;
pub mod stock_transfer;
pub mod warehouse;
