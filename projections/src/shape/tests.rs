//! The names in SQL and those in the shapes are the same.

use super::*;
use std::collections::BTreeSet;

fn described<T: JsonSchema>() -> BTreeSet<String> {
    let schema = schemars::schema_for!(T).to_value();
    let properties = schema["properties"].as_object();
    properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn holds<V: Shape>() {
    let names = |fields: &[crate::view::Computed]| fields.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(described::<V::Shown>(), names(V::SHOWN), "{}", V::NAME);
    assert_eq!(described::<V::Details>(), names(V::DETAILS), "{}", V::NAME);
}

#[test]
fn what_is_computed_is_described_and_nothing_else() {
    holds::<customer::Row>();
    holds::<deal::Row>();
    holds::<order::Row>();
    holds::<invoice::Row>();
    holds::<exchange_rate::Row>();
    holds::<payment::Row>();
    holds::<product::Row>();
    holds::<bom::Row>();
    holds::<production_order::Row>();
    holds::<notification::Row>();
}
