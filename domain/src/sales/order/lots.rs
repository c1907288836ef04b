//! Which lots of tracked goods went to the customer with an order, line by line, and which of them come back.

use super::Known;
use crate::{Quantity, catalog::stock::Lot, id::ProductId};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So much of a lot of what the line sells; of a bundle's line, of one of its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentLot {
    pub product_id: ProductId,
    pub number: String,
    pub quantity: Quantity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufactured_on: Option<NaiveDate>,
}

impl SentLot {
    pub fn new(product_id: ProductId, lot: Lot) -> Self {
        Self {
            product_id,
            number: lot.number,
            quantity: lot.quantity,
            expires_on: lot.expires_on,
            manufactured_on: lot.manufactured_on,
        }
    }

    /// As the product's stock knows it.
    pub fn lot(&self) -> Lot {
        Lot {
            number: self.number.clone(),
            quantity: self.quantity,
            expires_on: self.expires_on,
            manufactured_on: self.manufactured_on,
        }
    }

    fn is(&self, product_id: ProductId, number: &str) -> bool {
        self.product_id == product_id && self.number == number
    }
}

impl Known {
    pub(super) fn note_lots(&mut self, line: u32, lots: &[SentLot]) {
        for lot in lots {
            let out = self.lots.entry(line).or_default();
            match out.iter_mut().find(|out| out.is(lot.product_id, &lot.number)) {
                Some(out) => out.quantity = out.quantity.plus(lot.quantity),
                None => out.push(lot.clone()),
            }
        }
    }

    pub(super) fn note_lots_back(&mut self, line: u32, lots: &[SentLot]) {
        let out = self.lots.entry(line).or_default();
        for lot in lots {
            take(out, lot.quantity, |out| out.is(lot.product_id, &lot.number));
        }
        if out.is_empty() {
            self.lots.remove(&line);
        }
    }

    /// Of so much of a line those that went first, of each product that it sent.
    pub(super) fn first_out(&self, out: &mut Vec<SentLot>, line: u32, quantity: Quantity) -> Vec<SentLot> {
        let goods = self.goods(line, quantity);
        let taken = goods
            .iter()
            .map(|goods| take(out, goods.quantity, |lot| lot.product_id == goods.product_id));
        taken.flatten().collect()
    }
}

/// How much of those lots of a product is among what is out.
pub(super) fn among(out: &[SentLot], product: ProductId, named: &[Lot]) -> Quantity {
    let found = named.iter().map(|lot| {
        let of_lot = out.iter().filter(|out| out.is(product, &lot.number));
        let there: Quantity = of_lot.map(|out| out.quantity).sum();
        there.min(lot.quantity)
    });
    found.sum()
}

/// Of what is out the lots of a product that are named, so much together; what is named and not found there stays.
pub(super) fn named_out(
    out: &mut Vec<SentLot>,
    product: ProductId,
    named: &mut Vec<Lot>,
    quantity: Quantity,
) -> Vec<SentLot> {
    let (mut wanted, mut taken) = (quantity, Vec::new());
    for lot in named.iter_mut() {
        let found = take(out, wanted.min(lot.quantity), |out| out.is(product, &lot.number));
        let part: Quantity = found.iter().map(|found| found.quantity).sum();
        (wanted, lot.quantity) = (wanted.minus(part), lot.quantity.minus(part));
        taken.extend(found);
    }
    named.retain(|lot| lot.quantity.is_positive());
    taken
}

/// At most so much out of those that fit, from the first on.
fn take(out: &mut Vec<SentLot>, quantity: Quantity, fits: impl Fn(&SentLot) -> bool) -> Vec<SentLot> {
    let (mut wanted, mut taken) = (quantity, Vec::new());
    for lot in out.iter_mut().filter(|lot| fits(lot)) {
        let part = wanted.min(lot.quantity);
        if part.is_positive() {
            (wanted, lot.quantity) = (wanted.minus(part), lot.quantity.minus(part));
            taken.push(SentLot {
                quantity: part,
                ..lot.clone()
            });
        }
    }
    out.retain(|lot| lot.quantity.is_positive());
    taken
}
