//! A line as a caller asks for it: what is left out comes from the product, or from the law of the day.

use crate::{Fields, Money, Percent, Quantity, id::ProductId};
use schemars::JsonSchema;
use serde::Deserialize;

/// A product and how much of it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct LineRequest {
    pub product_id: ProductId,
    #[field(positive)]
    pub quantity: Quantity,
    #[field(not_negative)]
    pub unit_price: Option<Money>,
    /// Whether `unitPrice` carries the tax inside; absent, it does not.
    pub vat_included: Option<bool>,
    /// Percent.
    #[field(range(0, 100))]
    pub discount: Option<Percent>,
    /// Percent; absent, the product's rate or the law's of the day.
    #[field(range(0, 100))]
    pub tax: Option<Percent>,
}
