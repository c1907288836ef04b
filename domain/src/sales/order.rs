//! A sales order: pending → confirmed → processing → shipped → delivered → completed; cancelled from the first three; a
//! draft before all that. What follows from facts (delivery, billing, payment, production) is derived by readers, never
//! commanded. A won deal places one, or a person does: what follows is the same.

mod billing;
mod cancellation;
mod details;
mod life;
mod lots;
mod placing;
mod returns;
mod revision;
mod shipment;
mod told;

pub use cancellation::{
    Cancellation, Cancelled, InvoiceAct, Plan, PlannedGoods, PlannedInvoice, PlannedProduction, ProductionAct,
    ProductionChoice, Revoked, Sale, Stopped, Unheld, Way,
};
pub use details::{Change, Details};
pub use life::Step;
pub use lots::SentLot;
pub use returns::{Condition, Inspected, Return, Returned, ReturnedItem};
pub use revision::{Bill, Changed, LineAct, Obstacle, PlannedLine, Revision, RevisionPlan, Revisions, WantedLine};
pub use shipment::{Dispatch, Parcel, Shipment, Shipped};

use super::{
    customer::Address,
    line::{self, Line, LineDraft},
};
use crate::{
    Aggregate, Belongs, Changes, Check, Choice, Event, Money, Number, Numbering, Permission, PersonalField, Quantity,
    Rejection, Rule, Series, StandIn, Total, Upcaster, Violations, Whose,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, DealId, OrderId, ReturnId, ShipmentId, UserId},
    office::custom_field::Custom,
};
use chrono::NaiveDate;
use placing::{place, priced};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

// Vocabulary

#[derive(Debug, Clone)]
pub enum OrderCommand {
    /// As a won deal has it: nothing is looked up or computed any more.
    Create(Box<Created>),
    /// By hand.
    Place(Box<Draft>),
    Update {
        change: Box<Change>,
        items: Option<Vec<LineDraft>>,
        step: Option<Step>,
    },
    /// Other lines, once it is placed.
    Revise(Box<Revision>),
    Move(Step),
    Ship(Dispatch),
    TakeBack(Return),
    Cancel(Box<Cancellation>),
    /// It was delivered and paid.
    Complete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    // Nothing follows from it yet.
    Draft,
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
#[schemars(extend("x-extensible" = true))]
pub enum OrderType {
    #[default]
    Sales,
    // Of services alone: nothing is made or sent.
    Service,
}

/// An order by hand, with its products already looked up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    pub details: Details,
    /// A draft, pending or confirmed.
    pub status: Status,
    pub items: Vec<LineDraft>,
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
    /// In the workspace's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrderEvent {
    #[serde(rename = "order.created")]
    Created(Box<Created>),
    #[serde(rename = "order.updated")]
    Updated {
        #[serde(flatten)]
        change: Box<Change>,
        /// All lines, when they are others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Vec<Line>>,
        /// Their sum.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_amount: Option<Money>,
    },
    /// A draft became an order, and this is what it says: all that follows begins here.
    #[serde(rename = "order.placed")]
    Placed(Box<Created>),
    #[serde(rename = "order.changed")]
    Changed(Box<Changed>),
    #[serde(rename = "order.status.changed")]
    StatusChanged {
        from: Status,
        to: Status,
        note: Option<String>,
        /// What is to be paid for it; said when it was delivered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_amount: Option<Money>,
    },
    /// So much of it is on its way.
    #[serde(rename = "order.shipped")]
    Shipped(Box<Shipment>),
    /// So much of it came back.
    #[serde(rename = "order.returned")]
    Returned(Box<Returned>),
    #[serde(rename = "order.completed")]
    Completed { from: Status, note: Option<String> },
    /// With the plan that is to be carried out.
    #[serde(rename = "order.cancelled")]
    Cancelled(Box<Cancelled>),
}

impl Event for OrderEvent {
    /// Since 2, what tells of people is sealed; since 3 there are drafts and orders of services.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("order.created", 1),
        Upcaster::unchanged("order.created", 2),
    ];

    /// Whose they are stands beside them, also when only the address changes.
    const PERSONAL: &'static [PersonalField] = &[
        of_customer("order.created", "customerName", StandIn::Name),
        of_customer("order.created", "shippingAddress", StandIn::Nothing),
        of_customer("order.updated", "customerName", StandIn::Name),
        of_customer("order.updated", "shippingAddress", StandIn::Nothing),
        of_customer("order.placed", "customerName", StandIn::Name),
        of_customer("order.placed", "shippingAddress", StandIn::Nothing),
    ];

    const NUMBERINGS: &'static [Numbering] = &[Numbering {
        event_type: "order.created",
        field: "orderNumber",
        series: Series::Order,
    }];
}

