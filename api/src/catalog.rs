//! Products and their stock over HTTP.

pub mod product;
pub mod stock;
