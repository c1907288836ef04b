//! Goods that leave for a customer, out of what is held for a demand; and demands that are no more.

use super::{Demand, Least, Lot, Named, Place, Stock, StockEvent, StockRejection, Tracking};
use crate::{
    Aggregate, Check, Number, Quantity,
    id::{OrderId, ProductId, WarehouseId, derive},
};
use uuid::Uuid;

/// Goods that leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Derived from the shipment and the order's line: asking twice is asking once.
    pub id: Uuid,
    pub product_id: ProductId,
    pub demand: Demand,
    /// All that the demand is for; it is made first if nobody has yet.
    pub demanded: Quantity,
    /// How much of it leaves.
    pub quantity: Quantity,
    /// From where, one after the other; none: from wherever it lies.
    pub from: Vec<WarehouseId>,
    pub lots: Named,
    pub least: Option<Least>,
}

/// What an order wants otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exchange {
    pub product_id: ProductId,
    /// Demands that are no more.
    pub ends: Vec<Demand>,
    /// Those that are new, and how much each is for.
    pub begins: Vec<(Demand, Quantity)>,
    pub least: Option<Least>,
}

/// What leaves from one place.
struct Part {
    place: Place,
    quantity: Quantity,
    lots: Vec<Lot>,
}

impl Demand {
    /// An order's line's for that product: the one it sells, or material of what is made for it.
    pub fn id_of(order: impl Into<Uuid>, product: ProductId, line: u32) -> Uuid {
        derive(order, &format!("reserve {product} for line {line}"))
    }

    /// For what the line sells.
    pub fn of_line(order: OrderId, number: &Number, line: u32, product: ProductId) -> Self {
        Self {
            id: Self::id_of(order, product, line),
            order_id: order,
            line,
            production_order_id: None,
            reference: number.to_string(),
        }
    }
}

impl Stock {
    /// How much is held for that demand.
    pub fn held(&self, demand: Uuid) -> Quantity {
        self.held.get(&demand).copied().unwrap_or_default()
    }

    /// The warehouses where there is some.
    pub fn warehouses(&self) -> impl Iterator<Item = WarehouseId> {
        self.places.warehouses()
    }

    pub(super) fn hold(&mut self, demand: Uuid, quantity: Quantity) {
        if quantity.is_positive() {
            self.held.insert_mut(demand, quantity);
        } else {
            self.held.remove_mut(&demand);
        }
    }

    /// What nobody has asked for yet is held first; what is held for others stays.
    pub(super) fn ship(&self, going: &Outgoing) -> Result<Vec<StockEvent>, StockRejection> {
        let Outgoing {
            product_id,
            ref demand,
            demanded,
            quantity,
            ..
        } = *going;
        let mut check = Check::default();
        check.positive_quantity("quantity", quantity);
        check.done()?;
        let asked = match self.known.contains(&demand.id) {
            true => vec![],
            false => self.reserve(product_id, demand, demanded.max(quantity), going.least.as_ref())?,
        };
        let left = asked.iter().fold(self.clone(), Self::evolve).leave(going)?;
        Ok(asked.into_iter().chain(left).collect())
    }

    /// Out of what is held, and from where it lies: what is on the way to a place cannot leave yet.
    fn leave(self, going: &Outgoing) -> Result<Vec<StockEvent>, StockRejection> {
        let held = self.held(going.demand.id);
        if held < going.quantity {
            let missing = going.quantity.minus(held);
            return Err(StockRejection::Unavailable { missing });
        }
        let (mut stock, mut left) = (self, Vec::new());
        for part in stock.parts(going)? {
            let shipped = stock.leaves(going, part);
            stock = stock.evolve(&shipped);
            left.push(shipped);
        }
        Ok(left)
    }

    /// From where how much leaves: of tracked goods it is the lots that say so.
    fn parts(&self, going: &Outgoing) -> Result<Vec<Part>, StockRejection> {
        let (mut missing, mut parts) = (going.quantity, Vec::new());
        let lying = self.places.lying(&going.from, self.on_hand());
        for (place, there) in &lying {
            let (place, quantity) = (*place, missing.min(*there));
            missing = missing.minus(quantity);
            let lots = vec![];
            parts.push(Part { place, quantity, lots });
        }
        if missing.is_positive() {
            return Err(StockRejection::Unavailable { missing });
        }
        let places: Vec<Place> = lying.into_iter().map(|(place, _)| place).collect();
        let lots = self.lots.leaving(&places, going.quantity, &going.lots)?;
        if self.tracking() != Tracking::None {
            for part in &mut parts {
                let of_place = lots.iter().filter(|(place, _)| *place == part.place);
                part.lots = of_place.map(|(_, lot)| lot.clone()).collect();
                part.quantity = part.lots.iter().map(|lot| lot.quantity).sum();
            }
        }
        parts.retain(|part| part.quantity.is_positive());
        Ok(parts)
    }

    /// For what it costs as the stock is valued.
    fn leaves(&self, going: &Outgoing, Part { place, quantity, lots }: Part) -> StockEvent {
        let (unit_cost, cost) = self.going(quantity);
        StockEvent::Shipped {
            id: going.id,
            product_id: going.product_id,
            lots,
            demand: going.demand.clone(),
            quantity,
            unit_cost,
            cost,
            warehouse_id: place,
        }
    }

    /// Others that wait get what becomes free.
    pub(super) fn release(&self, product_id: ProductId, demand: &Demand) -> Vec<StockEvent> {
        let Some(released) = self.released(product_id, demand) else {
            return vec![];
        };
        let after = self.clone().evolve(&released);
        let served = after.serve_waiting(product_id, after.available());
        [released].into_iter().chain(served).collect()
    }

    /// A demand that nobody has made yet is noted all the same: it is not to be made any more.
    fn released(&self, product_id: ProductId, demand: &Demand) -> Option<StockEvent> {
        let held = self.held(demand.id);
        let waits = self.line.iter().any(|waiting| waiting.demand.id == demand.id);
        let is_over = held.is_zero() && !waits && self.known.contains(&demand.id);
        (!is_over).then(|| StockEvent::Released {
            product_id,
            demand: demand.clone(),
            quantity: held,
        })
    }

    /// What becomes free is held for the new demands first: it was theirs. Others that wait get the rest.
    pub(super) fn exchange(&self, exchange: &Exchange) -> Result<Vec<StockEvent>, StockRejection> {
        let (product_id, mut after, mut events) = (exchange.product_id, self.clone(), Vec::new());
        for demand in &exchange.ends {
            let released = after.released(product_id, demand);
            after = released.iter().fold(after, Self::evolve);
            events.extend(released);
        }
        for (demand, quantity) in &exchange.begins {
            if !after.known.contains(&demand.id) {
                let held = after.reserve(product_id, demand, *quantity, None)?;
                after = held.iter().fold(after, Self::evolve);
                events.extend(held);
            }
        }
        let served = after.serve_waiting(product_id, after.available());
        after = served.iter().fold(after, Self::evolve);
        events.extend(served);
        events.extend(self.low(product_id, after.available(), exchange.least.as_ref()));
        Ok(events)
    }
}

#[cfg(test)]
mod tests;
