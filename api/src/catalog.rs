//! Products, their categories and their stock over HTTP.

pub mod category;
pub mod price;
pub mod price_list;
pub mod product;
pub mod stock;
pub mod stock_policy;
pub mod warehouse;