const fn of_customer(event_type: &'static str, path: &'static str, erased: StandIn) -> PersonalField {
    PersonalField::new(event_type, path, Whose::Beside("customerId"), erased)
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum OrderRejection {
    #[error("no such order")]
    #[rejection(Missing, "order.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "order.already_created")]
    AlreadyCreated,
    #[error("an order has at least one line")]
    #[rejection(Invalid, "order.empty")]
    Empty,
    #[error("{from} does not become {to}")]
    #[rejection(Transition, "order.no_such_step")]
    NoSuchStep { from: Status, to: Status },
    #[error("it is {status}: it is being worked on")]
    #[rejection(Conflict, "order.being_worked_on")]
    BeingWorkedOn { status: Status },
    #[error("it is {status}: its lines stay as they are")]
    #[rejection(Conflict, "order.lines_stay")]
    LinesStay { status: Status },
    #[error("a part of {product} was sent")]
    #[rejection(Conflict, "order.line_sent")]
    LineSent { product: String },
    #[error("{billed} are being paid: it cannot come to less")]
    #[rejection(Conflict, "order.billed_above")]
    BilledAbove { billed: Money },
    #[error("nothing is left to be sent")]
    #[rejection(Conflict, "order.nothing_to_ship")]
    NothingToShip,
    #[error("{missing} of {product} are missing in stock")]
    #[rejection(Stock, "order.out_of_stock")]
    OutOfStock { product: String, missing: Quantity },
    #[error("only {available} of lot {lot} of {product} is there for it")]
    #[rejection(Stock, "order.lot_short")]
    LotShort {
        product: String,
        lot: String,
        available: Quantity,
    },
    #[error("lot {lot} of {product} has expired")]
    #[rejection(Stock, "order.lot_expired")]
    LotExpired { product: String, lot: String },
    #[error("{lot} of {product} is in stock already")]
    #[rejection(Conflict, "order.serial_in_stock")]
    SerialInStock { product: String, lot: String },
    #[error("nothing of it is with the customer")]
    #[rejection(Conflict, "order.nothing_to_return")]
    NothingToReturn,
    #[error("more of {product} than stock can hold")]
    #[rejection(Invalid, "order.no_room")]
    NoRoom { product: String },
    #[error("a part of it was sent")]
    #[rejection(Conflict, "order.partly_shipped")]
    PartlyShipped,
    #[error("{refundable} can go back")]
    #[rejection(Balance, "order.refund_above_paid")]
    RefundAbovePaid { refundable: Money },
    #[error("{exposure} of {limit} are taken: {amount} more is too much")]
    #[rejection(Credit, "order.credit_exceeded")]
    CreditExceeded {
        limit: Money,
        exposure: Total,
        amount: Money,
    },
    #[error("{product} is being made: finish it to stock, or scrap it")]
    #[rejection(Conflict, "order.choice_missing")]
    ChoiceMissing { product: String },
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
            Self::Known(order) => order.details.assigned_to,
        };
        Belongs { user, department: None }
    }

    fn permission(command: &OrderCommand) -> Permission {
        match command {
            OrderCommand::Create(_) | OrderCommand::Place(_) => Permission::OrdersCreate,
            OrderCommand::Update { .. }
            | OrderCommand::Revise(_)
            | OrderCommand::Move(_)
            | OrderCommand::Ship(_)
            | OrderCommand::TakeBack(_)
            | OrderCommand::Cancel(_)
            | OrderCommand::Complete => Permission::OrdersUpdate,
        }
    }

    fn decide(&self, command: &OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
        use {OrderCommand as C, OrderRejection as R};
        match (self, command) {
            (Self::Known(_), C::Create(_)) => Ok(vec![]), // the command names its effect: this order exists
            (Self::Unknown, C::Create(created)) if created.items.is_empty() => Err(R::Empty),
            (Self::Unknown, C::Create(created)) if line::sum(&created.items) != Some(created.total_amount) => {
                Err(Violations::one("totalAmount", Rule::NotAllowed).into())
            }
            (Self::Unknown, C::Create(created)) => Ok(vec![OrderEvent::Created(created.clone())]),
            (Self::Unknown, C::Place(draft)) => place(draft),
            (Self::Known(_), C::Place(_)) => Err(R::AlreadyCreated),
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known(order), C::Update { change, items, step }) => {
                order.update(change, items.as_deref(), step.as_ref())
            }
            (Self::Known(order), C::Revise(revision)) => order.revise(revision),
            (Self::Known(order), C::Move(step)) => order.step(step),
            (Self::Known(order), C::Ship(dispatch)) => order.ship(dispatch),
            (Self::Known(order), C::TakeBack(back)) => order.take_back(back),
            (Self::Known(order), C::Cancel(cancellation)) => order.cancel(cancellation),
            (Self::Known(order), C::Complete) => order.complete(),
        }
    }

    fn evolve(self, event: &OrderEvent) -> Self {
        use OrderEvent as E;
        let mut order = match (self, event) {
            (_, E::Created(created)) => return Self::Known(Box::new(created.as_ref().into())),
            (Self::Unknown, _) => return Self::Unknown,
            (Self::Known(order), _) => order,
        };
        match event {
            E::Created(_) => {}
            E::Updated {
                change,
                items,
                total_amount,
            } => {
                order.details.apply(change);
                if let Some(items) = items {
                    order.items.clone_from(items);
                }
                order.total = total_amount.unwrap_or(order.total);
            }
            E::Placed(placed) => order.status = placed.status,
            E::Changed(changed) => order.note_change(changed),
            E::StatusChanged { to, .. } => order.status = *to,
            E::Shipped(shipment) => order.note(shipment),
            E::Returned(returned) => order.note_return(returned),
            E::Completed { .. } => order.status = Status::Completed,
            E::Cancelled(_) => order.status = Status::Cancelled,
        }
        Self::Known(order)
    }
}

