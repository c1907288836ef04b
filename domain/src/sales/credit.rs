//! What a customer may order without having paid. There is one stream a customer, so that of two orders that are confirmed at
//! once the second is decided on with the first. What is still to be paid is looked up for each decision; the stream keeps which
//! orders were confirmed, until one is found to be paid or cancelled. Where there is no limit nothing is written.

use crate::{
    Aggregate, Event, Money, Permission, Rejection, Total,
    id::{CreditId, CustomerId, OrderId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

// Vocabulary

#[derive(Debug, Clone)]
pub enum CreditCommand {
    /// An order is confirmed.
    Take(Box<Taking>),
}

/// An order, and what it is decided on; all amounts in the base currency.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taking {
    pub customer_id: CustomerId,
    pub order_id: OrderId,
    pub amount: Money,
    /// Above zero.
    pub limit: Money,
    /// The customer's other confirmed orders of which something is still to be paid, and how much.
    pub open: BTreeMap<OrderId, Money>,
    /// Whether whoever confirms may let it become more than the limit.
    pub may_exceed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CreditEvent {
    #[serde(rename = "credit.taken")]
    Taken {
        customer_id: CustomerId,
        order_id: OrderId,
        amount: Money,
        /// What is to be paid with it.
        exposure: Total,
        limit: Money,
        /// Somebody has let it become more than the limit.
        exceeded: bool,
    },
    /// Of these nothing is to be paid any more.
    #[serde(rename = "credit.settled")]
    Settled {
        customer_id: CustomerId,
        order_ids: Vec<OrderId>,
    },
}

impl Event for CreditEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum CreditRejection {
    #[error("{exposure} of {limit} are taken: {amount} more is too much")]
    #[rejection(Credit, "credit.exceeded")]
    Exceeded {
        limit: Money,
        exposure: Total,
        amount: Money,
    },
}

// Rules

impl Aggregate for Credit {
    const NAME: &'static str = "credit";
    type Id = CreditId;
    type Command = CreditCommand;
    type Event = CreditEvent;
    type Rejection = CreditRejection;

    fn permission(_: &CreditCommand) -> Permission {
        Permission::OrdersUpdate
    }

    fn decide(&self, command: &CreditCommand) -> Result<Vec<CreditEvent>, CreditRejection> {
        match command {
            CreditCommand::Take(taking) if self.taken.contains(&taking.order_id) => Ok(vec![]),
            CreditCommand::Take(taking) => self.take(taking),
        }
    }

    fn evolve(mut self, event: &CreditEvent) -> Self {
        match event {
            CreditEvent::Taken { order_id, .. } => {
                self.taken.insert(*order_id);
            }
            CreditEvent::Settled { order_ids, .. } => {
                for order in order_ids {
                    self.taken.remove(order);
                }
            }
        }
        self
    }
}

impl Credit {
    fn take(&self, taking: &Taking) -> Result<Vec<CreditEvent>, CreditRejection> {
        let Taking {
            customer_id,
            order_id,
            amount,
            limit,
            ref open,
            may_exceed,
        } = *taking;
        let sum = |sum: Total, open: &Money| sum.plus((*open).into());
        let before = open.values().fold(Total::ZERO, sum);
        let exposure = before.plus(amount.into());
        let exceeded = exposure > limit.into();
        if exceeded && !may_exceed {
            return Err(CreditRejection::Exceeded {
                limit,
                exposure: before,
                amount,
            });
        }
        let settled = self.taken.iter().filter(|order| !open.contains_key(*order));
        let order_ids: Vec<OrderId> = settled.copied().collect();
        let settled = (!order_ids.is_empty()).then_some(CreditEvent::Settled { customer_id, order_ids });
        let taken = CreditEvent::Taken {
            customer_id,
            order_id,
            amount,
            exposure,
            limit,
            exceeded,
        };
        Ok(settled.into_iter().chain([taken]).collect())
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    taken: BTreeSet<OrderId>,
}

impl Credit {
    /// The orders that were confirmed and not found to be paid since.
    pub fn taken(&self) -> impl Iterator<Item = OrderId> {
        self.taken.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;
    use uuid::Uuid;

    fn order(n: u128) -> OrderId {
        OrderId::new(Uuid::from_u128(n))
    }

    fn taking(n: u128, amount: i32, open: &[(u128, i32)]) -> Taking {
        Taking {
            order_id: order(n),
            amount: Money::whole(amount),
            limit: Money::whole(1_000),
            open: open.iter().map(|(n, open)| (order(*n), Money::whole(*open))).collect(),
            ..Taking::default()
        }
    }

    fn taken(n: u128, amount: i32, exposure: i32) -> CreditEvent {
        CreditEvent::Taken {
            customer_id: CustomerId::default(),
            order_id: order(n),
            amount: Money::whole(amount),
            exposure: Money::whole(exposure).into(),
            limit: Money::whole(1_000),
            exceeded: exposure > 1_000,
        }
    }

    fn settled(orders: &[u128]) -> CreditEvent {
        CreditEvent::Settled {
            customer_id: CustomerId::default(),
            order_ids: orders.iter().map(|n| order(*n)).collect(),
        }
    }

    #[test]
    fn take() {
        let take = |taking| CreditCommand::Take(Box::new(taking));
        let when = |before: &[CreditEvent], taking| given::<Credit>(before.to_vec()).when(take(taking));
        let exceeded = |exposure: i32, amount: i32| CreditRejection::Exceeded {
            limit: Money::whole(1_000),
            exposure: Money::whole(exposure).into(),
            amount: Money::whole(amount),
        };
        when(&[taken(1, 600, 600)], taking(1, 9_999, &[])).then([]);
        when(&[], taking(1, 1_001, &[])).then_rejected(exceeded(0, 1_001));
        when(&[], taking(1, 1_000, &[])).then([taken(1, 1_000, 1_000)]);
        let first = [taken(1, 600, 600)];
        when(&first, taking(2, 401, &[(1, 600)])).then_rejected(exceeded(600, 401));
        when(&first, taking(2, 400, &[(1, 600)])).then([taken(2, 400, 1_000)]);
        // A part of it was paid, or all; and what was confirmed before there was a limit counts too.
        when(&first, taking(2, 700, &[(1, 300)])).then([taken(2, 700, 1_000)]);
        when(&first, taking(2, 1_000, &[])).then([settled(&[1]), taken(2, 1_000, 1_000)]);
        when(&first, taking(2, 400, &[(1, 600), (9, 1)])).then_rejected(exceeded(601, 400));
        let approved = Taking {
            may_exceed: true,
            ..taking(2, 401, &[(1, 600)])
        };
        when(&first, approved).then([taken(2, 401, 1_001)]);
    }

    #[test]
    fn who_has_paid_is_forgotten() {
        let state = [taken(1, 600, 600), taken(2, 1, 601), settled(&[1])];
        let state = state.iter().fold(Credit::default(), Credit::evolve);
        assert_eq!(state.taken().collect::<Vec<_>>(), [order(2)]);
    }
}
