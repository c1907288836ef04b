//! A sales order: pending → confirmed → processing → shipped → delivered → completed. What follows from facts
//! (delivery, billing, payment, production) is derived by readers, never commanded.

use super::{
    customer::Address,
    line::{self, Line},
};
use crate::{
    Aggregate, Belongs, Choice, Event, Money, Number, Numbering, Permission, PersonalField, Rejection, Rule, Series,
    StandIn, Upcaster, Violations, Whose,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, DealId, OrderId, UserId},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum OrderCommand {
    Create(Box<Created>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Pending,
    Confirmed,
    Processing,
    Shipped,
    Delivered,
    Completed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderType {
    #[default]
    Sales,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub order_number: Number,
    #[serde(rename = "type")]
    pub kind: OrderType,
    pub status: Status,
    pub customer_id: CustomerId,
    pub customer_name: Option<String>,
    pub deal_id: Option<DealId>,
    pub deal_number: Option<Number>,
    pub items: Vec<Line>,
    /// The sum of the items.
    pub total_amount: Money,
    pub currency: Currency,
    pub assigned_to: Option<UserId>,
    pub shipping_address: Option<Address>,
    pub delivery_date: Option<NaiveDate>,
    pub payment_terms: Option<String>,
    pub notes: Option<String>,
    /// What one unit of the currency is worth in the base currency; absent for the latter, and when there was no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrderEvent {
    #[serde(rename = "order.created")]
    Created(Box<Created>),
}

impl Event for OrderEvent {
    /// Since 2, what tells of people is sealed.
    const UPCASTERS: &'static [Upcaster] = &[Upcaster::unchanged("order.created", 1)];

    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new(
            "order.created",
            "customerName",
            Whose::Beside("customerId"),
            StandIn::Name,
        ),
        PersonalField::new(
            "order.created",
            "shippingAddress",
            Whose::Beside("customerId"),
            StandIn::Nothing,
        ),
    ];

    const NUMBERINGS: &'static [Numbering] = &[Numbering {
        event_type: "order.created",
        field: "orderNumber",
        series: Series::Order,
    }];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum OrderRejection {
    #[error("an order has at least one line")]
    #[rejection(Invalid, "order.empty")]
    Empty,
    #[error(transparent)]
    #[rejection(Invalid, "order.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Id = OrderId;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;
    const SEEN_WITH: Option<Permission> = Some(Permission::OrdersView);

    fn belongs(&self) -> Belongs {
        let user = match self {
            Self::Unknown => None,
            Self::Placed { assigned_to, .. } => *assigned_to,
        };
        Belongs { user, department: None }
    }

    fn permission(_command: &OrderCommand) -> Permission {
        Permission::OrdersCreate
    }

    fn decide(&self, OrderCommand::Create(created): &OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
        match self {
            Self::Placed { .. } => Ok(vec![]), // the command names its effect: this order exists
            Self::Unknown if created.items.is_empty() => Err(OrderRejection::Empty),
            Self::Unknown if line::sum(&created.items) != Some(created.total_amount) => {
                Err(Violations::one("totalAmount", Rule::NotAllowed).into())
            }
            Self::Unknown => Ok(vec![OrderEvent::Created(created.clone())]),
        }
    }

    fn evolve(self, OrderEvent::Created(created): &OrderEvent) -> Self {
        Self::Placed {
            status: created.status,
            assigned_to: created.assigned_to,
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Order {
    #[default]
    Unknown,
    Placed {
        status: Status,
        assigned_to: Option<UserId>,
    },
}

#[cfg(test)]
mod outcomes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    fn created(total: i32) -> Box<Created> {
        Box::new(Created {
            order_number: Number::pending(),
            kind: OrderType::Sales,
            status: Status::Pending,
            customer_id: CustomerId::default(),
            customer_name: None,
            deal_id: None,
            deal_number: None,
            items: Line::adjustment("ERP", Money::whole(10)).into_iter().collect(),
            total_amount: Money::whole(total),
            currency: Currency::kzt(),
            assigned_to: None,
            shipping_address: None,
            delivery_date: None,
            payment_terms: None,
            notes: None,
            exchange_rate: None,
        })
    }

    #[test]
    fn an_order_is_placed_once_however_often_it_is_asked_for() {
        given::<Order>([])
            .when(OrderCommand::Create(created(10)))
            .then([OrderEvent::Created(created(10))]);
        given::<Order>([OrderEvent::Created(created(10))])
            .when(OrderCommand::Create(created(10)))
            .then([]);
    }

    #[test]
    fn a_total_that_is_not_the_sum_of_the_lines_is_refused() {
        let refused = OrderRejection::Invalid(Violations::one("totalAmount", Rule::NotAllowed));
        given::<Order>([])
            .when(OrderCommand::Create(created(11)))
            .then_rejected(refused);
    }
}
