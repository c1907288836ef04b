//! What an event says of a stock: whose it is, and by how much it changes what is on hand, what is promised, and what lies
//! where. Memory, tables and balances all go by these.

use super::{Place, StockEvent};
use crate::{Quantity, id::ProductId};

impl StockEvent {
    pub fn product(&self) -> ProductId {
        match self {
            Self::Received { product_id, .. }
            | Self::Issued { product_id, .. }
            | Self::Adjusted { product_id, .. }
            | Self::Counted { product_id, .. }
            | Self::Sent { product_id, .. }
            | Self::Arrived { product_id, .. }
            | Self::Tracked { product_id, .. }
            | Self::Low { product_id, .. }
            | Self::Reserved { product_id, .. }
            | Self::Short { product_id, .. }
            | Self::Shipped { product_id, .. }
            | Self::Released { product_id, .. } => *product_id,
            Self::Valued(valued) => valued.product_id,
            Self::Landed(landed) => landed.product_id,
        }
    }

    /// By how much it changes what is on hand.
    pub fn difference(&self) -> Quantity {
        match self {
            Self::Received { quantity, .. } => *quantity,
            Self::Issued { quantity, .. } | Self::Shipped { quantity, .. } => -*quantity,
            Self::Adjusted { difference, .. } | Self::Counted { difference, .. } => *difference,
            Self::Valued(_)
            | Self::Landed(_)
            | Self::Sent { .. }
            | Self::Arrived { .. }
            | Self::Reserved { .. }
            | Self::Released { .. }
            | Self::Short { .. }
            | Self::Tracked { .. }
            | Self::Low { .. } => Quantity::ZERO,
        }
    }

    /// By how much it changes what is reserved.
    pub fn promised(&self) -> Quantity {
        match self {
            Self::Reserved { quantity, .. } => *quantity,
            Self::Shipped { quantity, .. } | Self::Released { quantity, .. } => -*quantity,
            Self::Received { .. }
            | Self::Valued(_)
            | Self::Landed(_)
            | Self::Issued { .. }
            | Self::Adjusted { .. }
            | Self::Counted { .. }
            | Self::Sent { .. }
            | Self::Arrived { .. }
            | Self::Short { .. }
            | Self::Tracked { .. }
            | Self::Low { .. } => Quantity::ZERO,
        }
    }

    /// By how much it changes what lies where.
    pub fn moves(&self) -> Option<(Place, Quantity)> {
        match self {
            Self::Received { warehouse_id, .. }
            | Self::Issued { warehouse_id, .. }
            | Self::Adjusted { warehouse_id, .. }
            | Self::Counted { warehouse_id, .. }
            | Self::Shipped { warehouse_id, .. } => Some((*warehouse_id, self.difference())),
            Self::Sent { from, quantity, .. } => Some((*from, -*quantity)),
            Self::Arrived { to, quantity, .. } => Some((*to, *quantity)),
            Self::Valued(_)
            | Self::Landed(_)
            | Self::Reserved { .. }
            | Self::Released { .. }
            | Self::Short { .. }
            | Self::Tracked { .. }
            | Self::Low { .. } => None,
        }
    }
}
