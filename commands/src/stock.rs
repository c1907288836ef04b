//! Stock exists for products only. What a movement takes from its product is looked up here: whether it can lie on a shelf,
//! how many pieces its units are, how little of it is too little; and what has moved since goods were counted.

use crate::{Context, Done, Error, Executor, Versions};
use chrono::{DateTime, Utc};
use domain::{
    Check, Money, Quantity, Rule, Violations,
    catalog::{
        product::{self, Product},
        stock::{Demand, Least, Moment, Movement, Place, Stock, StockCommand, StockEvent, StockRejection, Transfer},
        warehouse::Warehouse,
    },
    fact,
    field::LINE,
    id::{ProductId, StockId, TransferId, WarehouseId, WorkspaceId},
};
use log::Recorded;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// How often a count is looked up anew because something moved meanwhile.
const ATTEMPTS_MAX: u32 = 8;
/// So many of the newest events are read first to learn what has moved.
const NEWEST: i64 = 256;

/// Which way goods go: what was archived is still to be emptied, and not to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

/// Of which moment, and of which place, it is asked what has moved since.
#[derive(Clone, Copy)]
struct Asked {
    at: DateTime<Utc>,
    place: Place,
}

type Answer = Result<Done<StockEvent>, Error<StockRejection>>;

/// Goods that arrived.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub product_id: ProductId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub quantity: Quantity,
    /// One of the product's units; absent, its own.
    #[schemars(length(max = 20), regex(pattern = LINE))]
    pub unit: Option<String>,
    /// Of one of the product's own unit, in the product's currency; absent, the average of what is there.
    #[schemars(extend("minimum" = 0))]
    pub unit_cost: Option<Money>,
    /// Shown in the product's stock movements.
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
    #[schemars(length(max = 200), regex(pattern = LINE))]
    pub reason: Option<String>,
    /// Where; absent: wherever nobody said.
    pub warehouse_id: Option<WarehouseId>,
}

/// Goods that went, and not to a customer: used up, given away, broken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    pub product_id: ProductId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub quantity: Quantity,
    /// One of the product's units; absent, its own.
    #[schemars(length(max = 20), regex(pattern = LINE))]
    pub unit: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
    #[schemars(length(max = 200), regex(pattern = LINE))]
    pub reason: Option<String>,
    /// Where; absent: wherever nobody said.
    pub warehouse_id: Option<WarehouseId>,
}

/// What was written down is wrong by so much.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    pub product_id: ProductId,
    /// The difference: below zero, when there is less. Not zero.
    pub quantity: Quantity,
    /// Of what is there in addition; absent, the average of what is there.
    #[schemars(extend("minimum" = 0))]
    pub unit_cost: Option<Money>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
    #[schemars(length(max = 200), regex(pattern = domain::field::FILLED_LINE))]
    pub reason: String,
    /// Where; absent: wherever nobody said.
    pub warehouse_id: Option<WarehouseId>,
}

/// What was found on the shelf.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub product_id: ProductId,
    /// All that was there, what is reserved as well.
    #[schemars(extend("minimum" = 0))]
    pub quantity: Quantity,
    /// When it was counted; absent, now. What came and went after it stands.
    pub counted_at: Option<DateTime<Utc>>,
    /// Of what is there in addition; absent, the average of what is there.
    #[schemars(extend("minimum" = 0))]
    pub unit_cost: Option<Money>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
    #[schemars(length(max = 200), regex(pattern = LINE))]
    pub reason: Option<String>,
    /// Where; absent: wherever nobody said.
    pub warehouse_id: Option<WarehouseId>,
}

/// Goods that are sent from one place to another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    pub product_id: ProductId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub quantity: Quantity,
    /// Absent: from wherever nobody said.
    pub from_warehouse_id: Option<WarehouseId>,
    pub to_warehouse_id: Option<WarehouseId>,
    /// Whether they are on their way until somebody says that they arrived; absent, they are there at once.
    #[serde(default)]
    pub in_transit: bool,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
    #[schemars(length(max = 200), regex(pattern = LINE))]
    pub reason: Option<String>,
}

/// Puts goods on stock; demands that wait for them are served in the same breath.
pub async fn receive(executor: &Executor, receipt: Receipt, context: &Context) -> Answer {
    let id = StockId::of(receipt.product_id);
    let received = put(executor, receipt, context).await;
    executor.or_repeated::<Stock>(id, context, received).await
}

async fn put(executor: &Executor, receipt: Receipt, context: &Context) -> Answer {
    let product = stocked(executor, receipt.product_id, Way::In, context).await?;
    is_there(executor, receipt.warehouse_id, Way::In, "warehouseId", context).await?;
    let command = StockCommand::Receive {
        product_id: receipt.product_id,
        quantity: pieces(product.as_ref(), receipt.quantity, receipt.unit.as_deref())?,
        unit_cost: receipt.unit_cost,
        reference: receipt.reference,
        reason: receipt.reason,
        warehouse: receipt.warehouse_id,
    };
    let id = StockId::of(receipt.product_id);
    executor.execute::<Stock>(id, &command, context).await
}

