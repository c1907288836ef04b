//! **remembers.** All that people read is a fold of the log: rows, the runner that keeps a workspace's rows together at
//! exactly one position, and the queries over them.

mod column;
mod counts;
pub mod list;
pub mod platform;
mod runner;
pub mod schema;
mod table;
pub mod view;

pub mod catalog;
pub mod finance;
pub mod office;
pub mod production;
pub mod sales;

pub use column::{Column, ColumnKind, Rights};
pub use runner::{Projections, Replayed};
pub use table::{ProjectError, Seen, Table};

use table::{Projector, of};

/// The read models of a workspace: one line each.
fn tenant_tables() -> Vec<Box<dyn Projector>> {
    vec![
        of::<sales::customer::Row>(),
        of::<sales::deal::Row>(),
        of::<sales::order::Row>(),
        of::<catalog::product::Row>(),
        of::<catalog::stock_movement::Row>(),
        of::<production::bom::Row>(),
        of::<production::production_order::Row>(),
        of::<finance::invoice::Row>(),
        of::<finance::payment::Row>(),
        of::<office::notification::Row>(),
    ]
}

/// The read models of the platform's own log.
fn platform_tables() -> Vec<Box<dyn Projector>> {
    vec![
        of::<platform::User>(),
        of::<platform::Organization>(),
        of::<platform::Workspace>(),
        of::<platform::Membership>(),
    ]
}
