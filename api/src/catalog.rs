//! Products, their categories and their stock over HTTP.

pub mod category;
pub mod product;
pub mod stock;
