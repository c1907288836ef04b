//! Which lots a product's stock is made up of, where it is tracked: so much of each lies in each place, or is on the way. They
//! are the sum's parts, as places are. The stock itself knows how it is tracked, so that no movement has to ask its product.
//! What goes out is what is named, or else what expires first; what has expired goes to no customer unless somebody says so.

mod taking;

use super::{Place, Stock, StockEvent, StockRejection};
use crate::{
    Check, Choice, Fields, Quantity, Rule, Violations,
    check::ITEMS_MAX,
    id::{ProductId, TransferId},
};
use chrono::NaiveDate;
use rpds::RedBlackTreeMapSync;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const PIECE: Quantity = Quantity::whole(1);

/// How the pieces of a product are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Tracking {
    #[default]
    None,
    /// By the lot that they came with.
    Lot,
    /// Each by its own number.
    Serial,
}

/// So much of a lot, or one piece by its serial number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Lot {
    #[field(required, max = 50)]
    pub number: String,
    /// Of adjustments and counts as of the whole: below zero, where it is less.
    pub quantity: Quantity,
    /// The last day on which it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufactured_on: Option<NaiveDate>,
}

impl Lot {
    /// So much out of those, from the first on; what is left stays.
    pub fn split(lots: &mut Vec<Self>, quantity: Quantity) -> Vec<Self> {
        let (mut wanted, mut taken) = (quantity, Vec::new());
        for lot in lots.iter_mut() {
            let part = wanted.min(lot.quantity);
            if part.is_positive() {
                (wanted, lot.quantity) = (wanted.minus(part), lot.quantity.minus(part));
                taken.push(Self {
                    quantity: part,
                    ..lot.clone()
                });
            }
        }
        lots.retain(|lot| lot.quantity.is_positive());
        taken
    }
}

/// Which lots, as whoever writes a movement down says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Named {
    pub lots: Vec<Lot>,
    /// What goods that come are called where those do not do: the number of the paper that they come with.
    pub otherwise: Option<String>,
    /// Of that day it is asked what has expired; absent: nothing has.
    pub today: Option<NaiveDate>,
    /// Whoever names what has expired knows it.
    pub may_be_expired: bool,
}

/// What there is of a product's lots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lots {
    tracking: Tracking,
    /// Those of which there is something, by number.
    kept: RedBlackTreeMapSync<String, Kept>,
    /// How many have come so far.
    come: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    expires_on: Option<NaiveDate>,
    manufactured_on: Option<NaiveDate>,
    /// Which of those that came it was.
    nth: u64,
    lies: Vec<(Spot, Quantity)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Spot {
    At(Place),
    UnderWay(TransferId),
}

impl Stock {
    /// How its pieces are told apart.
    pub fn tracking(&self) -> Tracking {
        self.lots.tracking
    }

    /// How much of that lot there is, wherever it is.
    pub fn of_lot(&self, number: &str) -> Quantity {
        self.lots.all(number)
    }

    /// Only what is not there can be told apart otherwise from now on.
    pub(super) fn track(&self, product_id: ProductId, tracking: Tracking) -> Result<Vec<StockEvent>, StockRejection> {
        let there = self.on_hand();
        match tracking == self.tracking() {
            true => Ok(vec![]),
            false if there.is_positive() => Err(StockRejection::NotEmpty { there }),
            false => Ok(vec![StockEvent::Tracked { product_id, tracking }]),
        }
    }
}

impl Lots {
    /// What is on that way.
    pub(super) fn under_way(&self, transfer: TransferId) -> Vec<Lot> {
        let kept = self.kept.iter().map(|(number, kept)| {
            let quantity = kept.at(Spot::UnderWay(transfer));
            kept.lot(number, quantity)
        });
        kept.filter(|lot| lot.quantity.is_positive()).collect()
    }

    /// What comes in: what is named, or else what goods are called otherwise.
    pub(super) fn arriving(&self, quantity: Quantity, named: &Named) -> Result<Vec<Lot>, StockRejection> {
        let comes = |quantity: Quantity| (quantity.is_positive(), Rule::NotPositive);
        let lots = match &named.otherwise {
            Some(number) if self.verified(quantity, &named.lots, comes).is_err() => self.called(number, quantity),
            _ => named.lots.clone(),
        };
        self.verified(quantity, &lots, comes)?;
        let known = lots.iter().find(|lot| self.kept.contains_key(&lot.number));
        match known {
            Some(lot) if self.tracking == Tracking::Serial => Err(StockRejection::SerialInStock {
                number: lot.number.clone(),
            }),
            _ => {
                self.agree(&lots)?;
                Ok(lots)
            }
        }
    }

