//! **remembers.** All that people read is a fold of the log: rows, the runner that keeps a workspace's rows together at
//! exactly one position, and the queries over them.

mod column;
mod counts;
mod debt;
#[cfg(test)]
mod golden;
mod home;
mod known;
mod lane;
pub mod list;
mod model;
pub mod plain;
pub mod platform;
mod readers;
mod remake;
mod runner;
pub mod schema;
pub mod shape;
mod table;
pub mod tree;
pub mod view;
mod write;

pub mod catalog;
pub mod finance;
pub mod office;
mod past;
pub mod people;
pub mod production;
pub mod sales;

pub use column::{Column, ColumnKind, Rights, camel_case, snake_case};
pub use past::{AsOf, Moment};
pub use readers::Readers;
pub use remake::{Compared, Difference, Progress, Replayed, Tables};
pub use runner::{Projections, outdated, touched};
pub use table::{ProjectError, Seen, Table, singular};

use table::{Projector, of};

/// The read models of a workspace: one line each.
fn tenant_tables() -> Vec<Box<dyn Projector>> {
    vec![
        of::<sales::customer::Row>(),
        of::<sales::customer::mark::Row>(),
        of::<sales::interaction::Row>(),
        of::<sales::deal::Row>(),
        of::<sales::activity::Row>(),
        of::<sales::pipeline::Row>(),
        of::<office::custom_field::Row>(),
        of::<sales::quote::Row>(),
        of::<sales::order::Row>(),
        of::<catalog::category::Row>(),
        of::<catalog::price_list::Row>(),
        of::<catalog::price::Row>(),
        of::<catalog::product::Row>(),
        of::<catalog::stock_day::Row>(),
        of::<catalog::stock_level::Row>(),
        of::<catalog::stock_movement::Row>(),
        of::<catalog::stock_place::Row>(),
        of::<catalog::stock_transfer::Row>(),
        of::<catalog::stock_lot::Row>(),
        of::<catalog::warehouse::Row>(),
        of::<production::bom::Row>(),
        of::<production::production_order::Row>(),
        of::<finance::invoice::Row>(),
        of::<finance::payment::Row>(),
        of::<finance::exchange_rate::Row>(),
        of::<office::notification::Row>(),
        of::<people::department::Row>(),
        of::<people::employee::Row>(),
    ]
}

/// The read models of the platform's own log.
fn platform_tables() -> Vec<Box<dyn Projector>> {
    vec![
        of::<platform::User>(),
        of::<platform::Organization>(),
        of::<platform::Workspace>(),
        of::<platform::Membership>(),
        of::<platform::ApiKey>(),
        of::<platform::OwnRole>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{
        ColumnKind, Table,
        catalog::{product, stock_level, stock_movement, stock_transfer},
        finance::invoice,
        office::notification,
        people::employee,
        platform::Membership,
        production::production_order,
    };
    use super::{sales::activity, sales::customer, sales::deal, sales::interaction, sales::order};
    use schemars::{JsonSchema, schema_for};
    use serde_json::Value;

    /// The words of an enum, as its schema lists them.
    fn words<T: JsonSchema>() -> Vec<String> {
        fn collect(schema: &Value, words: &mut Vec<String>) {
            match schema {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        match (name.as_str(), value) {
                            ("const", Value::String(word)) => words.push(word.clone()),
                            ("enum", Value::Array(all)) => {
                                words.extend(all.iter().filter_map(Value::as_str).map(str::to_owned))
                            }
                            _ => collect(value, words),
                        }
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        collect(schema_for!(T).as_value(), &mut found);
        found
    }

    #[track_caller]
    fn same<R: Table, T: JsonSchema>(column: &str) {
        let columns = R::columns();
        let kind = columns
            .iter()
            .find(|other| other.name == column)
            .map(|column| column.kind);
        let Some(ColumnKind::Choice(listed)) = kind else {
            panic!("{column} is no choice: {kind:?}");
        };
        assert_eq!(listed, words::<T>(), "{} {column}", R::NAME);
    }

    #[test]
    fn a_list_offers_the_words_that_the_trade_has() {
        same::<customer::Row, domain::sales::customer::CustomerType>("type");
        same::<customer::Row, domain::sales::customer::Status>("status");
        same::<interaction::Row, domain::sales::interaction::InteractionType>("type");
        same::<interaction::Row, domain::sales::interaction::Direction>("direction");
        same::<product::Row, domain::catalog::product::ProductType>("type");
        same::<product::Row, domain::catalog::product::Status>("status");
        same::<product::Row, domain::catalog::stock::Tracking>("tracking");
        same::<stock_level::Row, domain::catalog::product::ProductType>("type");
        same::<stock_level::Row, domain::catalog::stock::Valuation>("valuation");
        same::<stock_movement::Row, stock_movement::Movement>("type");
        same::<stock_transfer::Row, stock_transfer::Status>("status");
        same::<deal::Row, domain::sales::deal::Stage>("stage");
        same::<deal::Row, domain::sales::deal::LossReason>("lost_category");
        same::<activity::Row, domain::sales::activity::ActivityType>("type");
        same::<super::sales::quote::Row, domain::sales::deal::QuoteStatus>("status");
        same::<order::Row, domain::sales::order::Status>("status");
        same::<order::Row, domain::sales::order::OrderType>("type");
        same::<invoice::Row, domain::finance::invoice::InvoiceKind>("kind");
        same::<production_order::Row, domain::production::production_order::Status>("status");
        same::<production_order::Row, domain::production::production_order::Priority>("priority");
        same::<notification::Row, domain::office::notification::Topic>("type");
        same::<employee::Row, domain::people::employee::Status>("status");
        same::<employee::Row, domain::Role>("organization_role");
        same::<Membership, domain::Role>("role");
    }
}
