//! What is read of products, their categories and their stock.

pub mod category;
pub mod price;
pub mod price_list;
pub mod product;
pub mod stock_day;
pub mod stock_level;
pub mod stock_lot;
pub mod stock_movement;
pub mod stock_place;
pub mod stock_transfer;
pub mod warehouse;

use crate::{column::ColumnKind, view::Computed};

/// What the product of a row is called.
const PRODUCT_CODE: Computed = Computed::new(
    "productCode",
    ColumnKind::Text,
    "(select p.code from {s}.products p where p.id = t.product_id)",
)
.nullable();
const PRODUCT_NAME: Computed = Computed::new(
    "productName",
    ColumnKind::Text,
    "(select p.name from {s}.products p where p.id = t.product_id)",
)
.nullable();
