//! What was sent and comes back, as it is found on inspection: what is good goes back into stock in the same append
//! (commands/src/order/returning.rs), what is damaged is written off. No more comes back than was sent.

use super::{
    Known, OrderEvent, OrderRejection, SentLot,
    lots::{among, named_out},
};
use crate::{
    Check, Choice, Fields, Quantity, Rule, Total,
    catalog::stock::Lot,
    check::ITEMS_MAX,
    id::{ProductId, ReturnId, WarehouseId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As asked for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Return {
    #[field(max = 5_000)]
    pub reason: Option<String>,
    /// Into which what is good goes; absent: wherever nobody said.
    pub warehouse_id: Option<WarehouseId>,
    pub items: Vec<Inspected>,
    /// Drawn at the edge.
    #[serde(skip)]
    pub id: ReturnId,
}

/// So much of a product, and how it was found.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Inspected {
    pub product_id: ProductId,
    #[field(positive)]
    pub quantity: Quantity,
    #[serde(default)]
    pub condition: Condition,
    /// Of tracked goods: which lots, all of them together the quantity; absent, those that went first.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Back into stock.
    #[default]
    Good,
    /// Written off.
    Damaged,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    pub return_id: ReturnId,
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse_id: Option<WarehouseId>,
    pub items: Vec<ReturnedItem>,
}

/// So much of one of the order's lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedItem {
    /// From 0.
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
    pub condition: Condition,
    /// What all of it cost when it was sent, and costs again; absent where that was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Total>,
    /// Of tracked goods: which lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<SentLot>,
}

impl Known {
    pub(super) fn take_back(&self, back: &Return) -> Result<Vec<OrderEvent>, OrderRejection> {
        if self.returns.contains(&back.id) {
            return Ok(vec![]);
        }
        back.checked()?;
        let mut out = self.out();
        if out.is_empty() || back.items.is_empty() {
            return Err(OrderRejection::NothingToReturn);
        }
        let (mut check, mut items, mut lots) = (Check::default(), Vec::new(), self.lots.clone());
        for (n, inspected) in back.items.iter().enumerate().take(ITEMS_MAX) {
            let (mut wanted, mut named) = (inspected.quantity, inspected.lots.clone());
            let (product, are_named) = (inspected.product_id, !named.is_empty());
            for line in out.iter_mut().filter(|line| line.product_id == product) {
                let with_customer = lots.entry(line.line).or_default();
                let mut quantity = wanted.min(line.quantity);
                if are_named {
                    quantity = quantity.min(among(with_customer, product, &named));
                }
                if quantity.is_positive() {
                    let lots = match are_named {
                        true => named_out(with_customer, product, &mut named, quantity),
                        false => self.first_out(with_customer, line.line, quantity),
                    };
                    let cost = line.cost.map(|cost| cost.share(quantity, line.quantity));
                    line.cost = line.cost.map(|whole| whole.minus(cost.unwrap_or_default()));
                    (wanted, line.quantity) = (wanted.minus(quantity), line.quantity.minus(quantity));
                    items.push(ReturnedItem {
                        quantity,
                        condition: inspected.condition,
                        cost,
                        lots,
                        ..line.clone()
                    });
                }
            }
            let sum: Quantity = inspected.lots.iter().map(|lot| lot.quantity).sum();
            let field = format!("items[{n}].lots");
            match are_named {
                true if sum != inspected.quantity => check.fail(field, Rule::NotTheSum),
                true => check.that(wanted.is_zero(), field, Rule::Unknown),
                false => check.that(wanted.is_zero(), format!("items[{n}].quantity"), Rule::TooLarge),
            }
        }
        check.done()?;
        Ok(vec![OrderEvent::Returned(Box::new(Returned {
            return_id: back.id,
            reason: back.reason.clone(),
            warehouse_id: back.warehouse_id,
            items,
        }))])
    }

    /// What was sent and has not come back, by line.
    fn out(&self) -> Vec<ReturnedItem> {
        let lines = self.sent.iter().filter_map(|(n, sent)| {
            let item = self.line(*n)?;
            let back = self.returned.get(n).copied().unwrap_or_default();
            Some(ReturnedItem {
                line: *n,
                product_id: item.product_id?,
                product_name: item.product_name.clone(),
                quantity: sent.minus(back),
                condition: Condition::Good,
                cost: self.spent.get(n).copied(),
                lots: vec![],
            })
        });
        lines.filter(|line| line.quantity.is_positive()).collect()
    }

    /// Whether something of it is with the customer.
    pub(super) fn is_out(&self) -> bool {
        !self.out().is_empty()
    }

    pub(super) fn note_return(&mut self, returned: &Returned) {
        self.returns.insert(returned.return_id);
        for item in &returned.items {
            let back = self.returned.entry(item.line).or_default();
            *back = back.plus(item.quantity);
            if let (Some(cost), Some(spent)) = (item.cost, self.spent.get_mut(&item.line)) {
                *spent = spent.minus(cost);
            }
            self.note_lots_back(item.line, &item.lots);
        }
    }
}
