//! What sagas ask for, and how it is carried out: through the same commands as everybody's, by an id that makes a
//! repeat harmless; some of it at once, some not before its time.

use chrono::{DateTime, NaiveDate, Utc};
use commands::{Context, Error, Executor, production_order, stock};
use domain::{
    Aggregate, Money, Quantity, Rejection,
    catalog::stock::{Demand, Stock, StockCommand},
    finance::invoice::{self, Invoice, InvoiceCommand, Revocation},
    id::{BomId, DealId, InvoiceId, NotificationId, OrderId, ProductId, ProductionOrderId, StockId},
    office::notification::{self, Notification, NotificationCommand},
    production::{
        bom::{Bom, BomCommand},
        production_order::{ProductionOrder, ProductionOrderCommand},
    },
    sales::order::{self, Order, OrderCommand},
};
use log::PersonalError;

/// One step that is still to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Unique in the instance; part of the command's id.
    pub step: String,
    pub act: Act,
    /// Not before that instant, and only if it is still owed then; absent: at once.
    pub due: Option<DateTime<Utc>>,
}

impl Owed {
    pub fn new(step: impl Into<String>, act: Act) -> Self {
        Self {
            step: step.into(),
            act,
            due: None,
        }
    }

    #[must_use]
    pub fn not_before(self, due: DateTime<Utc>) -> Self {
        Self { due: Some(due), ..self }
    }

    /// Whether its time has come by that reading of the clock.
    pub fn is_due(&self, reading: DateTime<Utc>) -> bool {
        self.due.is_some_and(|due| due <= reading)
    }

    /// When the first of those that have to wait is due.
    pub(crate) fn next(owed: &[Self]) -> Option<DateTime<Utc>> {
        owed.iter().filter_map(|owed| owed.due).min()
    }

