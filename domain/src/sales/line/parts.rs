//! What leaves the shelf for a line: the product itself, or the parts of a bundle. A line carries its bundle's parts as they were
//! when it was written; its price is the bundle's.

use super::{Line, LineType};
use crate::{Quantity, catalog::product::ProductType, id::ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many of a product are in one of the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub product_id: ProductId,
    pub product_name: String,
    #[serde(rename = "type")]
    pub kind: ProductType,
    pub quantity: Quantity,
}

/// So much of a product on a shelf.
#[derive(Debug, Clone, PartialEq)]
pub struct Goods {
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
}

impl Line {
    /// What leaves the shelf for so much of the line; nothing for services.
    pub fn goods(&self, quantity: Quantity) -> Vec<Goods> {
        match (self.kind, self.product_id) {
            (LineType::Product(ProductType::Bundle), _) => self
                .parts
                .iter()
                .filter(|part| part.kind.is_stocked())
                .map(|part| Goods {
                    product_id: part.product_id,
                    product_name: part.product_name.clone(),
                    // A line is not written with more than can be counted.
                    quantity: part.quantity.times(quantity).unwrap_or(quantity),
                })
                .collect(),
            (LineType::Product(kind), Some(product_id)) if kind.is_stocked() => vec![Goods {
                product_id,
                product_name: self.product_name.clone(),
                quantity,
            }],
            (LineType::Product(_) | LineType::Adjustment(_), _) => vec![],
        }
    }
}