/// Takes goods that nobody was promised out of stock.
pub async fn issue(executor: &Executor, issue: Issue, context: &Context) -> Answer {
    let id = StockId::of(issue.product_id);
    let issued = take(executor, issue, context).await;
    executor.or_repeated::<Stock>(id, context, issued).await
}

async fn take(executor: &Executor, issue: Issue, context: &Context) -> Answer {
    let product = stocked(executor, issue.product_id, Way::Out, context).await?;
    is_there(executor, issue.warehouse_id, Way::Out, "warehouseId", context).await?;
    let movement = Movement {
        product_id: issue.product_id,
        quantity: pieces(product.as_ref(), issue.quantity, issue.unit.as_deref())?,
        unit_cost: None,
        reference: issue.reference,
        reason: issue.reason,
        warehouse: issue.warehouse_id,
    };
    let command = StockCommand::Issue(movement, product.as_ref().and_then(least));
    let id = StockId::of(issue.product_id);
    executor.execute::<Stock>(id, &command, context).await
}

/// Writes down that there is more or less than was known.
pub async fn adjust(executor: &Executor, adjustment: Adjustment, context: &Context) -> Answer {
    let id = StockId::of(adjustment.product_id);
    let adjusted = correct(executor, adjustment, context).await;
    executor.or_repeated::<Stock>(id, context, adjusted).await
}

async fn correct(executor: &Executor, adjustment: Adjustment, context: &Context) -> Answer {
    let way = match adjustment.quantity.is_negative() {
        true => Way::Out,
        false => Way::In,
    };
    let product = stocked(executor, adjustment.product_id, way, context).await?;
    is_there(executor, adjustment.warehouse_id, way, "warehouseId", context).await?;
    let movement = Movement {
        product_id: adjustment.product_id,
        quantity: adjustment.quantity,
        unit_cost: adjustment.unit_cost,
        reference: adjustment.reference,
        reason: Some(adjustment.reason).filter(|reason| !reason.trim().is_empty()),
        warehouse: adjustment.warehouse_id,
    };
    let command = StockCommand::Adjust(movement, product.as_ref().and_then(least));
    let id = StockId::of(adjustment.product_id);
    executor.execute::<Stock>(id, &command, context).await
}

/// Writes down what was found at a moment.
pub async fn count(executor: &Executor, count: Count, context: &Context) -> Answer {
    let id = StockId::of(count.product_id);
    let counted = compare(executor, count, context).await;
    executor.or_repeated::<Stock>(id, context, counted).await
}

async fn compare(executor: &Executor, count: Count, context: &Context) -> Answer {
    let product = stocked(executor, count.product_id, Way::Out, context).await?;
    is_there(executor, count.warehouse_id, Way::Out, "warehouseId", context).await?;
    let least = product.as_ref().and_then(least);
    let mut check = Check::default();
    check.date("countedAt", count.counted_at.map(|at| at.date_naive()));
    let is_past = count.counted_at.is_none_or(|at| at <= context.now);
    check.that(is_past, "countedAt", Rule::NotYet);
    check.done().map_err(|violations| Error::Rejected(violations.into()))?;
    let movement = Movement {
        product_id: count.product_id,
        quantity: count.quantity,
        unit_cost: count.unit_cost,
        reference: count.reference,
        reason: count.reason,
        warehouse: count.warehouse_id,
    };
    let (id, place) = (StockId::of(count.product_id), count.warehouse_id);
    let Some(at) = count.counted_at else {
        let moment = Moment {
            at: context.now,
            moved_since: Quantity::ZERO,
        };
        let command = StockCommand::Count(movement, moment, least);
        return executor.execute::<Stock>(id, &command, context).await;
    };
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let version = executor.load::<Stock, _>(context.workspace, id).await?.version;
        let moved_since = moved_since(executor, context.workspace, id, version, Asked { at, place }).await?;
        let command = StockCommand::Count(movement.clone(), Moment { at, moved_since }, least.clone());
        // What moves from now on is not in that sum.
        let expected_version = match context.allows(version) {
            true => Some(Versions::from(version)),
            false => context.expected_version.clone(),
        };
        let pinned = Context {
            expected_version,
            ..context.clone()
        };
        answer = executor.execute::<Stock>(id, &command, &pinned).await;
        let overtaken = matches!(&answer, Err(Error::Stale { .. })) && context.expected_version.is_none();
        if !overtaken {
            break;
        }
    }
    match answer {
        Err(Error::Stale { .. }) if context.expected_version.is_none() => Err(Error::Busy),
        answer => answer,
    }
}

/// What has come, less what has gone, after that moment, up to that version: read from the newest back. A count is of
/// its own moment, whenever it was written down.
async fn moved_since(
    executor: &Executor,
    workspace: WorkspaceId,
    id: StockId,
    version: i64,
    asked: Asked,
) -> Result<Quantity, Error<StockRejection>> {
    let mut newest = NEWEST;
    loop {
        let after = (version - newest).max(0);
        let events = executor.log().read_stream(workspace.into(), id.into(), after).await;
        let events = events.map_err(Error::from)?;
        let reaches_back = events.first().is_some_and(|event| event.recorded_at <= asked.at);
        if after == 0 || reaches_back {
            let known = events.iter().filter(|event| event.version <= version);
            return known.map(|event| moved_after(event, asked)).sum();
        }
        newest = newest.saturating_mul(4);
    }
}

