//! Stock exists for products only.

use crate::{Context, Done, Error, Executor};
use domain::{
    Money, Quantity, Rule, Violations,
    catalog::{
        product::Product,
        stock::{Stock, StockCommand, StockEvent, StockRejection},
    },
    field::LINE,
    id::{ProductId, StockId},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Goods that arrived.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub product_id: ProductId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub quantity: Quantity,
    #[schemars(extend("minimum" = 0))]
    pub unit_cost: Option<Money>,
    /// Shown in the product's stock movements.
    #[schemars(length(max = 100), regex(pattern = LINE))]
    pub reference: Option<String>,
}

/// Puts goods on stock; demands that wait for them are served in the same breath.
pub async fn receive(
    executor: &Executor,
    receipt: Receipt,
    context: &Context,
) -> Result<Done<StockEvent>, Error<StockRejection>> {
    let id = StockId::of(receipt.product_id);
    let received = put(executor, receipt, context).await;
    executor.or_repeated::<Stock>(id, context, received).await
}

async fn put(
    executor: &Executor,
    receipt: Receipt,
    context: &Context,
) -> Result<Done<StockEvent>, Error<StockRejection>> {
    let Receipt {
        product_id,
        quantity,
        unit_cost,
        reference,
    } = receipt;
    let product = executor.look::<Product, _>(context.workspace, product_id).await?.state;
    match product.details() {
        None => return Err(Error::NoSuchReference(Violations::one("productId", Rule::Unknown))),
        Some(details) if !details.kind.is_stocked() => {
            return Err(Error::Rejected(Violations::one("productId", Rule::NotAllowed).into()));
        }
        Some(_) => {}
    }
    let command = StockCommand::Receive {
        product_id,
        quantity,
        unit_cost,
        reference,
    };
    executor
        .execute::<Stock>(StockId::of(product_id), &command, context)
        .await
}
