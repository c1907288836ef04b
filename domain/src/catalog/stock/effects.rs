//! What an event says of a stock: whose it is, and by how much it changes what is on hand, what is promised, and what lies
//! where, of which lots. Memory, tables and balances all go by these.

use super::{Lot, Place, StockEvent};
use crate::{
    Quantity,
    id::{ProductId, TransferId},
};

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

    /// By how much it changes what is on hand; what goes from one place to another is there all the while.
    pub fn difference(&self) -> Quantity {
        let moved = self.moving().filter(|moving| moving.transfer.is_none());
        moved.map(|moving| moving.signed(moving.quantity)).unwrap_or_default()
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
        let moving = self.moving()?;
        Some((moving.place, moving.signed(moving.quantity)))
    }

    /// Which lots moved, as far as the product is tracked.
    pub fn lots(&self) -> &[Lot] {
        self.moving().map(|moving| moving.lots).unwrap_or_default()
    }

    /// By how much it changes what lies of that lot where `moves` says.
    pub fn moved(&self, lot: &Lot) -> Quantity {
        let moved = self.moving().map(|moving| moving.signed(lot.quantity));
        moved.unwrap_or_default()
    }

    /// On which way goods are from now on, or are no more.
    pub fn transfer(&self) -> Option<TransferId> {
        self.moving()?.transfer
    }

    /// What it moves; most events move nothing.
    fn moving(&self) -> Option<Moving<'_>> {
        let (place, goes, quantity, lots, transfer) = match self {
            Self::Received {
                warehouse_id,
                quantity,
                lots,
                ..
            }
            | Self::Adjusted {
                warehouse_id,
                difference: quantity,
                lots,
                ..
            }
            | Self::Counted {
                warehouse_id,
                difference: quantity,
                lots,
                ..
            } => (*warehouse_id, false, *quantity, lots, None),
            Self::Issued {
                warehouse_id,
                quantity,
                lots,
                ..
            }
            | Self::Shipped {
                warehouse_id,
                quantity,
                lots,
                ..
            } => (*warehouse_id, true, *quantity, lots, None),
            Self::Sent {
                from,
                quantity,
                lots,
                transfer_id,
                ..
            } => (*from, true, *quantity, lots, Some(*transfer_id)),
            Self::Arrived {
                to,
                quantity,
                lots,
                transfer_id,
                ..
            } => (*to, false, *quantity, lots, Some(*transfer_id)),
            Self::Valued(_)
            | Self::Landed(_)
            | Self::Reserved { .. }
            | Self::Released { .. }
            | Self::Short { .. }
            | Self::Tracked { .. }
            | Self::Low { .. } => return None,
        };
        Some(Moving {
            place,
            goes,
            quantity,
            lots,
            transfer,
        })
    }
}

/// Goods that an event moves, as it is written down.
struct Moving<'a> {
    place: Place,
    /// From there; what is written down is above zero.
    goes: bool,
    quantity: Quantity,
    lots: &'a [Lot],
    transfer: Option<TransferId>,
}

impl Moving<'_> {
    fn signed(&self, written: Quantity) -> Quantity {
        if self.goes { -written } else { written }
    }
}
