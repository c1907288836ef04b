//! A bill of materials: what goes into one unit of a product and how it is made. Defining it again is a new version;
//! a production order pins the version it was planned with. `explode` walks it through all levels.
//!
//! An order for a product that has no bill yet waits in line here, as one that is short of goods waits in stock: the
//! decision that defines the bill tells each of them, so that no reader has to notice and no race can lose one.

mod explosion;

pub use explosion::{Bills, Explosion, ExplosionError, PARTS_MAX, Step, explode};

use crate::{
    Aggregate, Check, Event, Money, Permission, Quantity, Rejection, Rule, Violations,
    check::ITEMS_MAX,
    id::{BomId, OrderId, ProductId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum BomCommand {
    Define {
        product_id: ProductId,
        bill: Bill,
        below: Below,
    },
    /// Tell this order's line when there is a bill.
    Await {
        product_id: ProductId,
        order_id: OrderId,
        line: u32,
    },
}

/// What the components' own bills come to, through all levels; looked up before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// The product can be made.
    Sound,
    /// One of them leads back to the product.
    LeadsBack,
    /// More parts than anybody could follow, or more of one than can be counted.
    TooLarge,
}

/// What makes one unit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    pub components: Vec<Component>,
    pub operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    pub material_id: ProductId,
    pub material_name: String,
    pub quantity: Quantity,
    pub unit: String,
    /// Per unit.
    pub cost: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub name: String,
    /// Minutes.
    pub duration: u32,
    #[serde(default)]
    pub required_skills: Vec<String>,
    #[serde(default)]
    pub equipment: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum BomEvent {
    #[serde(rename = "bom.defined")]
    Defined {
        product_id: ProductId,
        /// 1, 2, 3, …
        version: u32,
        #[serde(flatten)]
        bill: Bill,
        total_cost: Money,
        total_time: u64,
    },
    /// An order's line waits for the product's bill.
    #[serde(rename = "bom.awaited")]
    Awaited {
        product_id: ProductId,
        order_id: OrderId,
        /// From 0.
        line: u32,
    },
    /// The product has a bill now: that line need not wait any more.
    #[serde(rename = "bom.provided")]
    Provided {
        product_id: ProductId,
        order_id: OrderId,
        line: u32,
    },
}

impl Event for BomEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum BomRejection {
    #[error("a product cannot be made of itself")]
    #[rejection(Conflict, "bom.cyclic")]
    Cyclic,
    #[error("more than {max} parts over all levels, or too many of one")]
    #[rejection(Conflict, "bom.too_large")]
    TooLarge { max: usize },
    #[error(transparent)]
    #[rejection(Invalid, "bom.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Bom {
    const NAME: &'static str = "bom";
    type Id = BomId;
    type Command = BomCommand;
    type Event = BomEvent;
    type Rejection = BomRejection;

    fn permission(_command: &BomCommand) -> Permission {
        Permission::ProductionUpdate
    }

    fn decide(&self, command: &BomCommand) -> Result<Vec<BomEvent>, BomRejection> {
        match command {
            BomCommand::Define {
                product_id,
                bill,
                below,
            } => self.define(*product_id, bill, *below),
            BomCommand::Await {
                product_id,
                order_id,
                line,
            } => Ok(self.wait(*product_id, *order_id, *line).into_iter().collect()),
        }
    }

    fn evolve(mut self, event: &BomEvent) -> Self {
        match event {
            BomEvent::Defined { version, bill, .. } => (self.version, self.bill) = (*version, bill.clone()),
            BomEvent::Awaited { order_id, line, .. } => self.waiting.push((*order_id, *line)),
            BomEvent::Provided { order_id, line, .. } => self.waiting.retain(|one| *one != (*order_id, *line)),
        }
        self
    }
}

impl Bom {
    fn define(&self, product_id: ProductId, bill: &Bill, below: Below) -> Result<Vec<BomEvent>, BomRejection> {
        let total_cost = bill.check(product_id)?;
        match below {
            Below::Sound => {}
            Below::LeadsBack => return Err(BomRejection::Cyclic),
            Below::TooLarge => return Err(BomRejection::TooLarge { max: PARTS_MAX }),
        }
        if self.version > 0 && self.bill == *bill {
            return Ok(vec![]);
        }
        let times = bill.operations.iter().map(|operation| u64::from(operation.duration));
        let defined = BomEvent::Defined {
            product_id,
            version: self.version + 1,
            bill: bill.clone(),
            total_cost,
            total_time: times.sum(),
        };
        let provided = self.waiting.iter().map(|(order_id, line)| BomEvent::Provided {
            product_id,
            order_id: *order_id,
            line: *line,
        });
        Ok([defined].into_iter().chain(provided).collect())
    }

    /// The answer to an order that waits; none while it stands in line already.
    fn wait(&self, product_id: ProductId, order_id: OrderId, line: u32) -> Option<BomEvent> {
        if self.version > 0 {
            return Some(BomEvent::Provided {
                product_id,
                order_id,
                line,
            });
        }
        (!self.waiting.contains(&(order_id, line))).then_some(BomEvent::Awaited {
            product_id,
            order_id,
            line,
        })
    }
}

impl Bill {
    /// Answers the cost of one unit.
    fn check(&self, product_id: ProductId) -> Result<Money, Violations> {
        let mut check = Check::default();
        check.that(!self.components.is_empty(), "components", Rule::Required);
        check.list("components", &self.components);
        for (n, component) in self.components.iter().enumerate().take(ITEMS_MAX) {
            let at = format!("components[{n}]");
            let repeated = self.components[..n]
                .iter()
                .any(|other| other.material_id == component.material_id);
            check.that(!repeated, format!("{at}.materialId"), Rule::NotUnique);
            check.that(
                component.material_id != product_id,
                format!("{at}.materialId"),
                Rule::NotAllowed,
            );
            check.positive_quantity(format!("{at}.quantity"), component.quantity);
            check.not_negative(format!("{at}.cost"), component.cost);
            check.text(&format!("{at}.unit"), &component.unit, 20);
        }
        check.list("operations", &self.operations);
        for (n, operation) in self.operations.iter().enumerate().take(ITEMS_MAX) {
            check.text(&format!("operations[{n}].name"), &operation.name, 200);
            check.tags(&format!("operations[{n}].requiredSkills"), &operation.required_skills);
            check.tags(&format!("operations[{n}].equipment"), &operation.equipment);
        }
        let costs: Option<Vec<Money>> = self
            .components
            .iter()
            .map(|part| part.quantity.cost(part.cost))
            .collect();
        let total = costs.and_then(Money::checked_sum);
        check.that(total.is_some(), "components", Rule::TooLarge);
        check.done()?;
        Ok(total.unwrap_or_default())
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bom {
    /// 0 while there is none.
    version: u32,
    bill: Bill,
    /// Lines of orders that wait for the first version, in the order they came.
    waiting: Vec<(OrderId, u32)>,
}

impl Bom {
    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn bill(&self) -> Option<&Bill> {
        (self.version > 0).then_some(&self.bill)
    }
}

#[cfg(test)]
mod outcomes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;
    use uuid::Uuid;

    fn product(n: u128) -> ProductId {
        ProductId::new(Uuid::from_u128(n))
    }

    fn component(n: u128, quantity: i32, cost: i32) -> Component {
        Component {
            material_id: product(n),
            material_name: format!("material {n}"),
            quantity: Quantity::whole(quantity),
            unit: "шт".into(),
            cost: Money::whole(cost),
        }
    }

    fn operation(name: &str, duration: u32) -> Operation {
        Operation {
            name: name.into(),
            duration,
            required_skills: vec![],
            equipment: vec![],
        }
    }

    /// Document 2's server cabinet.
    fn cabinet() -> Bill {
        Bill {
            components: vec![component(1, 5, 15_000), component(2, 1, 25_000)],
            operations: vec![operation("Cutting", 120), operation("Welding", 180)],
        }
    }

    #[test]
    fn the_server_cabinet_costs_100000_and_takes_300_minutes() {
        let define = BomCommand::Define {
            product_id: product(9),
            bill: cabinet(),
            below: Below::Sound,
        };
        let defined = BomEvent::Defined {
            product_id: product(9),
            version: 1,
            bill: cabinet(),
            total_cost: Money::whole(100_000),
            total_time: 300,
        };
        given::<Bom>([]).when(define.clone()).then([defined.clone()]);
        given::<Bom>([defined]).when(define).then([]);
    }

    #[test]
    fn a_product_is_not_made_of_itself() {
        let own = Bill {
            components: vec![component(9, 1, 1)],
            operations: vec![],
        };
        let refused = BomRejection::Invalid(Violations::one("components[0].materialId", Rule::NotAllowed));
        given::<Bom>([])
            .when(BomCommand::Define {
                product_id: product(9),
                bill: own,
                below: Below::Sound,
            })
            .then_rejected(refused);
        given::<Bom>([])
            .when(BomCommand::Define {
                product_id: product(9),
                bill: cabinet(),
                below: Below::LeadsBack,
            })
            .then_rejected(BomRejection::Cyclic);
    }

    #[test]
    fn what_nobody_could_follow_is_refused() {
        let define = |bill, below| BomCommand::Define {
            product_id: product(9),
            bill,
            below,
        };
        let refused = BomRejection::TooLarge { max: PARTS_MAX };
        given::<Bom>([])
            .when(define(cabinet(), Below::TooLarge))
            .then_rejected(refused);
        // What is wrong with the bill itself comes first.
        let refused = BomRejection::Invalid(Violations::one("components", Rule::Required));
        given::<Bom>([])
            .when(define(Bill::default(), Below::TooLarge))
            .then_rejected(refused);
    }

    #[test]
    fn orders_wait_in_line_for_the_first_version() {
        let product_id = product(9);
        let ask = |order: u128, line| BomCommand::Await {
            product_id,
            order_id: OrderId::new(Uuid::from_u128(order)),
            line,
        };
        let told = |waits: bool, order: u128, line| {
            let order_id = OrderId::new(Uuid::from_u128(order));
            match waits {
                true => BomEvent::Awaited {
                    product_id,
                    order_id,
                    line,
                },
                false => BomEvent::Provided {
                    product_id,
                    order_id,
                    line,
                },
            }
        };
        let define = |bill| BomCommand::Define {
            product_id,
            bill,
            below: Below::Sound,
        };
        let defined = |version, bill| BomEvent::Defined {
            product_id,
            version,
            bill,
            total_cost: Money::whole(100_000),
            total_time: 300,
        };
        given::<Bom>([]).when(ask(1, 0)).then([told(true, 1, 0)]);
        given::<Bom>([told(true, 1, 0)]).when(ask(1, 0)).then([]);
        given::<Bom>([told(true, 1, 0)])
            .when(ask(1, 1))
            .then([told(true, 1, 1)]);
        let (first, other) = (defined(1, cabinet()), told(true, 2, 5));
        given::<Bom>([told(true, 1, 0), other.clone()])
            .when(define(cabinet()))
            .then([first.clone(), told(false, 1, 0), told(false, 2, 5)]);
        // Who was told does not hear it again; who asks late is told at once.
        let history = [other, first, told(false, 2, 5)];
        let mut longer = cabinet();
        longer.operations.swap(0, 1);
        given::<Bom>(history.clone())
            .when(define(longer.clone()))
            .then([defined(2, longer)]);
        given::<Bom>(history).when(ask(3, 0)).then([told(false, 3, 0)]);
    }
}
