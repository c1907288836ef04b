//! What a quantity of a product takes, through all levels. The bills form a graph in which a part may be used in many
//! places: each product is visited once, with all that is wanted of it, so that the work grows with the parts there are
//! and not with the ways that lead to them, and the depth does not matter.

use super::{Bill, Component, Operation};
use crate::{Quantity, id::ProductId};
use std::collections::{BTreeMap, VecDeque};

/// Components and operations of all bills together; more is taken for a mistake.
pub const PARTS_MAX: usize = 2_000;

/// Every bill a product is made by, its own included, as looked up.
pub type Bills = BTreeMap<ProductId, Bill>;

/// What a quantity of a product takes, sub-assemblies resolved into what they are made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explosion {
    /// Each material once.
    pub materials: Vec<Component>,
    /// A part is made before what it goes into.
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
    #[error("a bill leads back to its own product")]
    Cyclic,
    #[error("too large: a quantity out of range, or too many parts")]
    TooLarge,
}

pub fn explode(product: ProductId, quantity: Quantity, bills: &Bills) -> Result<Explosion, ExplosionError> {
    if !bills.contains_key(&product) {
        return Err(ExplosionError::NoBill);
    }
    let mut uses = uses(product, bills)?;
    if uses.get(&product).is_some_and(|used| *used > 0) {
        return Err(ExplosionError::Cyclic);
    }
    let mut found = Explosion::default();
    let mut wanted = BTreeMap::from([(product, quantity)]);
    let mut made: Vec<(&Bill, Quantity)> = Vec::new();
    // A product is taken up when everything it goes into has been: only then is known how much is wanted.
    let mut next = VecDeque::from([product]);
    while let Some(product) = next.pop_front() {
        let Some(bill) = bills.get(&product) else { continue };
        let quantity = wanted.remove(&product).unwrap_or_default();
        made.push((bill, quantity));
        for component in &bill.components {
            let needed = component.quantity.times(quantity).ok_or(ExplosionError::TooLarge)?;
            let Some(left) = uses.get_mut(&component.material_id) else {
                found.take(component, needed)?;
                continue;
            };
            let sum = wanted.entry(component.material_id).or_default();
            *sum = sum.checked_add(needed).ok_or(ExplosionError::TooLarge)?;
            *left = left.saturating_sub(1);
            if *left == 0 {
                next.push_back(component.material_id);
            }
        }
    }
    if made.len() < uses.len() {
        return Err(ExplosionError::Cyclic);
    }
    for (bill, quantity) in made.into_iter().rev() {
        let step = |operation: &Operation| Step {
            operation: operation.clone(),
            quantity,
        };
        found.steps.extend(bill.operations.iter().map(step));
    }
    Ok(found)
}

/// The products with a bill that this one is made of, itself included, and in how many places each is used.
fn uses(product: ProductId, bills: &Bills) -> Result<BTreeMap<ProductId, usize>, ExplosionError> {
    let mut uses = BTreeMap::from([(product, 0)]);
    let mut parts = 0;
    let mut next = vec![product];
    while let Some(bill) = next.pop().and_then(|product| bills.get(&product)) {
        parts += bill.components.len() + bill.operations.len();
        if parts > PARTS_MAX {
            return Err(ExplosionError::TooLarge);
        }
        for part in bill.components.iter().map(|component| component.material_id) {
            if bills.contains_key(&part) {
                let used = uses.entry(part).or_insert_with(|| {
                    next.push(part);
                    0
                });
                *used += 1;
            }
        }
    }
    Ok(uses)
}

