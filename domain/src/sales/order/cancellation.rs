//! Cancelling an order is a plan: what it undoes is shown on request before it is carried out, then carried out whole
//! (sagas/src/order_cancellation.rs). Production that was not begun is cancelled and its materials are free again, goods are
//! held no longer, an invoice nobody paid is cancelled, a paid one is credited.

use super::{Known, OrderEvent, OrderRejection, Shipped, Status};
use crate::{
    Check, Choice, Fields, Money, Number, Quantity, Rule,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, DealId, InvoiceId, ProductId, ProductionOrderId},
    production::production_order,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As asked for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Cancellation {
    #[field(max = 5_000)]
    pub reason: Option<String>,
    /// How much of what was paid goes back to the customer; the rest is their credit.
    #[field(not_negative)]
    pub refund_amount: Option<Money>,
    /// What becomes of each production order that is under way.
    #[serde(default)]
    pub choices: Vec<ProductionChoice>,
    /// As looked up.
    #[serde(skip)]
    pub plan: Box<Plan>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct ProductionChoice {
    pub production_order_id: ProductionOrderId,
    pub choice: Way,
}

/// What becomes of what is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    #[default]
    FinishToStock,
    Scrap,
}

/// What cancelling undoes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Goods that are held, or wait.
    pub goods: Vec<PlannedGoods>,
    pub production: Vec<PlannedProduction>,
    pub invoices: Vec<PlannedInvoice>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedGoods {
    /// From 0.
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedProduction {
    pub production_order_id: ProductionOrderId,
    /// From 0.
    pub line: u32,
    pub product_name: String,
    /// Nothing where it is not written yet.
    pub status: Option<production_order::Status>,
    /// Whose reservations end.
    pub materials: Vec<ProductId>,
    pub act: ProductionAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductionAct {
    Cancel,
    /// Finish it to stock, or scrap it.
    Choose,
    /// It is finished: what was made stays in stock.
    Keep,
}

impl ProductionAct {
    pub fn on(status: Option<production_order::Status>) -> Self {
        use production_order::Status;
        match status {
            None | Some(Status::Pending | Status::Scheduled) => Self::Cancel,
            Some(Status::InProgress) => Self::Choose,
            Some(Status::Completed | Status::Cancelled) => Self::Keep,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedInvoice {
    pub invoice_id: InvoiceId,
    /// Nothing where it is not written yet.
    pub invoice_number: Option<String>,
    pub amount: Money,
    pub paid: Money,
    pub act: InvoiceAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceAct {
    Cancel,
    /// A credit note takes it back, and what was paid is given back or kept as credit.
    Credit,
}

impl Plan {
    /// At most so much can go back: paid − refunded. What was refunded belongs to invoices that are credited and not here.
    pub fn refundable(&self) -> Money {
        Money::checked_sum(self.invoices.iter().map(|invoice| invoice.paid)).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    pub from: Status,
    pub order_number: Number,
    pub deal_id: Option<DealId>,
    pub reason: Option<String>,
    pub refund_amount: Money,
    pub goods: Vec<Unheld>,
    pub production: Vec<Stopped>,
    pub invoices: Vec<Revoked>,
    /// What its customer did not buy after all; absent of a draft, and where it was cancelled before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<Sale>,
}

/// What a placed order was to its customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    pub customer_id: CustomerId,
    pub total_amount: Money,
    pub currency: Currency,
    /// As the order states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
}

/// A reservation that ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unheld {
    /// From 0.
    pub line: u32,
    pub product_id: ProductId,
    /// When it was material of that.
    pub production_order_id: Option<ProductionOrderId>,
}

/// A production order that ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    pub production_order_id: ProductionOrderId,
    /// It is under way, and what was made of it so far is lost.
    pub scrap: bool,
}

/// An invoice that ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    pub invoice_id: InvoiceId,
    /// How much of what was paid on it goes back.
    pub refund: Money,
}

impl Status {
    /// Before it is on its way.
    fn may_be_cancelled(self) -> bool {
        matches!(self, Self::Draft | Self::Pending | Self::Confirmed | Self::Processing)
    }
}

impl Known {
    pub(super) fn cancel(&self, cancellation: &Cancellation) -> Result<Vec<OrderEvent>, OrderRejection> {
        let (from, to) = (self.status, Status::Cancelled);
        if from == to {
            return Ok(vec![]);
        }
        cancellation.checked()?;
        if !from.may_be_cancelled() {
            return Err(OrderRejection::NoSuchStep { from, to });
        }
        if self.is_out() {
            return Err(OrderRejection::PartlyShipped);
        }
        let Cancellation {
            reason,
            refund_amount,
            choices,
            plan,
        } = cancellation;
        let refund_amount = refund_amount.unwrap_or_default();
        let refundable = plan.refundable();
        if refund_amount > refundable {
            return Err(OrderRejection::RefundAbovePaid { refundable });
        }
        let production = stopped(&plan.production, choices)?;
        Ok(vec![OrderEvent::Cancelled(Box::new(Cancelled {
            from: self.status,
            order_number: self.number.clone(),
            deal_id: self.details.deal_id,
            reason: reason.clone(),
            refund_amount,
            goods: unheld(plan, &production),
            production,
            invoices: revoked(&plan.invoices, refund_amount),
            sale: self.sale(),
        }))])
    }

    /// Nothing of a draft.
    fn sale(&self) -> Option<Sale> {
        let customer_id = self.details.customer_id.filter(|_| self.is_placed())?;
        Some(Sale {
            customer_id,
            total_amount: self.total,
            currency: self.details.currency.clone(),
            exchange_rate: self.details.exchange_rate,
        })
    }

    /// As it stands now.
    pub fn may_be_cancelled(&self) -> bool {
        self.status.may_be_cancelled() && !self.is_out()
    }

    /// Goods of the order that are held for it, or wait: what was sent is held no longer, also when it came back.
    pub fn reserved(&self) -> Vec<PlannedGoods> {
        let goods = |left: Shipped| PlannedGoods {
            line: left.line,
            product_id: left.product_id,
            product_name: left.product_name,
            quantity: left.quantity,
        };
        self.left().into_iter().map(goods).collect()
    }
}

fn stopped(production: &[PlannedProduction], choices: &[ProductionChoice]) -> Result<Vec<Stopped>, OrderRejection> {
    let mut check = Check::default();
    for (n, chosen) in choices.iter().enumerate() {
        let known = production.iter().any(|planned| {
            planned.act == ProductionAct::Choose && planned.production_order_id == chosen.production_order_id
        });
        check.that(known, format!("choices[{n}].productionOrderId"), Rule::Unknown);
    }
    check.done()?;
    let mut stopped = Vec::new();
    for planned in production {
        let production_order_id = planned.production_order_id;
        let chosen = || {
            choices
                .iter()
                .find(|chosen| chosen.production_order_id == production_order_id)
        };
        let scrap = match planned.act {
            ProductionAct::Keep => continue,
            ProductionAct::Cancel => false,
            ProductionAct::Choose => match chosen().map(|chosen| chosen.choice) {
                Some(Way::Scrap) => true,
                Some(Way::FinishToStock) => continue,
                None => {
                    let product = planned.product_name.clone();
                    return Err(OrderRejection::ChoiceMissing { product });
                }
            },
        };
        stopped.push(Stopped {
            production_order_id,
            scrap,
        });
    }
    Ok(stopped)
}

/// Goods of the order itself, and material of what is not made after all.
fn unheld(plan: &Plan, stopped: &[Stopped]) -> Vec<Unheld> {
    let goods = plan.goods.iter().map(|goods| Unheld {
        line: goods.line,
        product_id: goods.product_id,
        production_order_id: None,
    });
    let ends = |planned: &&PlannedProduction| {
        let mut all = stopped.iter();
        all.any(|stopped| stopped.production_order_id == planned.production_order_id)
    };
    let materials = plan.production.iter().filter(ends).flat_map(|planned| {
        planned.materials.iter().map(|material| Unheld {
            line: planned.line,
            product_id: *material,
            production_order_id: Some(planned.production_order_id),
        })
    });
    goods.chain(materials).collect()
}

/// What goes back comes off the first invoices.
fn revoked(invoices: &[PlannedInvoice], mut refund: Money) -> Vec<Revoked> {
    let mut revoked = Vec::with_capacity(invoices.len());
    for invoice in invoices {
        let part = refund.min(invoice.paid);
        refund = refund.minus(part);
        revoked.push(Revoked {
            invoice_id: invoice.invoice_id,
            refund: part,
        });
    }
    revoked
}
