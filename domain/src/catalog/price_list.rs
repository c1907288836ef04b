//! A price list: for whom its prices are meant, in which currency, from when until when. The prices themselves are
//! `price`'s business: a product is asked for them, and not a list.

use crate::{
    Aggregate, Change, Changes, Check, Event, Fields, Permission, Quantity, Rejection, Rule, Violations,
    finance::Currency,
    id::{CustomerId, PriceListId},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum PriceListCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
}

/// What is known of a price list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 100)]
    pub name: String,
    #[field(currency)]
    pub currency: Currency,
    /// For this customer alone.
    pub customer_id: Option<CustomerId>,
    /// For the customers of this segment.
    #[field(max = 100)]
    pub segment: Option<String>,
    /// The first day; absent, it has always been so.
    pub valid_from: Option<NaiveDate>,
    /// The last day; absent, until it is archived.
    pub valid_until: Option<NaiveDate>,
    /// Of two that are as near to a customer, the one with more of it counts.
    #[field(not_negative)]
    pub priority: Quantity,
}

/// Who buys, and when.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buyer {
    pub customer: Option<CustomerId>,
    pub segment: Option<String>,
    pub currency: Currency,
    pub day: NaiveDate,
}

/// How near a list is to a customer, the nearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    Everybody,
    Segment,
    Customer,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PriceListEvent {
    #[serde(rename = "price.list.created")]
    Created(Box<Details>),
    #[serde(rename = "price.list.updated")]
    Updated(Box<Change>),
    #[serde(rename = "price.list.archived")]
    Archived {},
}

impl Event for PriceListEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum PriceListRejection {
    #[error("no such price list")]
    #[rejection(Missing, "price_list.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "price_list.already_created")]
    AlreadyCreated,
    #[error(transparent)]
    #[rejection(Invalid, "price_list.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for PriceList {
    const NAME: &'static str = "price_list";
    type Id = PriceListId;
    type Command = PriceListCommand;
    type Event = PriceListEvent;
    type Rejection = PriceListRejection;

    fn permission(command: &PriceListCommand) -> Permission {
        match command {
            PriceListCommand::Create(_) => Permission::ProductsCreate,
            PriceListCommand::Update(_) => Permission::ProductsUpdate,
            PriceListCommand::Archive => Permission::ProductsDelete,
        }
    }

    fn decide(&self, command: &PriceListCommand) -> Result<Vec<PriceListEvent>, PriceListRejection> {
        use {PriceListCommand as C, PriceListEvent as E, PriceListRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.verified()?;
                Ok(vec![E::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived, C::Update(_) | C::Archive) => Err(R::Missing),
            (Self::Known(_) | Self::Archived, C::Create(_)) => Err(R::AlreadyCreated),
            (Self::Known(details), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.verified()?;
                // Its prices would be taken for ones of the new currency.
                let mut check = Check::default();
                check.that(after.currency == details.currency, "currency", Rule::OtherCurrency);
                check.done()?;
                let updated = (after != **details).then(|| E::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
            (Self::Known(_), C::Archive) => Ok(vec![E::Archived {}]),
        }
    }

    fn evolve(self, event: &PriceListEvent) -> Self {
        match (self, event) {
            (_, PriceListEvent::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), PriceListEvent::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (unknown @ (Self::Unknown | Self::Archived), PriceListEvent::Updated(_)) => unknown,
            (_, PriceListEvent::Archived {}) => Self::Archived,
        }
    }
}

impl Details {
    fn verified(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        let both = self.customer_id.is_some() && self.segment.is_some();
        check.that(!both, "segment", Rule::NotAllowed);
        let turned = self
            .valid_from
            .zip(self.valid_until)
            .is_some_and(|(from, until)| from > until);
        check.that(!turned, "validUntil", Rule::NotAllowed);
        check.done()
    }

    /// How near it is to who buys that day; not at all, where it is not for them.
    pub fn nearness(&self, buyer: &Buyer) -> Option<Nearness> {
        let begun = self.valid_from.is_none_or(|from| from <= buyer.day);
        let ended = self.valid_until.is_some_and(|until| until < buyer.day);
        if !begun || ended || self.currency != buyer.currency {
            return None;
        }
        match (&self.customer_id, &self.segment) {
            (Some(customer), _) => (buyer.customer == Some(*customer)).then_some(Nearness::Customer),
            (None, Some(segment)) => (buyer.segment.as_ref() == Some(segment)).then_some(Nearness::Segment),
            (None, None) => Some(Nearness::Everybody),
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum PriceList {
    #[default]
    Unknown,
    Known(Box<Details>),
    Archived,
}

impl PriceList {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown | Self::Archived => None,
        }
    }
}

#[cfg(test)]
mod tests;