    /// What tells it from all others of its instance: the step, and the instant if it has one.
    pub(crate) fn key(&self) -> String {
        match self.due {
            None => self.step.clone(),
            Some(due) => format!("{} at {}", self.step, due.timestamp_micros()),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    CreateOrder(OrderId, Box<order::Created>),
    /// It was delivered and paid.
    CompleteOrder(OrderId),
    CreateInvoice(InvoiceId, Box<invoice::Created>),
    /// As the order stands, dated by that day.
    BillOrder(OrderId, NaiveDate),
    Notify(NotificationId, Box<notification::Created>),
    Produce(ProductionOrderId, production_order::Request),
    /// Have that line told when the product has a bill of materials.
    AwaitBill(ProductId, OrderId, u32),
    Reserve(ProductId, Demand, Quantity),
    Schedule(ProductionOrderId, DateTime<Utc>),
    /// The order is cancelled; whether what is under way may be lost.
    StopProduction(ProductionOrderId, OrderId, bool),
    Release(ProductId, Demand),
    /// So much of what was paid on it goes back.
    Revoke(InvoiceId, OrderId, Option<DealId>, Money),
    /// Of the invoice that it takes back, on that day.
    WriteCreditNote(InvoiceId, NaiveDate),
}

/// Why a step was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// By the rules, for good.
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
    /// By circumstances: ask again.
    #[error(transparent)]
    Again(Box<dyn std::error::Error + Send + Sync>),
}

impl Act {
    pub(crate) async fn carry_out(self, executor: &Executor, context: &Context) -> Result<(), Failure> {
        match self {
            Self::CreateOrder(id, created) => done(
                executor
                    .create::<Order>(id, &OrderCommand::Create(created), context)
                    .await,
            ),
            Self::CompleteOrder(id) => execute::<Order>(executor, id, OrderCommand::Complete, context).await,
            Self::CreateInvoice(id, created) => done(
                executor
                    .create::<Invoice>(id, &InvoiceCommand::Create(created), context)
                    .await,
            ),
            Self::BillOrder(id, date) => done(commands::invoice::of_order(executor, id, date, context).await),
            Self::Notify(id, created) => done(
                executor
                    .create::<Notification>(id, &NotificationCommand::Notify(created), context)
                    .await,
            ),
            Self::Produce(id, request) => done(production_order::create(executor, id, &request, context).await),
            Self::AwaitBill(product_id, order_id, line) => {
                let ask = BomCommand::Await {
                    product_id,
                    order_id,
                    line,
                };
                execute::<Bom>(executor, BomId::of(product_id), ask, context).await
            }
            Self::Reserve(product_id, demand, quantity) => {
                done(stock::reserve(executor, product_id, demand, quantity, context).await)
            }
            Self::StopProduction(id, order_id, scrap) => {
                let cancel = ProductionOrderCommand::Cancel { order_id, scrap };
                execute::<ProductionOrder>(executor, id, cancel, context).await
            }
            Self::Release(product_id, demand) => {
                let release = StockCommand::Release { product_id, demand };
                execute::<Stock>(executor, StockId::of(product_id), release, context).await
            }
            Self::Revoke(id, order_id, deal_id, refund) => {
                let revocation = Revocation {
                    order_id,
                    deal_id,
                    refund,
                    credit_note_id: id.credit_note(),
                };
                execute::<Invoice>(executor, id, InvoiceCommand::Revoke(revocation), context).await
            }
            Self::WriteCreditNote(id, date) => done(commands::invoice::credit(executor, id, date, context).await),
            Self::Schedule(id, start) => {
                execute::<ProductionOrder>(executor, id, ProductionOrderCommand::Schedule { start }, context).await
            }
        }
    }
}

pub(crate) async fn execute<A: Aggregate>(
    executor: &Executor,
    id: A::Id,
    command: A::Command,
    context: &Context,
) -> Result<(), Failure> {
    done(executor.execute::<A>(id, &command, context).await)
}

fn done<T, R: Rejection>(result: Result<T, Error<R>>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(Error::Rejected(rejection)) => Err(Failure::Refused {
            code: rejection.code().to_owned(),
            message: rejection.to_string(),
        }),
        // Asking again would change nothing about these either.
        Err(
            error @ (Error::NoSuchReference(_)
            | Error::Taken { .. }
            | Error::Limit { .. }
            | Error::Forbidden(_)
            | Error::Hidden(_)
            | Error::Personal(PersonalError::Misplaced)
            | Error::CommandReused),
        ) => Err(Failure::Refused {
            code: "command.refused".to_owned(),
            message: error.to_string(),
        }),
        Err(
            error @ (Error::Stale { .. }
            | Error::Busy
            | Error::Unavailable(_)
            | Error::Closed
            | Error::Refused(_)
            | Error::OutcomeUnknown
            // Of somebody erased since: the state is read anew, and says so.
            | Error::Personal(_)
            | Error::Unreadable(_)
            | Error::Damaged(_)
            | Error::Unstorable(_)),
        ) => Err(Failure::Again(Box::new(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::sales::deal::DealRejection;

    /// What the rules refuse stays refused; what circumstances refuse is asked for again.
    #[test]
    fn which_failures_are_for_good() {
        let told = |error| match done::<(), DealRejection>(Err(error)) {
            Err(Failure::Refused { code, .. }) => code,
            Err(Failure::Again(_)) => "again".to_owned(),
            Ok(()) => "done".to_owned(),
        };
        let (kind, key) = ("product.code", "1".to_owned());
        for (error, outcome) in [
            (Error::Rejected(DealRejection::Missing), "deal.missing"),
            (Error::Taken { kind, key }, "command.refused"),
            (Error::CommandReused, "command.refused"),
            (Error::Busy, "again"),
            (Error::OutcomeUnknown, "again"),
        ] {
            assert_eq!(told(error), outcome);
        }
        assert!(done::<(), DealRejection>(Ok(())).is_ok());
    }
}
