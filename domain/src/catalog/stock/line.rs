//! Who goods are held for: whoever asks gets what is free and waits for the rest, and what comes serves those who wait. That
//! less is free than should be is told by whatever made it so.

use super::{Demand, Least, Stock, StockEvent, StockRejection};
use crate::{Check, Quantity, id::ProductId};

impl Stock {
    pub(super) fn reserve(
        &self,
        product_id: ProductId,
        demand: &Demand,
        quantity: Quantity,
        least: Option<&Least>,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = Check::default();
        check.positive_quantity("quantity", quantity);
        check.done()?;
        let held = self.available().min(quantity);
        let missing = quantity.minus(held);
        let reserved = held.is_positive().then(|| StockEvent::Reserved {
            product_id,
            demand: demand.clone(),
            quantity: held,
        });
        let short = missing.is_positive().then(|| StockEvent::Short {
            product_id,
            demand: demand.clone(),
            missing,
        });
        let low = self.low(product_id, self.available().minus(held), least);
        Ok(reserved.into_iter().chain(short).chain(low).collect())
    }

    /// Whether there was enough for others, and is no more.
    pub(super) fn low(&self, product_id: ProductId, available: Quantity, least: Option<&Least>) -> Option<StockEvent> {
        let Least { min, code, name, unit } = least?;
        let fell = self.available() >= *min && available < *min;
        fell.then(|| StockEvent::Low {
            product_id,
            product_code: code.clone(),
            product_name: name.clone(),
            unit: unit.clone(),
            available,
            min: *min,
        })
    }

    /// First come, first served.
    pub(super) fn serve_waiting(&self, product_id: ProductId, mut free: Quantity) -> Vec<StockEvent> {
        let mut served = Vec::new();
        for waiting in &self.line {
            let quantity = waiting.missing.min(free);
            if quantity.is_zero() {
                break;
            }
            free = free.minus(quantity);
            served.push(StockEvent::Reserved {
                product_id,
                demand: waiting.demand.clone(),
                quantity,
            });
        }
        served
    }
}