impl Known {
    /// What people agreed on stays once it is an order; who sees to it, where it goes and when may change until it is being
    /// worked on.
    fn update(
        &self,
        change: &Change,
        items: Option<&[LineDraft]>,
        step: Option<&Step>,
    ) -> Result<Vec<OrderEvent>, OrderRejection> {
        let mut change = self.details.unless_named_again(change);
        let mut details = self.details.clone();
        details.apply(&change);
        let mut check = Check::default();
        details.check_all(&mut check);
        let is_draft = self.status == Status::Draft;
        let currency_stays = details.currency == self.details.currency || items.is_some() || self.items.is_empty();
        check.that(currency_stays, "currency", Rule::OtherCurrency);
        let fits = items.is_some() || details.kind != OrderType::Service || self.ships_nothing();
        check.that(fits, "type", Rule::NotAllowed);
        let items = items.map(|drafts| priced(&mut check, drafts, &details));
        check.done()?;
        let others = items.clone().filter(|items| *items != self.items);
        let changed = details != self.details || others.is_some();
        if changed && !self.status.may_change() {
            return Err(OrderRejection::BeingWorkedOn { status: self.status });
        }
        let otherwise = details.agreed_otherwise(&self.details);
        if let (false, Some(field)) = (is_draft, otherwise.or(others.is_some().then_some("items"))) {
            return Err(Violations::one(field, Rule::NotAllowed).into());
        }
        let total_amount = others.as_deref().map(|items| line::sum(items).unwrap_or_default());
        if !change.shipping_address.is_keep() {
            change.customer_id = crate::Patch::Set(details.customer_id);
        }
        let updated = changed.then(|| OrderEvent::Updated {
            change: Box::new(change),
            items: others.clone(),
            total_amount,
        });
        let after = Self {
            details,
            items: others.unwrap_or_else(|| self.items.clone()),
            total: total_amount.unwrap_or(self.total),
            ..self.clone()
        };
        let moved = step.map_or_else(|| Ok(vec![]), |step| after.step(step))?;
        Ok(updated.into_iter().chain(moved).collect())
    }

    fn as_created(&self, status: Status) -> Created {
        let details = self.details.clone();
        Created {
            order_number: self.number.clone(),
            kind: details.kind,
            status,
            customer_id: details.customer_id.unwrap_or_default(),
            customer_name: details.customer_name,
            deal_id: details.deal_id,
            deal_number: details.deal_number.as_deref().map(Number::from),
            items: self.items.clone(),
            total_amount: self.total,
            currency: details.currency,
            assigned_to: details.assigned_to,
            shipping_address: details.shipping_address,
            delivery_date: details.delivery_date,
            payment_terms: details.payment_terms,
            notes: details.notes,
            exchange_rate: details.exchange_rate,
            custom: details.custom,
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Order {
    #[default]
    Unknown,
    Known(Box<Known>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    number: Number,
    status: Status,
    details: Details,
    items: Vec<Line>,
    /// The sum of the items.
    total: Money,
    /// How much of which line was sent.
    sent: BTreeMap<u32, Quantity>,
    shipments: BTreeSet<ShipmentId>,
    /// How much of which line came back.
    returned: BTreeMap<u32, Quantity>,
    returns: BTreeSet<ReturnId>,
    /// What that of each line which was sent and has not come back cost.
    spent: BTreeMap<u32, Total>,
    /// Which lots those are, as far as they are told apart.
    lots: BTreeMap<u32, Vec<SentLot>>,
    revisions: Revisions,
}

impl From<&Created> for Known {
    fn from(created: &Created) -> Self {
        Self {
            number: created.order_number.clone(),
            status: created.status,
            details: created.into(),
            items: created.items.clone(),
            total: created.total_amount,
            sent: BTreeMap::new(),
            shipments: BTreeSet::new(),
            returned: BTreeMap::new(),
            returns: BTreeSet::new(),
            spent: BTreeMap::new(),
            lots: BTreeMap::new(),
            revisions: Revisions::default(),
        }
    }
}

#[cfg(test)]
mod outcomes;
