//! What of an order is sent, and what of it is left. Goods leave stock in the same append (commands/src/order/shipping.rs):
//! there is no shipment of what is not there.

use super::{Known, OrderEvent, OrderRejection, SentLot, Status, Step};
use crate::{
    Check, Fields, Quantity, Rule, Total,
    catalog::stock::Lot,
    check::ITEMS_MAX,
    id::{ProductId, ShipmentId, WarehouseId},
    sales::line::{Goods, numbered},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// To send, as asked for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Dispatch {
    #[field(max = 100)]
    pub tracking_number: Option<String>,
    #[field(max = 100)]
    pub carrier: Option<String>,
    pub estimated_delivery: Option<NaiveDate>,
    /// From where; absent: from wherever it lies.
    pub warehouse_id: Option<WarehouseId>,
    /// What is sent; absent, all that is left.
    pub items: Option<Vec<Parcel>>,
    /// Whether lots that are named may have expired.
    #[serde(default)]
    pub confirm_expired: bool,
    /// Drawn at the edge.
    #[serde(skip)]
    pub id: ShipmentId,
    /// What is sent of each line cost, as the stocks that let it go say; lines from 0.
    #[serde(skip)]
    pub costs: BTreeMap<u32, Total>,
    /// And which lots those are.
    #[serde(skip)]
    pub lots: BTreeMap<u32, Vec<SentLot>>,
}

/// So much of a product.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Parcel {
    pub product_id: ProductId,
    #[field(positive)]
    pub quantity: Quantity,
    /// Of a tracked product: which lots, all of them together the quantity; absent, what expires first.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    pub shipment_id: ShipmentId,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub estimated_delivery: Option<NaiveDate>,
    /// Absent: from wherever it lay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<WarehouseId>,
    pub items: Vec<Shipped>,
}

/// So much of one of the order's lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shipped {
    /// From 0.
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
    /// What all of it cost when it was sent, in the product's currency; absent in what was sent before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Total>,
    /// Of tracked goods: which lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<SentLot>,
}

impl Known {
    /// Sends what is asked for. With the last of it the order is shipped; with a part it is being worked on.
    pub(super) fn ship(&self, dispatch: &Dispatch) -> Result<Vec<OrderEvent>, OrderRejection> {
        if self.shipments.contains(&dispatch.id) {
            return Ok(vec![]);
        }
        dispatch.checked()?;
        let begun = match self.status {
            Status::Confirmed => Some(self.changed(&Status::Processing.into())),
            Status::Processing => None,
            from => {
                let to = Status::Shipped;
                return Err(OrderRejection::NoSuchStep { from, to });
            }
        };
        let mut items = self.taken(dispatch.items.as_deref())?;
        for item in &mut items {
            item.cost = dispatch.costs.get(&item.line).copied();
            if let Some(lots) = dispatch.lots.get(&item.line) {
                item.lots.clone_from(lots);
            }
        }
        let rest: Quantity = self.left().iter().map(|left| left.quantity).sum();
        let sent: Quantity = items.iter().map(|item| item.quantity).sum();
        let last = (rest == sent).then(|| {
            let order = Self {
                status: Status::Processing,
                ..self.clone()
            };
            order.changed(&Step::from(Status::Shipped))
        });
        let shipped = OrderEvent::Shipped(Box::new(Shipment {
            shipment_id: dispatch.id,
            tracking_number: dispatch.tracking_number.clone(),
            carrier: dispatch.carrier.clone(),
            estimated_delivery: dispatch.estimated_delivery,
            warehouse_id: dispatch.warehouse_id,
            items,
        }));
        Ok(begun.into_iter().chain([shipped]).chain(last).collect())
    }

    /// What has yet to be sent, by line.
    pub fn left(&self) -> Vec<Shipped> {
        let lines = numbered(&self.items).filter(|(_, line)| line.is_shipped());
        let left = lines.filter_map(|(n, line)| {
            let sent = self.sent.get(&n).copied().unwrap_or_default();
            Some(Shipped {
                line: n,
                product_id: line.product_id?,
                product_name: line.product_name.clone(),
                quantity: line.quantity.minus(sent),
                cost: None,
                lots: vec![],
            })
        });
        left.filter(|left| left.quantity.is_positive()).collect()
    }

