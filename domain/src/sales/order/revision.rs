//! What a placed order is changed to: a plan that is shown on request, then carried out whole in one append
//! (commands/src/order/revising.rs). A line keeps its number as long as its goods stay what they are. Where more or less of it is
//! wanted, it ends, and another begins with a number that no line of the order ever had: so what was reserved or made for a line is
//! never taken for what is wanted now. A line of which something was sent stays. An invoice that nobody paid is written anew; one
//! that is being paid stands, and what the order comes to beyond it is billed beside it.

mod plan;

pub use plan::{LineAct, Obstacle, PlannedLine, RevisionPlan};

use super::{
    Known, OrderEvent, OrderRejection, Plan, ProductionChoice, Sale, Status, Stopped, Unheld,
    cancellation::{stopped, unheld},
    placing::fits,
};
use crate::{
    Check, Fields, Money, Number, Percent, Quantity, Rule,
    check::ITEMS_MAX,
    finance::Currency,
    id::{DealId, InvoiceId, OrderId, ProductId, UserId},
    sales::{
        LineRequest,
        line::{self, Line, LineDraft, LineType, Price, numbered},
    },
};
use plan::{Settled, begins};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// As asked for.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Revision {
    /// All lines as they are to be: one that is not named is taken out.
    pub items: Vec<WantedLine>,
    #[field(max = 5_000)]
    pub reason: Option<String>,
    /// What becomes of each production order that is under way for a line that ends.
    #[serde(default)]
    pub choices: Vec<ProductionChoice>,
    /// Only the plan is wanted.
    #[serde(default)]
    pub dry_run: bool,
    #[serde(skip)]
    pub id: OrderId,
    /// The lines that are new, with their products looked up, by their place in `items`.
    #[serde(skip)]
    pub drafts: BTreeMap<usize, LineDraft>,
    /// What there is of the order, as looked up.
    #[serde(skip)]
    pub standing: Box<Plan>,
}

/// A line as it is to be.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct WantedLine {
    /// The number of one that is there; what is not named of it stays. Absent of a new one.
    pub line: Option<u32>,
    /// Of a new line.
    pub product_id: Option<ProductId>,
    #[field(positive)]
    pub quantity: Option<Quantity>,
    #[field(not_negative)]
    pub unit_price: Option<Money>,
    /// Whether `unitPrice` carries the tax inside.
    pub vat_included: Option<bool>,
    /// Percent.
    #[field(range(0, 100))]
    pub discount: Option<Percent>,
    /// Percent.
    #[field(range(0, 100))]
    pub tax: Option<Percent>,
}

impl WantedLine {
    /// A new line, to be looked up; nothing of one that is there, or that says too little.
    pub fn asked(&self) -> Option<LineRequest> {
        let (None, Some(product_id), Some(quantity)) = (self.line, self.product_id, self.quantity) else {
            return None;
        };
        Some(LineRequest {
            product_id,
            quantity,
            unit_price: self.unit_price,
            vat_included: self.vat_included,
            discount: self.discount,
            tax: self.tax,
        })
    }

    /// A line that stays as it is.
    pub fn kept(line: u32) -> Self {
        Self {
            line: Some(line),
            ..Self::default()
        }
    }
}

/// An order's lines have become others, with all that is to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The order's first is 1.
    pub change: u32,
    pub order_number: Number,
    pub deal_id: Option<DealId>,
    pub assigned_to: Option<UserId>,
    pub reason: Option<String>,
    /// All lines, each with its number.
    pub items: Vec<Line>,
    /// Their sum.
    pub total_amount: Money,
    /// The numbers of the lines that are no more, and of those that are new.
    pub ended: Vec<u32>,
    pub begun: Vec<u32>,
    /// What was done for the lines that are no more, and ends with them.
    pub goods: Vec<Unheld>,
    pub production: Vec<Stopped>,
    /// Invoices that nobody is to pay any more.
    pub revoked: Vec<InvoiceId>,
    /// Those that are being paid, and stand.
    pub standing: Vec<Bill>,
    /// The one that is to be written.
    pub bill: Option<Bill>,
    /// What it was to its customer before.
    pub before: Option<Sale>,
}

/// An invoice that collects money for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OrderBill")]
pub struct Bill {
    pub invoice_id: InvoiceId,
    pub amount: Money,
    /// Whether it is the whole order's, with all its lines; otherwise it is what others leave over.
    pub whole: bool,
}

