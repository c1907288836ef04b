//! An order to make something: pending → scheduled → in_progress → completed. Its work orders come from the bill of
//! materials, pinned to the bill's version; whether its materials are there is an axis of its own, read from stock.

use super::bom::{Component, Explosion, Step};
use crate::{
    Aggregate, Choice, Event, Number, Numbering, Permission, Quantity, Rejection, Series, Violations,
    id::{OrderId, ProductId, ProductionOrderId, WorkOrderId, derive},
    time::is_plausible,
};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProductionOrderCommand {
    Create(Box<Draft>),
    /// Plan it to begin at that instant.
    Schedule {
        start: DateTime<Utc>,
    },
    /// The order's it was made for; one that is not written yet is not to be.
    Cancel {
        order_id: OrderId,
        /// What was made so far may be lost.
        scrap: bool,
    },
}

/// What to make, with the bill of materials already looked up and exploded.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub id: ProductionOrderId,
    pub order_id: OrderId,
    pub order_number: Number,
    /// The order's line, from 0.
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
    pub priority: Priority,
    pub due_date: Option<NaiveDate>,
    pub bom_version: u32,
    pub explosion: Explosion,
    pub notes: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    #[default]
    Medium,
    High,
    Urgent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Pending,
    Scheduled,
    InProgress,
    Completed,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkOrder {
    pub id: WorkOrderId,
    /// From 1; a later one never reports more than the one before it.
    pub sequence: u32,
    pub operation: String,
    /// Minutes for the whole quantity.
    pub duration: u64,
    pub required_skills: Vec<String>,
    pub equipment: Vec<String>,
    pub status: WorkOrderStatus,
    pub completed_quantity: Quantity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "snake_case")]
