//! Further costs of goods that came, spread over receipts and borne by all of their stocks in one append. What came with each
//! receipt, and what came after it, is read from its stream.

use super::{Answer, Refusal, since};
use crate::{Context, Error, Executor, Loaded, Unit, anew::while_busy, together::Decided};
use domain::{
    Aggregate, Check, Money, Permission, Quantity, Rule, Total, Violations,
    catalog::{
        product::Product,
        stock::{LandedKind, Landing, SpreadBy, Stock, StockCommand, StockEvent, spread},
    },
    field::LINE,
    finance::Currency,
    id::{ProductId, StockId},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most receipts that one amount is spread over.
pub const RECEIPTS_MAX: usize = 100;

/// What was paid beside the goods, and for which.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LandCosts")]
pub struct LandedCost {
    /// Each once.
    #[schemars(length(min = 1, max = 100))]
    pub receipts: Vec<ReceiptOf>,
    /// In the currency of the products, which is one.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub amount: Money,
    /// Absent: whichever the products have.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: Option<Currency>,
    pub kind: LandedKind,
    /// Of several receipts; absent, by quantity.
    #[serde(default)]
    pub by: SpreadBy,
    #[schemars(length(max = 200), regex(pattern = LINE))]
    pub note: Option<String>,
}

/// A receipt, by the movement that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptOf {
    pub product_id: ProductId,
    pub movement_id: Uuid,
}

/// A receipt as its stream tells it.
struct Read {
    quantity: Quantity,
    worth: Total,
    came_since: Quantity,
}

/// Spreads what was paid; the first receipt's stock answers for all.
pub async fn land(executor: &Executor, id: Uuid, cost: &LandedCost, context: &Context) -> Answer {
    let landed = while_busy(|| attempt(executor, id, cost, context)).await;
    match cost.receipts.first() {
        Some(first) => {
            let stock = StockId::of(first.product_id);
            executor.or_first::<Stock>(stock, context, landed).await
        }
        None => landed,
    }
}

async fn attempt(executor: &Executor, id: Uuid, cost: &LandedCost, context: &Context) -> Answer {
    let permission = Permission::StockUpdate;
    if !context.actor.may(permission) {
        return Err(Error::Forbidden(permission));
    }
    cost.sound().map_err(|found| Error::Rejected(found.into()))?;
    let currency = currency(executor, cost, context).await?;
    let mut stocks = load(executor, cost, context).await?;
    let mut read = Vec::new();
    for (n, receipt) in cost.receipts.iter().enumerate() {
        let version = stocks.get(&receipt.product_id).map_or(0, |stock| stock.on.version);
        read.push(find(executor, n, *receipt, version, context).await?);
    }
    let shares = cost.shares(&read)?;
    for ((receipt, read), amount) in cost.receipts.iter().zip(read).zip(shares) {
        let landing = Landing {
            id,
            product_id: receipt.product_id,
            receipt_id: receipt.movement_id,
            received: read.quantity,
            came_since: read.came_since,
            kind: cost.kind,
            note: cost.note.clone(),
            currency: currency.clone(),
            amount,
        };
        if let Some(stock) = stocks.get_mut(&receipt.product_id) {
            stock.land(landing)?;
        }
    }
    append(executor, cost, stocks, context).await
}

/// What is decided on a stock.
struct Bearing {
    on: Loaded<Stock>,
    after: Stock,
    events: Vec<StockEvent>,
}

impl Bearing {
    fn land(&mut self, landing: Landing) -> Result<(), Refusal> {
        let landed = self.after.decide(&StockCommand::Land(Box::new(landing)));
        let landed = landed.map_err(Error::Rejected)?;
        self.after = landed.iter().fold(self.after.clone(), Stock::evolve);
        self.events.extend(landed);
        Ok(())
    }
}

async fn load(
    executor: &Executor,
    cost: &LandedCost,
    context: &Context,
) -> Result<BTreeMap<ProductId, Bearing>, Refusal> {
    let mut stocks = BTreeMap::new();
    for ReceiptOf { product_id, .. } in &cost.receipts {
        let on = executor
            .load::<Stock, _>(context.workspace, StockId::of(*product_id))
            .await?;
        stocks.insert(
            *product_id,
            Bearing {
                after: on.state.as_ref().clone(),
                on,
                events: Vec::new(),
            },
        );
    }
    Ok(stocks)
}

