//! Stock exists for products only. What a movement takes from its product is looked up here: whether it can lie on a shelf,
//! how many pieces its units are, how little of it is too little; and what has moved since goods were counted.

mod count;
mod dated;
pub mod landed;
mod since;

use crate::{Context, Done, Error, Executor};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Check, Money, Quantity, Rule, Violations,
    catalog::{
        product::{self, Product},
        stock::{
            Demand, Least, Lot, Moment, Movement, Named, Place, Stock, StockCommand, StockEvent, StockRejection,
            Transfer, Valued,
        },
        warehouse::Warehouse,
    },
    field::LINE,
    id::{ProductId, StockId, TransferId, WarehouseId},
    time::local_date,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// Which way goods go: what was archived is still to be emptied, and not to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

type Refusal = Error<StockRejection>;
type Answer = Result<Done<StockEvent>, Refusal>;

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
    /// The day in Kazakhstan that it counts from: not to come, and of no closed month; absent, today.
    pub effective_date: Option<NaiveDate>,
    /// Of a tracked product: which lots, all of them together the quantity.
    #[serde(default)]
    pub lots: Vec<Lot>,
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
    /// The day in Kazakhstan that it counts from: not to come, and of no closed month; absent, today.
    pub effective_date: Option<NaiveDate>,
    /// Of a tracked product: which lots, all of them together the quantity; absent, what expires first.
    #[serde(default)]
    pub lots: Vec<Lot>,
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
    /// The day in Kazakhstan that it counts from: not to come, and of no closed month; absent, today.
    pub effective_date: Option<NaiveDate>,
    /// Of a tracked product: which lots, all of them together the quantity, below zero where it is.
    #[serde(default)]
    pub lots: Vec<Lot>,
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
    /// Of a tracked product: which lots were counted, all of them together the quantity. Of others nothing is said.
    #[serde(default)]
    pub lots: Vec<Lot>,
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
    /// Of a tracked product: which lots, all of them together the quantity; absent, what expires first.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

/// Writes down that goods moved, or what was found; demands that wait for what came are served in the same breath.
pub async fn write_down(executor: &Executor, what: impl Written, context: &Context) -> Answer {
    let sought = what.sought();
    let id = StockId::of(sought.product_id);
    let written = look_up(executor, sought, what, context).await;
    executor.or_repeated::<Stock>(id, context, written).await
}

async fn look_up(executor: &Executor, sought: Sought, what: impl Written, context: &Context) -> Answer {
    let id = StockId::of(sought.product_id);
    let product = stocked(executor, sought.product_id, sought.way, context).await?;
    for (field, place, way) in sought.places {
        is_there(executor, place, way, field, context).await?;
    }
    let effective_date = what.effective_date();
    let command = what.command(product.as_ref(), context.now)?;
    if let Some(day) = effective_date {
        return dated::of(executor, sought.product_id, day, command, context).await;
    }
    let terms = dated::terms(executor, sought.product_id, context).await?;
    let under = |command: StockCommand| match &terms {
        Some(terms) => StockCommand::Under(terms.clone(), Box::new(command)),
        None => command,
    };
    match command {
        StockCommand::Count(movement, Moment { at, .. }, least) if at != context.now => {
            count::at(executor, id, at, (movement, least), under, context).await
        }
        command @ StockCommand::Value(_) => executor.execute::<Stock>(id, &command, context).await,
        command => executor.execute::<Stock>(id, &under(command), context).await,
    }
}

/// What has to be known before something is written down.
#[derive(Debug)]
pub struct Sought {
    product_id: ProductId,
    /// Which way goods of the product go.
    way: Way,
    /// The warehouses that are named: the field, the place, and which way goods go there.
    places: Vec<(&'static str, Place, Way)>,
}

impl Sought {
    fn at(product_id: ProductId, way: Way, warehouse: Place) -> Self {
        Self {
            product_id,
            way,
            places: vec![("warehouseId", warehouse, way)],
        }
    }
}

/// What people write down of a product's stock.
pub trait Written: Send {
    fn sought(&self) -> Sought;

    /// The day that it counts from; absent: today.
    fn effective_date(&self) -> Option<NaiveDate> {
        None
    }

    /// Of that product; of one that was archived, and only leaves, nothing is told.
    fn command(self, product: Option<&product::Details>, now: DateTime<Utc>) -> Result<StockCommand, Refusal>;
}

impl Written for Receipt {
    fn sought(&self) -> Sought {
        Sought::at(self.product_id, Way::In, self.warehouse_id)
    }

    fn effective_date(&self) -> Option<NaiveDate> {
        self.effective_date
    }

    fn command(self, product: Option<&product::Details>, _: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        Ok(StockCommand::Receive {
            product_id: self.product_id,
            lots: named(product, self.lots, self.unit.as_deref())?,
            quantity: pieces(product, self.quantity, self.unit.as_deref())?,
            unit_cost: self.unit_cost,
            reference: self.reference,
            reason: self.reason,
            warehouse: self.warehouse_id,
        })
    }
}

impl Written for Issue {
    fn sought(&self) -> Sought {
        Sought::at(self.product_id, Way::Out, self.warehouse_id)
    }

    fn effective_date(&self) -> Option<NaiveDate> {
        self.effective_date
    }

