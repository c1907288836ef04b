//! **records.** Every change takes one path: authorise → load → decide → append → answer. The rules are the domain's,
//! the truth is the log's; here they meet, with retry on a lost race and one answer per command id.

mod anew;
pub mod beginnings;
mod commit;
mod context;
mod error;
mod executor;
mod following;
mod lanes;
mod left;
mod load;
mod meaning;
mod reference;
mod rehearsal;
mod states;
mod together;
mod tree;
mod unit;

pub mod activity;
pub mod bom;
pub mod category;
pub mod custom_field;
pub mod customer;
pub mod deal;
pub mod department;
pub mod employee;
pub mod interaction;
pub mod invoice;
pub mod notification;
pub mod order;
pub mod pipeline;
pub mod price;
pub mod price_list;
pub mod product;
pub mod production_order;
pub mod stock;
pub mod warehouse;

pub use context::{Actor, Context, Versions};
pub use error::Error;
pub use executor::{Answer, Done, Executor, Loaded};
pub use following::Following;
pub use meaning::Meaning;
pub use unit::Unit;