    /// What is asked for of what is left, line by line.
    fn taken(&self, parcels: Option<&[Parcel]>) -> Result<Vec<Shipped>, OrderRejection> {
        let mut left = self.left();
        if left.is_empty() || parcels.is_some_and(<[_]>::is_empty) {
            return Err(OrderRejection::NothingToShip);
        }
        let Some(parcels) = parcels else { return Ok(left) };
        let (mut check, mut taken) = (Check::default(), Vec::<Shipped>::new());
        for (n, parcel) in parcels.iter().enumerate().take(ITEMS_MAX) {
            let (mut wanted, mut lots) = (parcel.quantity, parcel.lots.clone());
            self.names_lots(parcel, &format!("items[{n}].lots"), &mut check);
            let of_order = self.items.iter().any(|line| line.product_id == Some(parcel.product_id));
            check.that(of_order, format!("items[{n}].productId"), Rule::Unknown);
            for line in left.iter_mut().filter(|line| line.product_id == parcel.product_id) {
                let quantity = wanted.min(line.quantity);
                if quantity.is_positive() {
                    (wanted, line.quantity) = (wanted.minus(quantity), line.quantity.minus(quantity));
                    let lots = Lot::split(&mut lots, quantity);
                    let lots = lots.into_iter().map(|lot| SentLot::new(line.product_id, lot));
                    match taken.iter_mut().find(|known| known.line == line.line) {
                        Some(known) => {
                            known.quantity = known.quantity.plus(quantity);
                            known.lots.extend(lots);
                        }
                        None => taken.push(Shipped {
                            quantity,
                            lots: lots.collect(),
                            ..line.clone()
                        }),
                    }
                }
            }
            let enough = wanted.is_zero() || !of_order;
            check.that(enough, format!("items[{n}].quantity"), Rule::TooLarge);
        }
        check.done()?;
        Ok(taken)
    }

    /// Lots are those of the product that is sent, all of it; of a bundle's parts nobody can name them.
    fn names_lots(&self, parcel: &Parcel, field: &str, check: &mut Check) {
        let lines = numbered(&self.items).filter(|(_, line)| line.product_id == Some(parcel.product_id));
        let mut goods = lines.flat_map(|(n, _)| self.goods(n, parcel.quantity));
        let is_sent_itself = goods.any(|goods| goods.product_id == parcel.product_id);
        let sum: Quantity = parcel.lots.iter().map(|lot| lot.quantity).sum();
        let named = !parcel.lots.is_empty();
        check.that(!named || is_sent_itself, field, Rule::NotAllowed);
        check.that(!named || sum == parcel.quantity, field, Rule::NotTheSum);
    }

    pub(super) fn note(&mut self, shipment: &Shipment) {
        self.shipments.insert(shipment.shipment_id);
        for item in &shipment.items {
            let sent = self.sent.entry(item.line).or_default();
            *sent = sent.plus(item.quantity);
            if let Some(cost) = item.cost {
                let spent = self.spent.entry(item.line).or_default();
                *spent = spent.plus(cost);
            }
            self.note_lots(item.line, &item.lots);
        }
    }

    /// What leaves the shelf for so much of that line.
    pub fn goods(&self, line: u32, quantity: Quantity) -> Vec<Goods> {
        self.line(line).map(|line| line.goods(quantity)).unwrap_or_default()
    }

    /// Of whose stock it takes.
    pub fn stocked(&self) -> BTreeSet<ProductId> {
        let goods = self.items.iter().flat_map(|line| line.goods(line.quantity));
        goods.map(|goods| goods.product_id).collect()
    }

    /// How much of that line was ordered.
    pub fn ordered(&self, line: u32) -> Quantity {
        self.line(line).map(|line| line.quantity).unwrap_or_default()
    }
}
