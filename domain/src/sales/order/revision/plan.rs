//! What a change of an order does, as it is shown; and why it cannot be carried out, as far as it cannot.

use super::{Bill, Changed};
use crate::{
    Money, Quantity, Rejection,
    id::{InvoiceId, ProductId},
    sales::{
        line::{Line, numbered},
        order::{InvoiceAct, Known, OrderRejection, PlannedGoods, PlannedInvoice, PlannedProduction, Status},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// What a change does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionPlan {
    pub lines: Vec<PlannedLine>,
    pub total_before: Money,
    pub total_amount: Money,
    /// Goods that are held or waited for no longer.
    pub releases: Vec<PlannedGoods>,
    /// Goods that are held anew, or waited for.
    pub reserves: Vec<PlannedGoods>,
    /// What was to be made for lines that end.
    pub production: Vec<PlannedProduction>,
    /// What is to be made anew.
    pub produces: Vec<PlannedGoods>,
    pub invoices: Vec<PlannedInvoice>,
    /// The invoice that is written.
    pub bill: Option<Bill>,
    /// Why it cannot be carried out as it stands.
    pub obstacles: Vec<Obstacle>,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedLine {
    /// Its number; of a line that is added, the one that it gets.
    pub line: u32,
    pub product_id: Option<ProductId>,
    pub product_name: String,
    pub act: LineAct,
    pub quantity_before: Quantity,
    pub quantity: Quantity,
    pub total_before: Money,
    pub total_price: Money,
    /// How much of it was sent: where that is anything, no other quantity can be had of it.
    pub sent: Quantity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineAct {
    Keep,
    /// Another price, discount or tax, or another quantity of what is neither held nor made.
    Change,
    /// It ends, and a line of the other quantity begins.
    Renew,
    Add,
    Remove,
}

/// One reason why a change cannot be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The code of the refusal, such as `order.line_sent`.
    pub reason: &'static str,
    /// Of which line, where it is one's.
    pub line: Option<u32>,
    #[serde(skip)]
    pub refusal: OrderRejection,
}

impl Obstacle {
    fn new(line: Option<u32>, refusal: OrderRejection) -> Self {
        Self {
            reason: refusal.code(),
            line,
            refusal,
        }
    }
}

impl Status {
    /// Placed, and not all of it is on its way.
    fn lets_lines_change(self) -> bool {
        matches!(self, Self::Pending | Self::Confirmed | Self::Processing)
    }
}

impl Known {
    pub(super) fn obstacles(
        &self,
        changed: &Changed,
        missing: Option<OrderRejection>,
        settled: &Settled,
    ) -> Vec<Obstacle> {
        let status = self.status;
        let stay = (!status.lets_lines_change()).then(|| Obstacle::new(None, OrderRejection::LinesStay { status }));
        let empty = changed.items.is_empty();
        let empty = empty.then(|| Obstacle::new(None, OrderRejection::Empty));
        let sent = changed.ended.iter().filter(|line| self.sent_of(**line).is_positive());
        let sent = sent.map(|line| {
            let product = self.line(*line).map(|line| line.product_name.clone());
            let product = product.unwrap_or_default();
            Obstacle::new(Some(*line), OrderRejection::LineSent { product })
        });
        let missing = missing.map(|missing| Obstacle::new(None, missing));
        let below = settled
            .below(changed.total_amount)
            .map(|below| Obstacle::new(None, below));
        let whole = stay.into_iter().chain(empty);
        whole.chain(sent).chain(missing).chain(below).collect()
    }

    /// What becomes of each line: those that are wanted, then those that end for good.
    pub(super) fn planned(&self, changed: &Changed) -> Vec<PlannedLine> {
        // A line that is renewed stands where its old number is told no more.
        let mut gone: Vec<(u32, &Line)> = numbered(&self.items)
            .filter(|(n, _)| changed.ended.contains(n))
            .collect();
        let mut planned = Vec::with_capacity(changed.items.len() + gone.len());
        for (n, line) in numbered(&changed.items) {
            let renewed = |(_, old): &(u32, &Line)| old.product_id == line.product_id;
            let before = match self.line(n) {
                Some(before) => Some((n, before)),
                None => gone.iter().position(renewed).map(|at| gone.remove(at)),
            };
            let act = match before {
                None => LineAct::Add,
                Some((number, _)) if number != n => LineAct::Renew,
                Some((_, before)) if before.is_as(line) => LineAct::Keep,
                Some(_) => LineAct::Change,
            };
            let (number, before) = before.map_or((n, None), |(number, before)| (number, Some(before)));
            planned.push(self.plan_line(number, before, Some(line), act));
        }
        let removed = gone
            .into_iter()
            .map(|(n, line)| self.plan_line(n, Some(line), None, LineAct::Remove));
        planned.extend(removed);
        planned
    }

    fn plan_line(&self, number: u32, before: Option<&Line>, after: Option<&Line>, act: LineAct) -> PlannedLine {
        let named = after.or(before);
        let quantity = |line: Option<&Line>| line.map(|line| line.quantity).unwrap_or_default();
        let total = |line: Option<&Line>| line.map(|line| line.total_price).unwrap_or_default();
        PlannedLine {
            line: number,
            product_id: named.and_then(|line| line.product_id),
            product_name: named.map(|line| line.product_name.clone()).unwrap_or_default(),
            act,
            quantity_before: quantity(before),
            quantity: quantity(after),
            total_before: total(before),
            total_price: total(after),
            sent: self.sent_of(number),
        }
    }
}

impl Line {
    /// The same but for its number.
    fn is_as(&self, other: &Self) -> bool {
        let unnumbered = |line: &Self| Self {
            line: None,
            ..line.clone()
        };
        unnumbered(self) == unnumbered(other)
    }
}

/// What the new lines want: goods from the shelf, and goods to be made.
pub(super) fn begins(changed: &Changed) -> (Vec<PlannedGoods>, Vec<PlannedGoods>) {
    let (mut reserves, mut produces) = (vec![], vec![]);
    for (n, line) in numbered(&changed.items).filter(|(n, _)| changed.begun.contains(n)) {
        let goods = line.goods(line.quantity).into_iter().map(|goods| PlannedGoods {
            line: n,
            product_id: goods.product_id,
            product_name: goods.product_name,
            quantity: goods.quantity,
        });
        match line.is_manufactured() {
            true => produces.extend(goods),
            false => reserves.extend(goods),
        }
    }
    (reserves, produces)
}

/// What a change does to the invoices that there are.
pub(super) struct Settled {
    pub invoices: Vec<PlannedInvoice>,
    pub revoked: Vec<InvoiceId>,
    pub standing: Vec<Bill>,
    /// What those that stand leave over; nothing where nothing is changed.
    rest: Option<Money>,
}

impl Settled {
    pub fn of(invoices: &[PlannedInvoice], total: Money, is_other: bool) -> Self {
        let act = |invoice: &PlannedInvoice| match invoice.paid.is_zero() && is_other {
            true => InvoiceAct::Cancel,
            false => InvoiceAct::Keep,
        };
        let invoices: Vec<PlannedInvoice> = invoices
            .iter()
            .map(|invoice| PlannedInvoice {
                act: act(invoice),
                ..invoice.clone()
            })
            .collect();
        let (kept, gone): (Vec<_>, Vec<_>) = invoices.iter().partition(|invoice| invoice.act == InvoiceAct::Keep);
        let standing: Vec<Bill> = kept
            .iter()
            .map(|invoice| Bill {
                invoice_id: invoice.invoice_id,
                amount: invoice.amount,
                whole: false,
            })
            .collect();
        let billed = Money::checked_sum(standing.iter().map(|bill| bill.amount)).unwrap_or_default();
        Self {
            revoked: gone.iter().map(|invoice| invoice.invoice_id).collect(),
            rest: is_other.then(|| total.minus(billed)),
            standing,
            invoices,
        }
    }

    pub fn bill(&self, invoice_id: InvoiceId) -> Option<Bill> {
        let amount = self.rest.filter(|rest| rest.is_positive())?;
        Some(Bill {
            invoice_id,
            amount,
            whole: self.standing.is_empty(),
        })
    }

    /// Whether it comes to less than what is being paid.
    fn below(&self, total: Money) -> Option<OrderRejection> {
        let rest = self.rest.filter(|rest| rest.is_negative())?;
        Some(OrderRejection::BilledAbove {
            billed: total.minus(rest),
        })
    }
}
