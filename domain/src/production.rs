//! How things are made: bills of materials and the orders to make them.

pub mod bom;
pub mod production_order;
