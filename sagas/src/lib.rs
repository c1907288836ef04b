//! **pursues.** A saga folds the log and says what is still owed; asking again after a crash is the whole recovery.
//! Pure: `evolve` and `owed` know no clock and no database. The runner carries out what is owed through commands, and what
//! is owed from some instant on when the clock reads so.

mod act;
mod asleep;
mod concern;
mod deadline;
mod decide;
#[cfg(test)]
mod harness;
mod memory;
mod refused;
mod runner;
mod saga;
mod shown;
#[cfg(test)]
mod testing;

pub mod deal_won;
pub mod invoice_collection;
pub mod order_billing;
pub mod order_cancellation;
pub mod order_completion;
pub mod order_fulfillment;
pub mod replenishment;

pub use act::{Act, Owed};
pub use decide::{Verdict, decide};
pub use runner::{MIGRATIONS, Sagas, open};
pub use saga::{Saga, Seen, Standing};
pub use shown::{Full, Instance, Parked, Step, Told, full, instances, parked, unfinished};

use saga::{Process, of};

/// The sagas there are: one line each.
fn all() -> Vec<Box<dyn Process>> {
    vec![
        of::<deal_won::DealWon>(),
        of::<order_fulfillment::OrderFulfillment>(),
        of::<invoice_collection::InvoiceCollection>(),
        of::<replenishment::Replenishment>(),
        of::<order_completion::OrderCompletion>(),
        of::<order_cancellation::OrderCancellation>(),
        of::<order_billing::OrderBilling>(),
    ]
}
