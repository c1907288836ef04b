//! What goes out of which lots, and what a count or a correction says of them.

use super::{Kept, Lot, Lots, Named, PIECE, Spot, Tracking};
use crate::{
    Quantity, Rule,
    catalog::stock::{Moment, Movement, Place, Stock, StockRejection},
};
use std::collections::BTreeMap;

impl Stock {
    /// What was there at that moment by what is written down; and of tracked goods, of which only the lots that are named
    /// were counted, by how much each is another.
    pub(in crate::catalog::stock) fn expected(
        &self,
        movement: &Movement,
        moment: &Moment,
    ) -> Result<(Quantity, Vec<Lot>), StockRejection> {
        let (place, named) = (movement.warehouse, &movement.lots);
        let found = |quantity: Quantity| (!quantity.is_negative(), Rule::Negative);
        self.lots.verified(movement.quantity, &named.lots, found)?;
        if self.tracking() == Tracking::None {
            return Ok((self.at(place).minus(moment.moved_since), vec![]));
        }
        self.lots.agree(&named.lots)?;
        let (mut expected, mut lots) = (Quantity::ZERO, Vec::new());
        for lot in &named.lots {
            let since = moment.lots_since.get(&lot.number).copied().unwrap_or_default();
            let was = self.lots.at(&lot.number, place).minus(since);
            expected = expected.plus(was);
            lots.extend(self.lots.differs(place, lot, lot.quantity.minus(was))?);
        }
        Ok((expected, lots))
    }
}

impl Lots {
    /// What goes out from one of those places after the other: what is named, or else what expires first, and of several
    /// what came first. Of a product that is not tracked, nothing.
    pub(in crate::catalog::stock) fn leaving(
        &self,
        from: &[Place],
        quantity: Quantity,
        named: &Named,
    ) -> Result<Vec<(Place, Lot)>, StockRejection> {
        if self.tracking != Tracking::None && named.lots.is_empty() {
            return self.first(from, quantity, named);
        }
        self.verified(quantity, &named.lots, |quantity| {
            (quantity.is_positive(), Rule::NotPositive)
        })?;
        let mut taken = Vec::new();
        for lot in &named.lots {
            let number = &lot.number;
            let kept = self.kept.get(number);
            if kept.is_some_and(|kept| kept.is_over(named)) && !named.may_be_expired {
                return Err(StockRejection::Expired { number: number.clone() });
            }
            let parts = kept.map(|kept| kept.take(number, from, lot.quantity));
            let parts = parts.unwrap_or_default();
            let available: Quantity = parts.iter().map(|(_, part)| part.quantity).sum();
            if available < lot.quantity {
                let number = number.clone();
                return Err(StockRejection::LotShort { number, available });
            }
            taken.extend(parts);
        }
        Ok(taken)
    }

    /// The same from one place.
    pub(in crate::catalog::stock) fn leaving_from(
        &self,
        place: Place,
        quantity: Quantity,
        named: &Named,
    ) -> Result<Vec<Lot>, StockRejection> {
        let taken = self.leaving(&[place], quantity, named)?;
        Ok(taken.into_iter().map(|(_, lot)| lot).collect())
    }

    /// First expired, first out; what does not expire comes last, and what has expired is passed over.
    fn first(&self, from: &[Place], quantity: Quantity, named: &Named) -> Result<Vec<(Place, Lot)>, StockRejection> {
        let mut kept: Vec<(&String, &Kept)> = self.kept.iter().collect();
        kept.sort_by_key(|(_, kept)| (kept.expires_on.is_none(), kept.expires_on, kept.nth));
        let (mut missing, mut taken, mut expired) = (quantity, Vec::new(), None);
        for (number, kept) in kept {
            let parts = kept.take(number, from, missing);
            if kept.is_over(named) {
                expired = expired.or_else(|| parts.first().map(|_| number.clone()));
                continue;
            }
            missing = missing.minus(parts.iter().map(|(_, part)| part.quantity).sum());
            taken.extend(parts);
        }
        match expired {
            _ if missing.is_zero() => Ok(taken),
            Some(number) => Err(StockRejection::Expired { number }),
            None => Err(StockRejection::Unavailable { missing }),
        }
    }

    /// What a difference is made up of: of tracked goods whoever corrects it says of which lots, for nobody else knows.
    pub(in crate::catalog::stock) fn differing(
        &self,
        place: Place,
        difference: Quantity,
        named: &Named,
    ) -> Result<Vec<Lot>, StockRejection> {
        if !difference.is_negative() {
            return self.arriving(difference, named);
        }
        self.verified(difference, &named.lots, |quantity| {
            (quantity.is_negative(), Rule::NotAllowed)
        })?;
        let mut lots = Vec::new();
        for lot in &named.lots {
            lots.extend(self.differs(place, lot, lot.quantity)?);
        }
        Ok(lots)
    }

    /// So much more or less of a lot lies there: never less than nothing, and a piece in one place only.
    fn differs(&self, place: Place, lot: &Lot, difference: Quantity) -> Result<Option<Lot>, StockRejection> {
        let number = lot.number.clone();
        let available = self.at(&number, place);
        if available.plus(difference).is_negative() {
            return Err(StockRejection::LotShort { number, available });
        }
        if self.tracking == Tracking::Serial && self.all(&number).plus(difference) > PIECE {
            return Err(StockRejection::SerialInStock { number });
        }
        Ok((!difference.is_zero()).then(|| {
            let known = self.kept.get(&number).map(|kept| kept.lot(&number, difference));
            known.unwrap_or_else(|| Lot {
                quantity: difference,
                ..lot.clone()
            })
        }))
    }

    /// As if there were no more of those lots than so much, by number: what is told of an earlier day takes what was there then.
    #[must_use]
    pub(in crate::catalog::stock) fn at_most(mut self, most: &BTreeMap<String, Quantity>) -> Self {
        for (number, most) in most {
            if let Some(mut kept) = self.kept.get(number).cloned() {
                for (_, there) in &mut kept.lies {
                    *there = (*there).min(*most);
                }
                self.kept.insert_mut(number.clone(), kept);
            }
        }
        self
    }

    /// How much of that lot lies there.
    fn at(&self, number: &str, place: Place) -> Quantity {
        let kept = self.kept.get(number);
        kept.map(|kept| kept.at(Spot::At(place))).unwrap_or_default()
    }

    /// How much of that lot there is, wherever it is.
    pub(super) fn all(&self, number: &str) -> Quantity {
        let lies = self.kept.get(number).into_iter().flat_map(|kept| &kept.lies);
        lies.map(|(_, quantity)| *quantity).sum()
    }
}

impl Kept {
    /// Whether it is good no more.
    fn is_over(&self, named: &Named) -> bool {
        let days = self.expires_on.zip(named.today);
        days.is_some_and(|(expires, today)| expires < today)
    }

    /// At most so much, from one of those places after the other.
    fn take(&self, number: &str, from: &[Place], mut wanted: Quantity) -> Vec<(Place, Lot)> {
        let mut taken = Vec::new();
        for place in from {
            let part = wanted.min(self.at(Spot::At(*place)));
            if part.is_positive() {
                wanted = wanted.minus(part);
                taken.push((*place, self.lot(number, part)));
            }
        }
        taken
    }
}