/// What an order remembers of its changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Revisions {
    changes: u32,
    /// The lowest number that no line ever had; 0 before the first change.
    fresh: u32,
    /// The invoices that collect money for it, once it was changed.
    pub(super) bills: Option<Vec<Bill>>,
}

impl Line {
    /// The same with what is wanted otherwise; nothing where all stays, or nothing can be otherwise.
    fn otherwise(&self, wanted: &WantedLine, currency: &Currency) -> Option<LineDraft> {
        let quantity = wanted.quantity.unwrap_or(self.quantity);
        let amount = wanted.unit_price.unwrap_or(self.unit_price);
        let vat_included = wanted.vat_included.unwrap_or(self.vat_included);
        let discount = wanted.discount.unwrap_or(self.discount);
        let tax = wanted.tax.unwrap_or(self.tax);
        let priced = (amount, vat_included) == (self.unit_price, self.vat_included);
        let (LineType::Product(kind), Some(product_id)) = (self.kind, self.product_id) else {
            return None;
        };
        if priced && (quantity, discount, tax) == (self.quantity, self.discount, self.tax) {
            return None;
        }
        let looked_up = priced && (self.catalog_price || self.price_list.is_some());
        Some(LineDraft {
            product_id,
            product_name: self.product_name.clone(),
            product_code: self.product_code.clone(),
            kind,
            quantity,
            price: Price {
                amount,
                vat_included,
                currency: looked_up.then(|| currency.clone()),
                list: self.price_list.clone().filter(|_| priced),
            },
            discount,
            tax,
            parts: self.parts.clone(),
        })
    }
}

impl Known {
    /// Shows what a change does, whether or not it can be carried out.
    pub fn plan(&self, revision: &Revision) -> Result<RevisionPlan, OrderRejection> {
        self.work_out(revision).map(|(plan, _)| plan)
    }

    /// What leaves nothing to be sent of an order of which something was sent makes it one that is shipped.
    pub(super) fn revise(&self, revision: &Revision) -> Result<Vec<OrderEvent>, OrderRejection> {
        let (plan, changed) = self.work_out(revision)?;
        if let Some(obstacle) = plan.obstacles.into_iter().next() {
            return Err(obstacle.refusal);
        }
        if changed.items == self.numbered_items() {
            return Ok(vec![]);
        }
        let mut after = self.clone();
        after.note_change(&changed);
        let is_sent = !after.sent.is_empty() && after.left().is_empty() && after.status == Status::Processing;
        let shipped = is_sent.then(|| after.changed(&Status::Shipped.into()));
        let changed = OrderEvent::Changed(Box::new(changed));
        Ok([changed].into_iter().chain(shipped).collect())
    }

    pub(super) fn note_change(&mut self, changed: &Changed) {
        let highest = changed.items.iter().filter_map(|line| line.line).max().unwrap_or(0);
        self.revisions = Revisions {
            changes: changed.change,
            fresh: self.fresh().max(highest.saturating_add(1)),
            bills: Some(changed.standing.iter().copied().chain(changed.bill).collect()),
        };
        self.items.clone_from(&changed.items);
        self.total = changed.total_amount;
    }

