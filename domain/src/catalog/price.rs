//! The prices of one product in the price lists it is in: for each list, from which quantity on it costs how much.

use crate::{
    Aggregate, Check, Event, Fields, Money, Permission, Quantity, Rejection, Rule, Violations,
    id::{PriceId, PriceListId, ProductId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From so many quantities on may a list name another price.
pub const TIERS_MAX: usize = 20;
/// The most lists a product may be in: a line of a deal looks at all of them.
pub const LISTS_MAX: usize = 100;

// Vocabulary

/// Sets a product's prices in a list; none takes it out of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct SetPrices {
    pub product_id: ProductId,
    pub price_list_id: PriceListId,
    pub tiers: Vec<Tier>,
}

/// From that quantity on, one costs so much.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    #[serde(default)]
    #[field(not_negative)]
    pub min_quantity: Quantity,
    #[field(not_negative)]
    pub price: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PriceEvent {
    #[serde(rename = "price.set")]
    Set {
        product_id: ProductId,
        price_list_id: PriceListId,
        /// From the least quantity up.
        tiers: Vec<Tier>,
    },
}

impl Event for PriceEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum PriceRejection {
    #[error("in more than {max} lists")]
    #[rejection(Conflict, "price.too_many_lists")]
    TooManyLists { max: usize },
    #[error(transparent)]
    #[rejection(Invalid, "price.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Prices {
    const NAME: &'static str = "price";
    type Id = PriceId;
    type Command = SetPrices;
    type Event = PriceEvent;
    type Rejection = PriceRejection;

    fn permission(_command: &SetPrices) -> Permission {
        Permission::ProductsUpdate
    }

    fn decide(&self, command: &SetPrices) -> Result<Vec<PriceEvent>, PriceRejection> {
        let tiers = sorted(&command.tiers)?;
        let known = self.0.get(&command.price_list_id);
        if known.map_or(&[][..], Vec::as_slice) == tiers {
            return Ok(vec![]);
        }
        if known.is_none() && self.0.len() >= LISTS_MAX {
            return Err(PriceRejection::TooManyLists { max: LISTS_MAX });
        }
        Ok(vec![PriceEvent::Set {
            product_id: command.product_id,
            price_list_id: command.price_list_id,
            tiers,
        }])
    }

    fn evolve(mut self, event: &PriceEvent) -> Self {
        let PriceEvent::Set {
            price_list_id, tiers, ..
        } = event;
        match tiers.is_empty() {
            true => self.0.remove(price_list_id),
            false => self.0.insert(*price_list_id, tiers.clone()),
        };
        self
    }
}

/// From the least quantity up, each once.
fn sorted(tiers: &[Tier]) -> Result<Vec<Tier>, Violations> {
    let mut check = Check::default();
    check.that(tiers.len() <= TIERS_MAX, "tiers", Rule::TooMany { max: TIERS_MAX });
    for (n, tier) in tiers.iter().enumerate().take(TIERS_MAX) {
        tier.check(&format!("tiers[{n}]"), &mut check);
        let known = tiers[..n].iter().any(|before| before.min_quantity == tier.min_quantity);
        check.that(!known, format!("tiers[{n}].minQuantity"), Rule::NotUnique);
    }
    check.done()?;
    let mut tiers = tiers.to_vec();
    tiers.sort_by_key(|tier| tier.min_quantity);
    Ok(tiers)
}

// Memory

/// By the list, from the least quantity up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prices(BTreeMap<PriceListId, Vec<Tier>>);

impl Prices {
    pub fn lists(&self) -> impl Iterator<Item = PriceListId> {
        self.0.keys().copied()
    }

    /// What one costs in that list, when it is so many.
    pub fn of(&self, list: PriceListId, quantity: Quantity) -> Option<Money> {
        let reached = self.0.get(&list)?.iter().rev();
        let mut reached = reached.filter(|tier| tier.min_quantity <= quantity);
        reached.next().map(|tier| tier.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;
    use uuid::Uuid;

    fn list(n: usize) -> PriceListId {
        PriceListId::new(Uuid::from_u128(n as u128))
    }

    fn tier(min_quantity: i32, price: i32) -> Tier {
        Tier {
            min_quantity: Quantity::whole(min_quantity),
            price: Money::whole(price),
        }
    }

    fn set(n: usize, tiers: &[Tier]) -> SetPrices {
        SetPrices {
            product_id: ProductId::default(),
            price_list_id: list(n),
            tiers: tiers.to_vec(),
        }
    }

    fn was_set(n: usize, tiers: &[Tier]) -> PriceEvent {
        PriceEvent::Set {
            product_id: ProductId::default(),
            price_list_id: list(n),
            tiers: tiers.to_vec(),
        }
    }

    fn invalid(field: &str, rule: Rule) -> PriceRejection {
        Violations::one(field, rule).into()
    }

    #[test]
    fn set_prices() {
        let when = |command| given::<Prices>([was_set(1, &[tier(0, 100)])]).when(command);
        let many: Vec<Tier> = (0..21).map(|n| tier(n, 1)).collect();
        when(set(2, &many)).then_rejected(invalid("tiers", Rule::TooMany { max: 20 }));
        when(set(2, &[tier(0, -1)])).then_rejected(invalid("tiers[0].price", Rule::Negative));
        when(set(2, &[tier(-1, 1)])).then_rejected(invalid("tiers[0].minQuantity", Rule::Negative));
        when(set(2, &[tier(1, 1), tier(1, 2)])).then_rejected(invalid("tiers[1].minQuantity", Rule::NotUnique));
        when(set(1, &[tier(0, 100)])).then([]);
        when(set(2, &[])).then([]);
        when(set(1, &[])).then([was_set(1, &[])]);
        when(set(2, &[tier(10, 90), tier(0, 100)])).then([was_set(2, &[tier(0, 100), tier(10, 90)])]);
        let full = || (0..LISTS_MAX).map(|n| was_set(n, &[tier(0, 1)]));
        given::<Prices>(full())
            .when(set(LISTS_MAX, &[tier(0, 1)]))
            .then_rejected(PriceRejection::TooManyLists { max: LISTS_MAX });
        given::<Prices>(full())
            .when(set(0, &[tier(0, 2)]))
            .then([was_set(0, &[tier(0, 2)])]);
    }

    #[test]
    fn the_more_the_cheaper() {
        let prices = Prices::default().evolve(&was_set(1, &[tier(1, 100), tier(10, 90)]));
        for (quantity, price) in [
            (0, None),
            (1, Some(100)),
            (9, Some(100)),
            (10, Some(90)),
            (99, Some(90)),
        ] {
            let found = prices.of(list(1), Quantity::whole(quantity));
            assert_eq!(found, price.map(Money::whole), "{quantity}");
        }
        assert_eq!(prices.of(list(2), Quantity::whole(1)), None);
        assert_eq!(prices.lists().collect::<Vec<_>>(), [list(1)]);
        let out = prices.evolve(&was_set(1, &[]));
        assert_eq!(out, Prices::default());
    }
}
