//! What a production order needs to know first: how the product is made, through all levels, as of now.

use crate::{
    Context, Done, Error, Executor,
    bom::{self, Source},
};
use domain::{
    Number, Quantity,
    id::{OrderId, ProductId, ProductionOrderId, WorkspaceId},
    production::{
        bom::{Explosion, ExplosionError, explode},
        production_order::{
            Draft, Priority, ProductionOrder, ProductionOrderCommand, ProductionOrderEvent,
            ProductionOrderRejection as Rejection,
        },
    },
};

/// What to make, for which order line.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub order_id: OrderId,
    pub order_number: Number,
    /// From 0.
    pub line: u32,
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
}

/// Creates the production order with its materials and work orders, pinned to the bill's version.
pub async fn create(
    executor: &Executor,
    id: ProductionOrderId,
    request: &Request,
    context: &Context,
) -> Result<Done<ProductionOrderEvent>, Error<Rejection>> {
    let created = begin(executor, id, request, context).await;
    executor.or_repeated::<ProductionOrder>(id, context, created).await
}

async fn begin(
    executor: &Executor,
    id: ProductionOrderId,
    request: &Request,
    context: &Context,
) -> Result<Done<ProductionOrderEvent>, Error<Rejection>> {
    let workspace = context.workspace;
    let (version, explosion) = match exploded(executor, workspace, request, Source::Node).await? {
        // Only what the log says now can be the reason for a "no".
        (_, Err(_)) => exploded(executor, workspace, request, Source::Log).await?,
        made => made,
    };
    let explosion = explosion.map_err(|error| {
        Error::Rejected(match error {
            ExplosionError::NoBill => Rejection::NoBill,
            other => Rejection::CannotExplode(other.to_string()),
        })
    })?;
    let draft = Draft {
        id,
        order_id: request.order_id,
        order_number: request.order_number.clone(),
        line: request.line,
        product_id: request.product_id,
        product_name: request.product_name.clone(),
        quantity: request.quantity,
        priority: Priority::default(),
        due_date: None,
        bom_version: version,
        explosion,
        notes: None,
    };
    executor
        .create::<ProductionOrder>(id, &ProductionOrderCommand::Create(Box::new(draft)), context)
        .await
}

/// By which version of the bill it is made, and of what.
async fn exploded(
    executor: &Executor,
    workspace: WorkspaceId,
    request: &Request,
    source: Source,
) -> Result<(u32, Result<Explosion, ExplosionError>), Error<Rejection>> {
    let tree = bom::tree(executor, workspace, request.product_id, source).await?;
    let explosion = match explode(request.product_id, request.quantity, &tree.bills) {
        _ if tree.cut_off => Err(ExplosionError::TooLarge),
        explosion => explosion,
    };
    Ok((tree.version, explosion))
}
