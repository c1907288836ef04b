//! Bills of materials and production orders over HTTP.

pub mod bom;
pub mod production_order;
