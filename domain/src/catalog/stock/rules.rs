//! What comes, goes, is corrected, counted and sent elsewhere: each with what follows from it.

use super::{Least, Moment, Movement, Place, REASON_MAX, REFERENCE_MAX, Stock, StockEvent, StockRejection, Transfer};
use crate::{
    Check, Money, Quantity, Rule, Total,
    id::{ProductId, TransferId},
};

impl Stock {
    pub(super) fn receive(&self, movement: Movement) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.done()?;
        let cost = self.holding.cost_in(movement.quantity, movement.unit_cost);
        self.come(&movement, movement.unit_cost, cost)
    }

    /// For what it cost: one of it may have cost no whole tiyn.
    pub(super) fn put_back(&self, movement: &Movement, cost: Total) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.that(!cost.is_negative(), "cost", Rule::Negative);
        check.done()?;
        self.come(movement, cost.each(movement.quantity), cost)
    }

    fn come(
        &self,
        movement: &Movement,
        unit_cost: Option<Money>,
        cost: Total,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        self.can_change(movement.warehouse, movement.quantity)?;
        let lots = self.lots.arriving(movement.quantity, &movement.lots)?;
        let received = StockEvent::Received {
            product_id: movement.product_id,
            lots,
            quantity: movement.quantity,
            unit_cost,
            cost: Some(cost),
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
            warehouse_id: movement.warehouse,
            effective_date: None,
        };
        Ok(self.moved(movement.product_id, received, None))
    }

    pub(super) fn issue(&self, movement: &Movement, least: Option<&Least>) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.done()?;
        self.can_change(movement.warehouse, -movement.quantity)?;
        let lots = self
            .lots
            .leaving_from(movement.warehouse, movement.quantity, &movement.lots)?;
        let (unit_cost, cost) = self.going(movement.quantity);
        let issued = StockEvent::Issued {
            product_id: movement.product_id,
            lots,
            quantity: movement.quantity,
            unit_cost,
            cost,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
            warehouse_id: movement.warehouse,
            effective_date: None,
        };
        Ok(self.moved(movement.product_id, issued, least))
    }

    pub(super) fn adjust(&self, movement: &Movement, least: Option<&Least>) -> Result<Vec<StockEvent>, StockRejection> {
        let difference = movement.quantity;
        let mut check = movement.texts();
        check.that(!difference.is_zero(), "quantity", Rule::NotAllowed);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.that(movement.reason.is_some(), "reason", Rule::Required);
        check.done()?;
        self.can_change(movement.warehouse, difference)?;
        let lots = self.lots.differing(movement.warehouse, difference, &movement.lots)?;
        let (unit_cost, cost) = self.priced(difference, movement.unit_cost);
        let adjusted = StockEvent::Adjusted {
            product_id: movement.product_id,
            lots,
            difference,
            unit_cost,
            cost,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
            warehouse_id: movement.warehouse,
            effective_date: None,
        };
        Ok(self.moved(movement.product_id, adjusted, least))
    }

    /// What was found, against what was written down until then; what has moved since stands. Of tracked goods it tells of
    /// the lots that are named.
    pub(super) fn count(
        &self,
        movement: &Movement,
        moment: &Moment,
        least: Option<&Least>,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let counted = movement.quantity;
        let mut check = movement.texts();
        check.that(!counted.is_negative(), "quantity", Rule::Negative);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.done()?;
        let (expected, lots) = self.expected(movement, moment)?;
        let difference = counted.minus(expected);
        self.can_change(movement.warehouse, difference)?;
        let (unit_cost, cost) = self.priced(difference, movement.unit_cost);
        let counted = StockEvent::Counted {
            product_id: movement.product_id,
            lots,
            counted,
            expected,
            difference,
            at: moment.at,
            unit_cost,
            cost,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
            warehouse_id: movement.warehouse,
        };
        Ok(self.moved(movement.product_id, counted, least))
    }

    /// Goods that are promised may change their place: they are there all the same.
    pub(super) fn send(&self, movement: &Movement, transfer: Transfer) -> Result<Vec<StockEvent>, StockRejection> {
        let Transfer { id, to, at_once } = transfer;
        if self.places.under_way(id).is_some() {
            return Ok(vec![]); // it is that one
        }
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.that(to != movement.warehouse, "toWarehouseId", Rule::NotAllowed);
        check.done()?;
        let available = self.at(movement.warehouse);
        if available < movement.quantity {
            return Err(StockRejection::NotEnough { available });
        }
        let (product_id, quantity) = (movement.product_id, movement.quantity);
        let lots = self.lots.leaving_from(movement.warehouse, quantity, &movement.lots)?;
        let sent = StockEvent::Sent {
            product_id,
            lots: lots.clone(),
            transfer_id: id,
            from: movement.warehouse,
            to,
            quantity,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
        };
        let arrived = at_once.then_some(StockEvent::Arrived {
            product_id,
            lots,
            transfer_id: id,
            to,
            quantity,
        });
        Ok([sent].into_iter().chain(arrived).collect())
    }

    pub(super) fn arrive(
        &self,
        product_id: ProductId,
        transfer_id: TransferId,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let moving = self.places.under_way(transfer_id).ok_or(StockRejection::NotUnderWay)?;
        Ok(vec![StockEvent::Arrived {
            product_id,
            lots: self.lots.under_way(transfer_id),
            transfer_id,
            to: moving.to,
            quantity: moving.quantity,
        }])
    }

    /// Nothing goes below zero, nothing that is promised goes away, and there is an end to what can be counted.
    fn can_change(&self, place: Place, difference: Quantity) -> Result<(), StockRejection> {
        let free = self.available().min(self.at(place));
        if difference.is_negative() && free.plus(difference).is_negative() {
            return Err(StockRejection::NotEnough { available: free });
        }
        let after = self.on_hand().checked_add(difference);
        after.map(drop).ok_or(StockRejection::TooMuch)
    }

    /// What lies at a place.
    pub(super) fn at(&self, place: Place) -> Quantity {
        self.places.at(place, self.on_hand())
    }

    /// What one of a difference costs, and what the value changes by. Less costs what it would as it goes.
    fn priced(&self, difference: Quantity, unit_cost: Option<Money>) -> (Option<Money>, Total) {
        if difference.is_negative() {
            let (unit_cost, cost) = self.going(-difference);
            return (unit_cost, -cost);
        }
        let own = unit_cost.filter(|_| difference.is_positive());
        let cost = self.holding.cost_in(difference, own);
        (own.or_else(|| self.holding.average()), cost)
    }

    /// A movement with what follows from it: who waits is served, and that little is left is told.
    fn moved(&self, product_id: ProductId, movement: StockEvent, least: Option<&Least>) -> Vec<StockEvent> {
        let free = self.available().plus(movement.difference());
        let served = self.serve_waiting(product_id, free);
        let low = self.low(product_id, free, least);
        [movement].into_iter().chain(served).chain(low).collect()
    }
}

impl Movement {
    fn texts(&self) -> Check {
        let mut check = Check::default();
        check.optional_text("reference", self.reference.as_ref(), REFERENCE_MAX);
        check.optional_text("reason", self.reason.as_ref(), REASON_MAX);
        check
    }
}