    /// The line of that number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        numbered(&self.items).find(|(n, _)| *n == number).map(|(_, line)| line)
    }

    /// The lowest number that no line ever had.
    fn fresh(&self) -> u32 {
        let placed = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.revisions.fresh.max(placed)
    }

    fn numbered_items(&self) -> Vec<Line> {
        let lines = numbered(&self.items).map(|(n, line)| Line {
            line: Some(n),
            ..line.clone()
        });
        lines.collect()
    }

    /// The plan, and what it is once it is carried out.
    fn work_out(&self, revision: &Revision) -> Result<(RevisionPlan, Changed), OrderRejection> {
        revision.checked()?;
        let items = self.wanted(revision)?;
        let total_amount = line::sum(&items).unwrap_or_default();
        let is_other = items != self.numbered_items();
        let (before, after) = (numbers(&self.items), numbers(&items));
        let ended: Vec<u32> = before.difference(&after).copied().collect();
        let begun: Vec<u32> = after.difference(&before).copied().collect();
        let ends = self.ending(&ended, revision);
        let (production, missing) = match stopped(&ends.production, &revision.choices) {
            Ok(stopped) => (stopped, None),
            Err(missing @ OrderRejection::ChoiceMissing { .. }) => (vec![], Some(missing)),
            Err(refusal) => return Err(refusal),
        };
        let goods = unheld(&ends, &production);
        let settled = Settled::of(&revision.standing.invoices, total_amount, is_other);
        let change = self.revisions.changes.saturating_add(1);
        let bill = settled.bill(InvoiceId::of_change(revision.id, change));
        let changed = Changed {
            change,
            order_number: self.number.clone(),
            deal_id: self.details.deal_id,
            assigned_to: self.details.assigned_to,
            reason: revision.reason.clone(),
            items,
            total_amount,
            ended,
            begun,
            goods,
            production,
            revoked: settled.revoked.clone(),
            standing: settled.standing.clone(),
            bill,
            before: self.sale(),
        };
        let (reserves, produces) = begins(&changed);
        let plan = RevisionPlan {
            lines: self.planned(&changed),
            total_before: self.total,
            total_amount,
            releases: ends.goods,
            reserves,
            production: ends.production,
            produces,
            obstacles: self.obstacles(&changed, missing, &settled),
            invoices: settled.invoices,
            bill,
        };
        Ok((plan, changed))
    }

    /// The lines that are asked for, priced, each with its number.
    fn wanted(&self, revision: &Revision) -> Result<Vec<Line>, OrderRejection> {
        let (mut check, mut fresh) = (Check::default(), self.fresh());
        let mut named = BTreeSet::new();
        let mut lines = Vec::with_capacity(revision.items.len());
        for (n, wanted) in revision.items.iter().enumerate().take(ITEMS_MAX) {
            let at = format!("items[{n}]");
            let line = match wanted.line {
                Some(number) => {
                    check.that(named.insert(number), format!("{at}.line"), Rule::NotUnique);
                    self.there(&mut check, &at, number, wanted)
                }
                None => self.added(&mut check, &at, wanted, revision.drafts.get(&n)),
            };
            lines.extend(line.map(|line| {
                let number = line.line.unwrap_or(fresh);
                fresh = fresh.max(number.saturating_add(1));
                Line {
                    line: Some(number),
                    ..line
                }
            }));
        }
        let total = line::sum(&lines);
        check.that(total.is_some(), "items", Rule::TooLarge);
        check.that(!total.is_some_and(Money::is_negative), "items", Rule::Negative);
        check.done()?;
        Ok(lines)
    }

    /// A line that is there, with its number while its goods stay.
    fn there(&self, check: &mut Check, at: &str, number: u32, wanted: &WantedLine) -> Option<Line> {
        let Some(line) = self.line(number) else {
            check.fail(format!("{at}.line"), Rule::Unknown);
            return None;
        };
        let same = wanted.product_id.is_none_or(|product| Some(product) == line.product_id);
        check.that(same, format!("{at}.productId"), Rule::NotAllowed);
        let fixed = line.product_id.is_none() && *wanted != WantedLine::kept(number);
        check.that(!fixed, at, Rule::NotAllowed);
        let mut after = match line.otherwise(wanted, &self.details.currency) {
            Some(draft) => line::price_one(check, at, &draft, &self.details.currency),
            None => line.clone(),
        };
        let stays = after.quantity == line.quantity || !line.is_shipped();
        after.line = stays.then_some(number);
        Some(after)
    }

    fn added(&self, check: &mut Check, at: &str, wanted: &WantedLine, draft: Option<&LineDraft>) -> Option<Line> {
        check.that(wanted.product_id.is_some(), format!("{at}.productId"), Rule::Required);
        check.that(wanted.quantity.is_some(), format!("{at}.quantity"), Rule::Required);
        let draft = draft?;
        let allowed = fits(self.details.kind, draft.kind);
        check.that(allowed, format!("{at}.productId"), Rule::NotAllowed);
        Some(line::price_one(check, at, draft, &self.details.currency))
    }

    /// What there is of the lines that end.
    fn ending(&self, ended: &[u32], revision: &Revision) -> Plan {
        let Plan { goods, production, .. } = revision.standing.as_ref();
        let goods = goods.iter().filter(|goods| ended.contains(&goods.line));
        let production = production.iter().filter(|made| ended.contains(&made.line));
        Plan {
            goods: goods.cloned().collect(),
            production: production.cloned().collect(),
            invoices: vec![],
        }
    }

    fn sent_of(&self, line: u32) -> Quantity {
        self.sent.get(&line).copied().unwrap_or_default()
    }
}

fn numbers(lines: &[Line]) -> BTreeSet<u32> {
    numbered(lines).map(|(n, _)| n).collect()
}
