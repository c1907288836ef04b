//! A price list for one customer names one that is there.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes,
    catalog::price_list::{Change, Details, PriceList, PriceListCommand, PriceListEvent, PriceListRejection},
    id::PriceListId,
    sales::customer::Customer,
};

type Failure = Error<PriceListRejection>;
type Answer = Result<Done<PriceListEvent>, Failure>;

/// Makes a price list.
pub async fn create(executor: &Executor, id: PriceListId, mut change: Change, context: &Context) -> Answer {
    let created = match known(executor, None, &mut change, context).await {
        Ok(()) => {
            let command = PriceListCommand::Create(Box::new(Details::begin(&change)));
            executor.create::<PriceList>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<PriceList>(id, context, created).await
}

/// Changes a price list.
pub async fn update(executor: &Executor, id: PriceListId, mut change: Change, context: &Context) -> Answer {
    let updated = match known(executor, Some(id), &mut change, context).await {
        Ok(()) => {
            let command = PriceListCommand::Update(Box::new(change));
            executor.execute::<PriceList>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<PriceList>(id, context, updated).await
}

async fn known(
    executor: &Executor,
    list: Option<PriceListId>,
    change: &mut Change,
    context: &Context,
) -> Result<(), Failure> {
    let is_there = |customer: &Customer| customer.profile().is_some().then_some(());
    let stands = |list: &PriceList| list.details()?.customer_id;
    executor
        .named("customerId", &mut change.customer_id, is_there, list, stands, context)
        .await
        .map(drop)
}