/// The one currency of all their products.
async fn currency(executor: &Executor, cost: &LandedCost, context: &Context) -> Result<Currency, Refusal> {
    let (mut check, mut known) = (Check::default(), cost.currency.clone());
    for (n, ReceiptOf { product_id, .. }) in cost.receipts.iter().enumerate() {
        let product = executor.look::<Product, _>(context.workspace, *product_id).await?.state;
        let Some(details) = product.details() else {
            let field = format!("receipts[{n}].productId");
            return Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown)));
        };
        let same = known.get_or_insert_with(|| details.currency.clone()) == &details.currency;
        check.that(same, format!("receipts[{n}].productId"), Rule::OtherCurrency);
    }
    check.done().map_err(|found| Error::Rejected(found.into()))?;
    Ok(known.unwrap_or_default())
}

/// The nth receipt, in its product's stream up to that version.
async fn find(
    executor: &Executor,
    n: usize,
    receipt: ReceiptOf,
    version: i64,
    context: &Context,
) -> Result<Read, Refusal> {
    let id = StockId::of(receipt.product_id);
    let reaches = |event: &log::Recorded| event.event_id == receipt.movement_id;
    let events = since::read(executor, (id, version), reaches, context).await?;
    let at = events.iter().position(|one| one.id == receipt.movement_id);
    let (found, later) = match at.map(|at| events.split_at(at)) {
        Some((_, [found, later @ ..])) => (found, later),
        _ => {
            let field = format!("receipts[{n}].movementId");
            return Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown)));
        }
    };
    let StockEvent::Received { quantity, .. } = &found.event else {
        let field = format!("receipts[{n}].movementId");
        return Err(Error::Rejected(Violations::one(field, Rule::NotAllowed).into()));
    };
    let came = later.iter().map(|one| one.event.difference());
    Ok(Read {
        quantity: *quantity,
        worth: found.event.worth(),
        came_since: came.filter(|moved| moved.is_positive()).sum(),
    })
}

/// All or nothing: where another has written to one of the stocks meanwhile, all of it is looked up anew.
async fn append(
    executor: &Executor,
    cost: &LandedCost,
    mut stocks: BTreeMap<ProductId, Bearing>,
    context: &Context,
) -> Answer {
    let first = cost.receipts.first().map(|first| first.product_id);
    let first = first.and_then(|product| Some((StockId::of(product), stocks.remove(&product)?)));
    let Some((id, Bearing { on, events, .. })) = first else {
        return Err(Error::Rejected(Violations::one("receipts", Rule::Required).into()));
    };
    if let Some(expected) = context.expected_version.clone().filter(|_| !context.allows(on.version)) {
        let actual = on.version;
        return Err(Error::Stale { expected, actual });
    }
    let mut unit = Unit::default();
    let decided = Decided::<Stock> { id, on, events };
    decided.add_to(&mut unit)?;
    for (product_id, Bearing { on, events, .. }) in stocks {
        let id = StockId::of(product_id);
        unit.add(id, on.state.as_ref(), on.version, &events)
            .map_err(Error::Unstorable)?;
    }
    executor.append_with(&decided, unit, context).await
}

impl LandedCost {
    fn sound(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        check.that(self.amount.is_positive(), "amount", Rule::NotPositive);
        if let Some(currency) = &self.currency {
            check.currency("currency", currency.as_str());
        }
        check.that(!self.receipts.is_empty(), "receipts", Rule::Required);
        let max = RECEIPTS_MAX;
        check.that(self.receipts.len() <= max, "receipts", Rule::TooMany { max });
        for (n, receipt) in self.receipts.iter().enumerate().take(max) {
            let known = self.receipts[..n].contains(receipt);
            check.that(!known, format!("receipts[{n}].movementId"), Rule::NotUnique);
        }
        check.done()
    }

    /// What each receipt bears.
    fn shares(&self, read: &[Read]) -> Result<Vec<Total>, Refusal> {
        let weights: Vec<i64> = read
            .iter()
            .map(|read| match self.by {
                SpreadBy::Quantity => read.quantity.units(),
                SpreadBy::Value => read.worth.units(),
            })
            .collect();
        // Goods that cost nothing have no value to spread it by.
        let shares = spread(self.amount.into(), &weights);
        shares.ok_or_else(|| Error::Rejected(Violations::one("by", Rule::NotAllowed).into()))
    }
}
