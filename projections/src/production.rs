//! What is read of bills of materials and production orders.

pub mod bom;
pub mod production_order;