impl Explosion {
    fn take(&mut self, component: &Component, needed: Quantity) -> Result<(), ExplosionError> {
        match self
            .materials
            .iter_mut()
            .find(|material| material.material_id == component.material_id)
        {
            Some(material) => {
                material.quantity = material.quantity.checked_add(needed).ok_or(ExplosionError::TooLarge)?;
            }
            None => self.materials.push(Component {
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
    use crate::Money;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn product(n: u128) -> ProductId {
        ProductId::new(Uuid::from_u128(n))
    }

    fn bill(components: &[(u128, i32)], operation: &str) -> Bill {
        let component = |(n, quantity): &(u128, i32)| Component {
            material_id: product(*n),
            material_name: format!("material {n}"),
            quantity: Quantity::whole(*quantity),
            unit: "шт".into(),
            cost: Money::ZERO,
        };
        let operation = Operation {
            name: operation.into(),
            duration: 1,
            required_skills: vec![],
            equipment: vec![],
        };
        Bill {
            components: components.iter().map(component).collect(),
            operations: vec![operation],
        }
    }

    fn bills(of: &[(u128, &[(u128, i32)])]) -> Bills {
        let one = |(n, components): &(u128, &[(u128, i32)])| (product(*n), bill(components, &format!("make {n}")));
        of.iter().map(one).collect()
    }

    fn steps(found: &Explosion) -> Vec<(&str, Quantity)> {
        let steps = found.steps.iter();
        steps
            .map(|step| (step.operation.name.as_str(), step.quantity))
            .collect()
    }

    #[test]
    fn all_levels_are_exploded_and_parts_are_made_first() {
        let bills = bills(&[(9, &[(1, 2)]), (10, &[(9, 2), (1, 1)])]);
        let found = explode(product(10), Quantity::whole(3), &bills).unwrap();
        assert_eq!(found.materials.len(), 1);
        assert_eq!(found.materials[0].quantity, Quantity::whole(15));
        assert_eq!(
            steps(&found),
            [("make 9", Quantity::whole(6)), ("make 10", Quantity::whole(3))]
        );
    }

    #[test]
    fn a_part_that_is_used_in_many_places_is_made_once_before_all_of_them() {
        // 4 is made of 3 and 2, 3 of 2: whatever the order of the components, 2 comes first.
        for components in [[(3, 1), (2, 5)], [(2, 5), (3, 1)]] {
            let bills = bills(&[(4, &components), (3, &[(2, 2)]), (2, &[(1, 10)])]);
            let found = explode(product(4), Quantity::whole(1), &bills).unwrap();
            let names: Vec<&str> = steps(&found).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["make 2", "make 3", "make 4"]);
            assert_eq!(found.materials[0].quantity, Quantity::whole(70));
        }
    }

    #[test]
    fn depth_does_not_matter() {
        let mut chain = Bills::new();
        for n in 1..=1_000 {
            chain.insert(product(n), bill(&[(n - 1, 1)], "make"));
        }
        let found = explode(product(1_000), Quantity::whole(2), &chain).unwrap();
        assert_eq!((found.materials.len(), found.steps.len()), (1, 1_000));
        assert_eq!(found.materials[0].material_id, product(0));
        // A lattice: twice as many ways at every level, and as many parts as before.
        let mut lattice = Bills::new();
        for n in 1..=200_u128 {
            let (left, right) = (2 * (n - 1), 2 * (n - 1) + 1);
            for top in [2 * n, 2 * n + 1] {
                let mut both = bill(&[(left, 1), (right, 1)], "make");
                both.components[0].quantity = Quantity::from_units(500).unwrap();
                both.components[1].quantity = Quantity::from_units(500).unwrap();
                lattice.insert(product(top), both);
            }
        }
        assert!(explode(product(400), Quantity::whole(1), &lattice).is_ok());
    }

    #[test]
    fn what_is_too_much_is_an_error() {
        let mut chain = Bills::new();
        for n in 1..=20 {
            chain.insert(product(n), bill(&[(n - 1, 10)], "make"));
        }
        let found = explode(product(20), Quantity::whole(1), &chain);
        assert_eq!(found, Err(ExplosionError::TooLarge), "ten to the twentieth");
        let mut wide = Bills::new();
        for n in 1..=1_001 {
            wide.insert(product(n), bill(&[(n - 1, 1)], "make"));
        }
        let found = explode(product(1_001), Quantity::whole(1), &wide);
        assert_eq!(found, Err(ExplosionError::TooLarge), "{PARTS_MAX} parts");
        assert_eq!(
            explode(product(7), Quantity::whole(1), &Bills::new()),
            Err(ExplosionError::NoBill)
        );
    }

    #[test]
    fn a_cycle_ends_in_an_error_not_in_a_loop() {
        for cycle in [
            bills(&[(1, &[(1, 1)])]),
            bills(&[(1, &[(2, 1)]), (2, &[(3, 1)]), (3, &[(1, 1)])]),
            bills(&[(1, &[(2, 1), (9, 1)]), (2, &[(3, 1)]), (3, &[(2, 1)])]),
        ] {
            let found = explode(product(1), Quantity::whole(1), &cycle);
            assert_eq!(found, Err(ExplosionError::Cyclic));
        }
    }

    proptest! {
        /// However products are made of earlier ones: what is used of each material is the sum over all ways to it.
        #[test]
        fn materials_are_the_sum_over_all_ways(uses in prop::collection::vec(prop::collection::btree_map(0..6_u128, 1..4_i32, 1..4), 1..6)) {
            // Product n + 1 is made of products up to n; product 0 is bought.
            let mut bills = Bills::new();
            let mut expected = vec![1_i64];
            for (n, parts) in (0..).zip(&uses) {
                let mut own = BTreeMap::new();
                for (part, quantity) in parts {
                    *own.entry(part % (n + 1)).or_insert(0) += quantity;
                }
                let own: Vec<(u128, i32)> = own.into_iter().collect();
                expected.push(own.iter().map(|(part, quantity)| expected[usize::try_from(*part).unwrap()] * i64::from(*quantity)).sum());
                bills.insert(product(n + 1), bill(&own, "make"));
            }
            let top = product(uses.len() as u128);
            let found = explode(top, Quantity::whole(1), &bills).unwrap();
            prop_assert_eq!(found.materials.len(), 1);
            prop_assert_eq!(found.materials[0].quantity.units(), expected[uses.len()] * 1_000);
        }
    }
}
