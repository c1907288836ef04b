//! A price list for one customer names one that is there.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes, Rule, Violations,
    catalog::price_list::{Change, Details, PriceList, PriceListCommand, PriceListEvent, PriceListRejection},
    id::PriceListId,
    sales::customer::Customer,
};

type Answer = Result<Done<PriceListEvent>, Error<PriceListRejection>>;

/// Makes a price list.
pub async fn create(executor: &Executor, id: PriceListId, change: Change, context: &Context) -> Answer {
    let created = match known(executor, &change, context).await {
        Ok(()) => {
            let command = PriceListCommand::Create(Box::new(Details::begin(&change)));
            executor.create::<PriceList>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<PriceList>(id, context, created).await
}

/// Changes a price list.
pub async fn update(executor: &Executor, id: PriceListId, change: Change, context: &Context) -> Answer {
    let updated = match known(executor, &change, context).await {
        Ok(()) => {
            let command = PriceListCommand::Update(Box::new(change));
            executor.execute::<PriceList>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<PriceList>(id, context, updated).await
}

async fn known(executor: &Executor, change: &Change, context: &Context) -> Result<(), Error<PriceListRejection>> {
    let Some(customer) = change.customer_id.as_set().copied().flatten() else {
        return Ok(());
    };
    let customer = executor.look::<Customer, _>(context.workspace, customer).await?.state;
    match customer.profile() {
        Some(_) => Ok(()),
        None => Err(Error::NoSuchReference(Violations::one("customerId", Rule::Unknown))),
    }
}