fn moved_after(recorded: &Recorded, asked: Asked) -> Result<Quantity, Error<StockRejection>> {
    let event: StockEvent =
        fact::decode(&recorded.event_type, recorded.schema, &recorded.data).map_err(Error::Unreadable)?;
    let when = match &event {
        StockEvent::Counted { at, .. } => *at,
        _ => recorded.recorded_at,
    };
    let moved = event
        .moves()
        .filter(|(place, _)| *place == asked.place && when > asked.at);
    Ok(moved.map_or(Quantity::ZERO, |(_, quantity)| quantity))
}

/// Sends goods from one place to another.
pub async fn send(executor: &Executor, shift: Shift, context: &Context) -> Answer {
    let id = StockId::of(shift.product_id);
    let sent = carry(executor, shift, context).await;
    executor.or_repeated::<Stock>(id, context, sent).await
}

async fn carry(executor: &Executor, shift: Shift, context: &Context) -> Answer {
    stocked(executor, shift.product_id, Way::Out, context).await?;
    is_there(executor, shift.from_warehouse_id, Way::Out, "fromWarehouseId", context).await?;
    is_there(executor, shift.to_warehouse_id, Way::In, "toWarehouseId", context).await?;
    let movement = Movement {
        product_id: shift.product_id,
        quantity: shift.quantity,
        unit_cost: None,
        reference: shift.reference,
        reason: shift.reason,
        warehouse: shift.from_warehouse_id,
    };
    let transfer = Transfer {
        id: TransferId::new(Uuid::now_v7()),
        to: shift.to_warehouse_id,
        at_once: !shift.in_transit,
    };
    let id = StockId::of(shift.product_id);
    let command = StockCommand::Send(movement, transfer);
    executor.execute::<Stock>(id, &command, context).await
}

/// A warehouse that is named must be there; or, for what leaves it, have been there.
pub(crate) async fn is_there<R>(
    executor: &Executor,
    warehouse: Place,
    way: Way,
    field: &str,
    context: &Context,
) -> Result<(), Error<R>> {
    let Some(id) = warehouse else { return Ok(()) };
    let warehouse = executor.look::<Warehouse, _>(context.workspace, id).await?.state;
    match (warehouse.as_ref(), way) {
        (Warehouse::Known(_), _) | (Warehouse::Archived, Way::Out) => Ok(()),
        (Warehouse::Unknown, _) | (Warehouse::Archived, Way::In) => {
            Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown)))
        }
    }
}

/// Holds goods for a demand; what there is none of waits.
pub async fn reserve(
    executor: &Executor,
    product_id: ProductId,
    demand: Demand,
    quantity: Quantity,
    context: &Context,
) -> Answer {
    let product = executor.look::<Product, _>(context.workspace, product_id).await?.state;
    let command = StockCommand::Reserve {
        product_id,
        demand,
        quantity,
        least: product.details().and_then(least),
    };
    let id = StockId::of(product_id);
    executor.execute::<Stock>(id, &command, context).await
}

/// The product, if there can be any of it on a shelf; of one that was archived, and only leaves, nothing is told.
async fn stocked(
    executor: &Executor,
    product_id: ProductId,
    way: Way,
    context: &Context,
) -> Result<Option<product::Details>, Error<StockRejection>> {
    let product = executor.look::<Product, _>(context.workspace, product_id).await?.state;
    match (product.as_ref(), way) {
        (Product::Archived, Way::Out) => Ok(None),
        (Product::Unknown, _) | (Product::Archived, Way::In) => {
            Err(Error::NoSuchReference(Violations::one("productId", Rule::Unknown)))
        }
        (Product::Known(details), _) if !details.kind.is_stocked() => {
            Err(Error::Rejected(Violations::one("productId", Rule::NotAllowed).into()))
        }
        (Product::Known(details), _) => Ok(Some(details.as_ref().clone())),
    }
}

/// In the product's own unit; of one that nothing is told of, there is no other to name.
fn pieces(
    product: Option<&product::Details>,
    quantity: Quantity,
    unit: Option<&str>,
) -> Result<Quantity, Error<StockRejection>> {
    let refused =
        |field: &str, rule: Rule| -> Error<StockRejection> { Error::Rejected(Violations::one(field, rule).into()) };
    let Some(unit) = unit.map(str::trim).filter(|unit| !unit.is_empty()) else {
        return Ok(quantity);
    };
    let factor = product.and_then(|product| product.factor(unit));
    let factor = factor.ok_or_else(|| refused("unit", Rule::NotAllowed))?;
    quantity
        .times(factor)
        .ok_or_else(|| refused("quantity", Rule::TooLarge))
}

/// How much of the product should be there, if somebody said so.
pub(crate) fn least(product: &product::Details) -> Option<Least> {
    Some(Least {
        min: product.min_stock?,
        code: product.code.clone(),
        name: product.name.clone(),
        unit: product.unit.clone(),
    })
}
