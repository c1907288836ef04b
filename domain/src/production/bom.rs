//! A bill of materials: what goes into one unit of a product and how it is made. Defining it again is a new version;
//! a production order pins the version it was planned with. `explode` walks it through all levels.

use crate::{
    Aggregate, Check, Event, Money, Permission, Quantity, Rejection, Rule, Violations,
    check::ITEMS_MAX,
    id::{BomId, ProductId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Deeper nesting than this is taken for a mistake.
pub const LEVELS_MAX: usize = 20;
/// Components and operations, over all levels; more is taken for a mistake as well.
const PARTS_MAX: usize = 2_000;

// Vocabulary

#[derive(Debug, Clone)]
pub enum BomCommand {
    Define {
        product_id: ProductId,
        bill: Bill,
        /// Looked up before: whether a component's own bill leads back to the product.
        cyclic: bool,
    },
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
}

impl Event for BomEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum BomRejection {
    #[error("a product cannot be made of itself")]
    #[rejection(Conflict, "bom.cyclic")]
    Cyclic,
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
        let BomCommand::Define {
            product_id,
            bill,
            cyclic,
        } = command;
        let total_cost = bill.check(*product_id)?;
        if *cyclic {
            return Err(BomRejection::Cyclic);
        }
        if self.version > 0 && self.bill == *bill {
            return Ok(vec![]);
        }
        let total_time = bill
            .operations
            .iter()
            .map(|operation| u64::from(operation.duration))
            .sum();
        Ok(vec![BomEvent::Defined {
            product_id: *product_id,
            version: self.version + 1,
            bill: bill.clone(),
            total_cost,
            total_time,
        }])
    }

    fn evolve(self, event: &BomEvent) -> Self {
        let BomEvent::Defined { version, bill, .. } = event;
        Self {
            version: *version,
            bill: bill.clone(),
        }
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
}

impl Bom {
    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn bill(&self) -> Option<&Bill> {
        (self.version > 0).then_some(&self.bill)
    }
}

// Explosion

/// Every bill a product is made by, its own included, as looked up.
pub type Bills = BTreeMap<ProductId, Bill>;

/// What a quantity of a product takes, sub-assemblies resolved into what they are made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explosion {
    /// Each material once.
    pub materials: Vec<Component>,
    /// Those of the deepest level first: a part is made before the whole.
    pub steps: Vec<Step>,
}

/// An operation and how much it is done for.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub operation: Operation,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExplosionError {
    #[error("no bill of materials")]
    NoBill,
    #[error("bills nested too deep")]
    TooDeep,
    #[error("too large: a quantity out of range, or too many parts")]
    TooLarge,
}

pub fn explode(product: ProductId, quantity: Quantity, bills: &Bills) -> Result<Explosion, ExplosionError> {
    if !bills.contains_key(&product) {
        return Err(ExplosionError::NoBill);
    }
    let mut found = Explosion::default();
    Descent {
        bills,
        found: &mut found,
        parts: 0,
    }
    .descend(product, quantity, LEVELS_MAX)?;
    Ok(found)
}

/// The walk down the levels, which ends however the bills refer to each other.
struct Descent<'a> {
    bills: &'a Bills,
    found: &'a mut Explosion,
    /// Visited so far.
    parts: usize,
}

impl Descent<'_> {
    fn descend(&mut self, product: ProductId, quantity: Quantity, levels: usize) -> Result<(), ExplosionError> {
        let Some(bill) = self.bills.get(&product) else {
            return Ok(());
        };
        let levels = levels.checked_sub(1).ok_or(ExplosionError::TooDeep)?;
        self.parts += bill.components.len() + bill.operations.len();
        if self.parts > PARTS_MAX {
            return Err(ExplosionError::TooLarge);
        }
        for component in &bill.components {
            let needed = component.quantity.times(quantity).ok_or(ExplosionError::TooLarge)?;
            if self.bills.contains_key(&component.material_id) {
                self.descend(component.material_id, needed, levels)?;
            } else {
                self.take(component, needed)?;
            }
        }
        let step = |operation: &Operation| Step {
            operation: operation.clone(),
            quantity,
        };
        self.found.steps.extend(bill.operations.iter().map(step));
        Ok(())
    }

    fn take(&mut self, component: &Component, needed: Quantity) -> Result<(), ExplosionError> {
        let materials = &mut self.found.materials;
        match materials
            .iter_mut()
            .find(|material| material.material_id == component.material_id)
        {
            Some(material) => {
                material.quantity = material.quantity.checked_add(needed).ok_or(ExplosionError::TooLarge)?
            }
            None => materials.push(Component {
                quantity: needed,
                ..component.clone()
            }),
        }
        Ok(())
    }
}

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
            cyclic: false,
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
                cyclic: false,
            })
            .then_rejected(refused);
        given::<Bom>([])
            .when(BomCommand::Define {
                product_id: product(9),
                bill: cabinet(),
                cyclic: true,
            })
            .then_rejected(BomRejection::Cyclic);
    }

    #[test]
    fn all_levels_are_exploded_and_parts_are_made_first() {
        let frame = Bill {
            components: vec![component(1, 2, 15_000)],
            operations: vec![operation("Bending", 10)],
        };
        let rack = Bill {
            components: vec![component(9, 2, 0), component(1, 1, 0)],
            operations: vec![operation("Mounting", 5)],
        };
        let bills = Bills::from([(product(9), frame), (product(10), rack)]);
        let found = explode(product(10), Quantity::whole(3), &bills).unwrap();
        assert_eq!(found.materials.len(), 1);
        assert_eq!(found.materials[0].quantity, Quantity::whole(15));
        assert_eq!(
            found
                .steps
                .iter()
                .map(|step| (step.operation.name.as_str(), step.quantity))
                .collect::<Vec<_>>(),
            [("Bending", Quantity::whole(6)), ("Mounting", Quantity::whole(3))]
        );
    }

    #[test]
    fn a_cycle_ends_in_an_error_not_in_a_loop() {
        let bills = Bills::from([(
            product(1),
            Bill {
                components: vec![component(1, 1, 0)],
                operations: vec![],
            },
        )]);
        assert_eq!(
            explode(product(1), Quantity::whole(1), &bills),
            Err(ExplosionError::TooDeep)
        );
    }
}
