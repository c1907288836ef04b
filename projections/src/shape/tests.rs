//! The names in SQL and those in the shapes are the same.

use super::*;
use crate::{
    catalog::{
        category, price, price_list, product, stock_level, stock_lot, stock_movement, stock_place, stock_transfer,
        warehouse,
    },
    office,
    people::{department, employee},
    sales::{activity, customer, deal, interaction, pipeline, quote},
};
use std::collections::BTreeSet;

fn described<T: JsonSchema>() -> BTreeSet<String> {
    let schema = schemars::schema_for!(T).to_value();
    let properties = schema["properties"].as_object();
    properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn holds<V: Shape>() {
    let names = |fields: &[crate::view::Computed]| fields.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(described::<V::Shown>(), names(V::SHOWN), "{}", V::NAME);
    let mut details: BTreeSet<String> = names(V::DETAILS);
    details.extend(V::NESTED.iter().map(|nested| nested.name.to_owned()));
    assert_eq!(described::<V::Details>(), details, "{}", V::NAME);
}

#[test]
fn what_is_computed_is_described_and_nothing_else() {
    holds::<customer::Row>();
    holds::<interaction::Row>();
    holds::<deal::Row>();
    holds::<activity::Row>();
    holds::<pipeline::Row>();
    holds::<office::custom_field::Row>();
    holds::<quote::Row>();
    holds::<order::Row>();
    holds::<invoice::Row>();
    holds::<exchange_rate::Row>();
    holds::<payment::Row>();
    holds::<category::Row>();
    holds::<price_list::Row>();
    holds::<price::Row>();
    holds::<product::Row>();
    holds::<stock_level::Row>();
    holds::<stock_movement::Row>();
    holds::<stock_place::Row>();
    holds::<stock_transfer::Row>();
    holds::<stock_lot::Row>();
    holds::<warehouse::Row>();
    holds::<bom::Row>();
    holds::<production_order::Row>();
    holds::<notification::Row>();
    holds::<department::Row>();
    holds::<employee::Row>();
    holds::<platform::Membership>();
    holds::<platform::OwnRole>();
}
