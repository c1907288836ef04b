//! Prices exist for products in lists. Which of a product's prices a line takes: that of the list that is nearest to who
//! buys, for so many, that day; a price that the line names itself stays.

use crate::{Context, Done, Error, Executor};
use domain::{
    Money, Quantity, Rule, Violations,
    catalog::{
        price::{PriceEvent, PriceRejection, Prices, SetPrices, Tier},
        price_list::{Buyer, Details, Nearness, PriceList},
        product::Product,
    },
    finance::Currency,
    id::{CustomerId, PriceId, PriceListId, ProductId, WorkspaceId},
    sales::{
        LineRequest,
        customer::Customer,
        line::{LineDraft, Listed},
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::cmp::Reverse;

type Answer = Result<Done<PriceEvent>, Error<PriceRejection>>;

/// What a product costs in a list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pricing {
    pub price_list_id: PriceListId,
    pub product_id: ProductId,
    /// From which quantity on one costs how much; none takes the product out of the list.
    #[schemars(length(max = 20))]
    pub tiers: Vec<Tier>,
}

/// Sets what a product costs in a list.
pub async fn set(executor: &Executor, pricing: Pricing, context: &Context) -> Answer {
    let id = PriceId::of(pricing.product_id);
    let set = place(executor, pricing, context).await;
    executor.or_repeated::<Prices>(id, context, set).await
}

async fn place(executor: &Executor, pricing: Pricing, context: &Context) -> Answer {
    let unknown = |field| Error::NoSuchReference(Violations::one(field, Rule::Unknown));
    let workspace = context.workspace;
    let list = executor.look::<PriceList, _>(workspace, pricing.price_list_id).await?;
    if list.state.details().is_none() {
        return Err(unknown("priceListId"));
    }
    let product = executor.look::<Product, _>(workspace, pricing.product_id).await?;
    if product.state.details().is_none() {
        return Err(unknown("productId"));
    }
    let command = SetPrices {
        product_id: pricing.product_id,
        price_list_id: pricing.price_list_id,
        tiers: pricing.tiers,
    };
    let id = PriceId::of(pricing.product_id);
    executor.execute::<Prices>(id, &command, context).await
}

/// For lines that name no price: that of the list which is nearest to who buys, if there is one.
pub async fn offer<R>(
    executor: &Executor,
    requests: &[LineRequest],
    drafts: &mut [LineDraft],
    customer: Option<CustomerId>,
    currency: Currency,
    context: &Context,
) -> Result<(), Error<R>> {
    let (customer, segment) = match customer {
        Some(customer) => {
            let (customer, found) = executor.lead::<Customer, R>(context.workspace, customer).await?;
            let segment = found.state.profile().and_then(|profile| profile.segment.clone());
            (Some(customer), segment)
        }
        None => (None, None),
    };
    let buyer = Buyer {
        customer,
        segment,
        currency,
        day: local_date(context.now),
    };
    let unnamed = requests
        .iter()
        .zip(drafts)
        .filter(|(request, _)| request.unit_price.is_none());
    for (_, draft) in unnamed {
        if let Some((list, price)) = nearest(executor, context.workspace, draft, &buyer).await? {
            draft.price.amount = price;
            draft.price.currency = Some(buyer.currency.clone());
            draft.price.list = Some(list);
        }
    }
    Ok(())
}

/// The nearest list; of several, the one of the higher priority; of these, the cheapest.
async fn nearest<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    draft: &LineDraft,
    buyer: &Buyer,
) -> Result<Option<(Listed, Money)>, Error<R>> {
    let prices = executor
        .look::<Prices, R>(workspace, PriceId::of(draft.product_id))
        .await?;
    let mut best: Option<(Rank, Listed, Money)> = None;
    for id in prices.state.lists() {
        let list = executor.look::<PriceList, R>(workspace, id).await?.state;
        let near = list.details().and_then(|list| Some((list, list.nearness(buyer)?)));
        let (Some((list, nearness)), Some(price)) = (near, prices.state.of(id, draft.quantity)) else {
            continue;
        };
        let rank = rank(list, nearness, price);
        if best.as_ref().is_none_or(|(known, ..)| rank > *known) {
            let name = list.name.clone();
            best = Some((rank, Listed { id, name }, price));
        }
    }
    Ok(best.map(|(_, list, price)| (list, price)))
}

type Rank = (Nearness, Quantity, Reverse<Money>);

fn rank(list: &Details, nearness: Nearness, price: Money) -> Rank {
    (nearness, list.priority, Reverse(price))
}
