//! Files whose rows become things: sent with `POST /imports`, checked row by row, shown, carried out. An import is no aggregate: its file is no
//! fact, and what comes of a row is said by the thing's own events, under the import's id as their correlation. It stands in a table beside
//! the log, and whoever works on it holds it for a moment only, so that another node, or this one after a crash, goes on where it stood. A row's
//! command has an id that follows from import and row: to do it again does nothing (docs/decisions/0040).

mod columns;
mod resource;
mod routes;
mod shown;
mod store;
mod upload;
mod value;
mod work;

pub use resource::{Entered, Entry, Resource, Rowed};
pub use routes::router;
pub use store::forget;
pub use work::keep;

use crate::identity::secrets;
use log::migrate::Migration;
use sqlx::PgPool;

const MIGRATIONS: &[Migration] = &[Migration::new(
    "0018_imports",
    include_str!("../../migrations/platform/0018_imports.sql"),
)];

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    secrets::apply(pool, MIGRATIONS).await
}

/// What is read of a file at most.
const LIMITS: sheets::Limits = sheets::Limits {
    rows: 50_001,
    columns: 200,
    bytes: 100 << 20,
};

/// A file's rows: the first one, and those below it that are not empty, with the numbers that a spreadsheet gives them.
struct Table {
    heads: Vec<String>,
    lines: Vec<(i32, Vec<String>)>,
}

impl Table {
    fn read(file: &[u8]) -> Result<Self, sheets::ReadError> {
        let mut rows = sheets::read(file, &LIMITS)?.into_iter();
        let mut heads = rows.next().ok_or(sheets::ReadError::NoTable)?;
        for head in &mut heads {
            head.retain(|letter| !letter.is_control());
        }
        let is_filled = |cells: &Vec<String>| cells.iter().any(|cell| !cell.trim().is_empty());
        let lines = (2..).zip(rows).filter(|(_, cells)| is_filled(cells));
        Ok(Self {
            heads,
            lines: lines.collect(),
        })
    }
}