pub enum WorkOrderStatus {
    #[default]
    Pending,
    InProgress,
    Completed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    pub production_number: Number,
    pub order_id: OrderId,
    pub order_number: Number,
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
    pub priority: Priority,
    pub due_date: Option<NaiveDate>,
    pub bom_version: u32,
    pub materials: Vec<Component>,
    pub work_orders: Vec<WorkOrder>,
    pub notes: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProductionOrderEvent {
    #[serde(rename = "production.order.created")]
    Created(Box<Created>),
    #[serde(rename = "production.order.scheduled")]
    Scheduled {
        order_id: OrderId,
        start: DateTime<Utc>,
        finish: DateTime<Utc>,
    },
    #[serde(rename = "production.order.cancelled")]
    Cancelled { order_id: OrderId },
}

impl Event for ProductionOrderEvent {
    const NUMBERINGS: &'static [Numbering] = &[Numbering {
        event_type: "production.order.created",
        field: "productionNumber",
        series: Series::Production,
    }];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ProductionOrderRejection {
    #[error("no such production order")]
    #[rejection(Missing, "production_order.missing")]
    Missing,
    #[error("the product has no bill of materials")]
    #[rejection(Conflict, "production_order.no_bill")]
    NoBill,
    #[error("the bill of materials cannot be exploded: {0}")]
    #[rejection(Conflict, "production_order.cannot_explode")]
    CannotExplode(String),
    #[error("it is {status}")]
    #[rejection(Conflict, "production_order.under_way")]
    UnderWay { status: Status },
    #[error("the date is out of range")]
    #[rejection(Invalid, "production_order.no_such_date")]
    NoSuchDate,
    #[error(transparent)]
    #[rejection(Invalid, "production_order.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for ProductionOrder {
    const NAME: &'static str = "production_order";
    type Id = ProductionOrderId;
    type Command = ProductionOrderCommand;
    type Event = ProductionOrderEvent;
    type Rejection = ProductionOrderRejection;

    fn permission(command: &ProductionOrderCommand) -> Permission {
        match command {
            ProductionOrderCommand::Create(_) => Permission::ProductionCreate,
            ProductionOrderCommand::Schedule { .. } | ProductionOrderCommand::Cancel { .. } => {
                Permission::ProductionUpdate
            }
        }
    }

    fn decide(&self, command: &ProductionOrderCommand) -> Result<Vec<ProductionOrderEvent>, ProductionOrderRejection> {
        use ProductionOrderCommand as C;
        match (self, command) {
            (Self::Known { .. }, C::Create(_)) => Ok(vec![]), // the command names its effect
            (Self::Unknown, C::Create(draft)) => {
                let mut check = crate::Check::default();
                check.positive_quantity("quantity", draft.quantity);
                check.done()?;
                Ok(vec![ProductionOrderEvent::Created(Box::new(draft.as_created()))])
            }
            (Self::Unknown, C::Cancel { order_id, .. }) => {
                Ok(vec![ProductionOrderEvent::Cancelled { order_id: *order_id }])
            }
            (Self::Known { status, order_id, .. }, C::Cancel { scrap, .. }) => match status {
                Status::Cancelled => Ok(vec![]),
                Status::Completed => Err(ProductionOrderRejection::UnderWay { status: *status }),
                Status::InProgress if !scrap => Err(ProductionOrderRejection::UnderWay { status: *status }),
                Status::Pending | Status::Scheduled | Status::InProgress => {
                    Ok(vec![ProductionOrderEvent::Cancelled { order_id: *order_id }])
                }
            },
            (Self::Unknown, C::Schedule { .. }) => Err(ProductionOrderRejection::Missing),
            (
                Self::Known {
                    status: Status::Pending,
                    order_id,
                    minutes,
                    ..
                },
                C::Schedule { start },
            ) => {
                let length = i64::try_from(*minutes).ok().and_then(Duration::try_minutes);
                let finish = length
                    .and_then(|length| start.checked_add_signed(length))
                    .filter(|finish| is_plausible(finish.date_naive()))
                    .ok_or(ProductionOrderRejection::NoSuchDate)?;
                Ok(vec![ProductionOrderEvent::Scheduled {
                    order_id: *order_id,
                    start: *start,
                    finish,
                }])
            }
            (Self::Known { .. }, C::Schedule { .. }) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &ProductionOrderEvent) -> Self {
        match (self, event) {
            (_, ProductionOrderEvent::Created(created)) => {
                let minutes = created
                    .work_orders
                    .iter()
                    .fold(0_u64, |sum, work| sum.saturating_add(work.duration));
                Self::Known {
                    status: Status::Pending,
                    order_id: created.order_id,
                    minutes,
                    materials: created.materials.iter().map(|material| material.material_id).collect(),
                }
            }
            (
                Self::Known {
                    order_id,
                    minutes,
                    materials,
                    ..
                },
                ProductionOrderEvent::Scheduled { .. },
            ) => Self::Known {
                status: Status::Scheduled,
                order_id,
                minutes,
                materials,
            },
            (
                Self::Known {
                    order_id,
                    minutes,
                    materials,
                    ..
                },
                ProductionOrderEvent::Cancelled { .. },
            ) => Self::Known {
                status: Status::Cancelled,
                order_id,
                minutes,
                materials,
            },
            (Self::Unknown, ProductionOrderEvent::Cancelled { order_id }) => Self::Known {
                status: Status::Cancelled,
                order_id: *order_id,
                minutes: 0,
                materials: vec![],
            },
            (Self::Unknown, ProductionOrderEvent::Scheduled { .. }) => Self::Unknown,
        }
    }
}

impl Draft {
    fn as_created(&self) -> Created {
        let work_orders = self
            .explosion
            .steps
            .iter()
            .zip(1..)
            .map(|(step, sequence)| self.work_order(step, sequence))
            .collect();
        Created {
            production_number: Number::pending(),
            order_id: self.order_id,
            order_number: self.order_number.clone(),
            line: self.line,
            product_id: self.product_id,
            product_name: self.product_name.clone(),
            quantity: self.quantity,
            priority: self.priority,
            due_date: self.due_date,
            bom_version: self.bom_version,
            materials: self.explosion.materials.clone(),
            work_orders,
            notes: self.notes.clone(),
        }
    }

    fn work_order(&self, Step { operation, quantity }: &Step, sequence: u32) -> WorkOrder {
        // thousandths of a unit times minutes each: fits, a quantity has 12 digits and a duration 10
        let duration = u128::from(quantity.units().unsigned_abs()) * u128::from(operation.duration);
        WorkOrder {
            id: WorkOrderId::new(derive(self.id, &format!("work {sequence}"))),
            sequence,
            operation: operation.name.clone(),
            duration: u64::try_from(duration.div_ceil(1_000)).unwrap_or(u64::MAX),
            required_skills: operation.required_skills.clone(),
            equipment: operation.equipment.clone(),
            status: WorkOrderStatus::Pending,
            completed_quantity: Quantity::ZERO,
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum ProductionOrder {
    #[default]
    Unknown,
    Known {
        status: Status,
        order_id: OrderId,
        /// All work orders together.
        minutes: u64,
        /// What is reserved for it.
        materials: Vec<ProductId>,
    },
}

impl ProductionOrder {
    /// How far it is; nothing before it is written.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Unknown => None,
            Self::Known { status, .. } => Some(*status),
        }
    }

    /// What is reserved for it.
    pub fn materials(&self) -> &[ProductId] {
        match self {
            Self::Unknown => &[],
            Self::Known { materials, .. } => materials,
        }
    }
}

#[cfg(test)]
mod tests;