    /// What has expired by that day is passed over, and is taken by its name.
    fn command(self, product: Option<&product::Details>, now: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        let movement = Movement {
            product_id: self.product_id,
            lots: Named {
                today: Some(self.effective_date.unwrap_or_else(|| local_date(now))),
                may_be_expired: true,
                ..named(product, self.lots, self.unit.as_deref())?
            },
            quantity: pieces(product, self.quantity, self.unit.as_deref())?,
            unit_cost: None,
            reference: self.reference,
            reason: self.reason,
            warehouse: self.warehouse_id,
        };
        Ok(StockCommand::Issue(movement, product.and_then(least)))
    }
}

impl Written for Adjustment {
    fn sought(&self) -> Sought {
        let way = match self.quantity.is_negative() {
            true => Way::Out,
            false => Way::In,
        };
        Sought::at(self.product_id, way, self.warehouse_id)
    }

    fn effective_date(&self) -> Option<NaiveDate> {
        self.effective_date
    }

    fn command(self, product: Option<&product::Details>, _: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        let movement = Movement {
            product_id: self.product_id,
            lots: named(product, self.lots, None)?,
            quantity: self.quantity,
            unit_cost: self.unit_cost,
            reference: self.reference,
            reason: Some(self.reason).filter(|reason| !reason.trim().is_empty()),
            warehouse: self.warehouse_id,
        };
        Ok(StockCommand::Adjust(movement, product.and_then(least)))
    }
}

impl Written for Count {
    fn sought(&self) -> Sought {
        Sought::at(self.product_id, Way::Out, self.warehouse_id)
    }

    fn command(self, product: Option<&product::Details>, now: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        let mut check = Check::default();
        check.date("countedAt", self.counted_at.map(|at| at.date_naive()));
        let is_past = self.counted_at.is_none_or(|at| at <= now);
        check.that(is_past, "countedAt", Rule::NotYet);
        check.done().map_err(|violations| Error::Rejected(violations.into()))?;
        let movement = Movement {
            product_id: self.product_id,
            lots: named(product, self.lots, None)?,
            quantity: self.quantity,
            unit_cost: self.unit_cost,
            reference: self.reference,
            reason: self.reason,
            warehouse: self.warehouse_id,
        };
        let moment = Moment::new(self.counted_at.unwrap_or(now));
        Ok(StockCommand::Count(movement, moment, product.and_then(least)))
    }
}

impl Written for Shift {
    fn sought(&self) -> Sought {
        Sought {
            product_id: self.product_id,
            way: Way::Out,
            places: vec![
                ("fromWarehouseId", self.from_warehouse_id, Way::Out),
                ("toWarehouseId", self.to_warehouse_id, Way::In),
            ],
        }
    }

    fn command(self, product: Option<&product::Details>, _: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        let movement = Movement {
            product_id: self.product_id,
            lots: named(product, self.lots, None)?,
            quantity: self.quantity,
            unit_cost: None,
            reference: self.reference,
            reason: self.reason,
            warehouse: self.from_warehouse_id,
        };
        let transfer = Transfer {
            id: TransferId::new(Uuid::now_v7()),
            to: self.to_warehouse_id,
            at_once: !self.in_transit,
        };
        Ok(StockCommand::Send(movement, transfer))
    }
}

impl Written for Valued {
    fn sought(&self) -> Sought {
        Sought {
            product_id: self.product_id,
            way: Way::In,
            places: vec![],
        }
    }

    fn command(self, _: Option<&product::Details>, _: DateTime<Utc>) -> Result<StockCommand, Refusal> {
        Ok(StockCommand::Value(self))
    }
}

/// A warehouse that is named must be there, and what it is inside of as well; or, for what leaves it, have been there.
pub(crate) async fn is_there<R>(
    executor: &Executor,
    warehouse: Place,
    way: Way,
    field: &str,
    context: &Context,
) -> Result<(), Error<R>> {
    let Some(id) = warehouse else { return Ok(()) };
    let look = |id| executor.look::<Warehouse, R>(context.workspace, id);
    let warehouse = look(id).await?.state;
    let is_there = match (warehouse.as_ref(), way) {
        (Warehouse::Unknown, _) | (Warehouse::Archived, Way::In) => false,
        (_, Way::Out) => true,
        (Warehouse::Known(details), Way::In) => match details.parent_id {
            Some(parent) => look(parent).await?.state.details().is_some(),
            None => true,
        },
    };
    match is_there {
        true => Ok(()),
        false => Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown))),
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
        (Product::Known(details, _), _) if !details.kind.is_stocked() => {
            Err(Error::Rejected(Violations::one("productId", Rule::NotAllowed).into()))
        }
        (Product::Known(details, _), _) => Ok(Some(details.as_ref().clone())),
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

/// Lots as they were named, in the product's own unit.
fn named(product: Option<&product::Details>, lots: Vec<Lot>, unit: Option<&str>) -> Result<Named, Refusal> {
    let lots = lots.into_iter().map(|lot| {
        let quantity = pieces(product, lot.quantity, unit)?;
        Ok::<_, Refusal>(Lot { quantity, ..lot })
    });
    Ok(Named {
        lots: lots.collect::<Result<_, Refusal>>()?,
        ..Named::default()
    })
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