    /// By a number that nobody gave them: of serial numbers each is another, whatever has come and gone since.
    fn called(&self, number: &str, quantity: Quantity) -> Vec<Lot> {
        let called = |number: String, quantity| Lot {
            number,
            quantity,
            ..Lot::default()
        };
        match self.tracking {
            Tracking::None => vec![],
            Tracking::Lot => vec![called(number.to_owned(), quantity)],
            Tracking::Serial => {
                let pieces = usize::try_from(quantity.units() / PIECE.units()).unwrap_or_default();
                let numbers = (self.come + 1..).map(|n| format!("{number}-{n}"));
                let free = numbers.filter(|number| !self.kept.contains_key(number));
                let free = free.take(pieces.min(ITEMS_MAX + 1));
                free.map(|number| called(number, PIECE)).collect()
            }
        }
    }

    /// Tracked goods name their lots, each once, and what they come to is the whole; others name none.
    fn verified(
        &self,
        quantity: Quantity,
        lots: &[Lot],
        fits: impl Fn(Quantity) -> (bool, Rule),
    ) -> Result<(), Violations> {
        let mut check = Check::default();
        match self.tracking {
            Tracking::None => check.that(lots.is_empty(), "lots", Rule::NotAllowed),
            Tracking::Lot | Tracking::Serial => check.that(!lots.is_empty(), "lots", Rule::Required),
        }
        check.list("lots", lots);
        for (n, lot) in lots.iter().enumerate().take(ITEMS_MAX) {
            let within = format!("lots[{n}]");
            lot.check(&within, &mut check);
            let (holds, rule) = fits(lot.quantity);
            check.that(holds, format!("{within}.quantity"), rule);
            let is_piece = [-PIECE, Quantity::ZERO, PIECE].contains(&lot.quantity);
            let is_fit = self.tracking != Tracking::Serial || is_piece;
            check.that(is_fit, format!("{within}.quantity"), Rule::NotAllowed);
            let is_new = lots[..n].iter().all(|other| other.number != lot.number);
            check.that(is_new, format!("{within}.number"), Rule::NotUnique);
        }
        check.done()?;
        let sum = Quantity::checked_sum(lots.iter().map(|lot| lot.quantity));
        let is_whole = lots.is_empty() || sum == Some(quantity);
        check = Check::default();
        check.that(is_whole, "lots", Rule::NotTheSum);
        check.done()
    }

    /// What is known of a lot that is there is not said otherwise.
    fn agree(&self, lots: &[Lot]) -> Result<(), Violations> {
        let agrees = |said: Option<NaiveDate>, known: Option<NaiveDate>| {
            said.is_none_or(|said| known.is_none_or(|known| said == known))
        };
        let mut check = Check::default();
        for (n, lot) in lots.iter().enumerate() {
            let Some(kept) = self.kept.get(&lot.number) else {
                continue;
            };
            let (expires, manufactured) = (kept.expires_on, kept.manufactured_on);
            let field = |name: &str| format!("lots[{n}].{name}");
            check.that(agrees(lot.expires_on, expires), field("expiresOn"), Rule::NotAllowed);
            check.that(
                agrees(lot.manufactured_on, manufactured),
                field("manufacturedOn"),
                Rule::NotAllowed,
            );
        }
        check.done()
    }

    /// After what happened.
    #[must_use]
    pub(super) fn after(mut self, event: &StockEvent) -> Self {
        if let StockEvent::Tracked { tracking, .. } = event {
            self.tracking = *tracking;
        }
        for lot in event.lots() {
            let moved = event.moved(lot);
            let place = event.moves().map(|(place, _)| (Spot::At(place), moved));
            let way = event.transfer().map(|transfer| (Spot::UnderWay(transfer), -moved));
            let mut moves: Vec<_> = place.into_iter().chain(way).collect();
            // What goes from one to the other is never nowhere.
            moves.sort_by_key(|(_, moved)| moved.is_negative());
            for (spot, moved) in moves {
                self.change(lot, spot, moved);
            }
        }
        self
    }

    fn change(&mut self, lot: &Lot, spot: Spot, moved: Quantity) {
        let known = self.kept.get(&lot.number).cloned();
        let mut kept = known.unwrap_or_else(|| {
            self.come += 1;
            Kept {
                expires_on: None,
                manufactured_on: None,
                nth: self.come,
                lies: vec![],
            }
        });
        kept.expires_on = kept.expires_on.or(lot.expires_on);
        kept.manufactured_on = kept.manufactured_on.or(lot.manufactured_on);
        match kept.lies.iter_mut().find(|(at, _)| *at == spot) {
            Some((_, there)) => *there = there.plus(moved),
            None => kept.lies.push((spot, moved)),
        }
        kept.lies.retain(|(_, there)| !there.is_zero());
        if kept.lies.is_empty() {
            self.kept.remove_mut(&lot.number);
        } else {
            self.kept.insert_mut(lot.number.clone(), kept);
        }
    }
}

impl Kept {
    fn at(&self, spot: Spot) -> Quantity {
        let there = self.lies.iter().find(|(at, _)| *at == spot);
        there.map(|(_, quantity)| *quantity).unwrap_or_default()
    }

    fn lot(&self, number: &str, quantity: Quantity) -> Lot {
        Lot {
            number: number.to_owned(),
            quantity,
            expires_on: self.expires_on,
            manufactured_on: self.manufactured_on,
        }
    }
}

#[cfg(test)]
mod tests;
