//! What a category that a product names is called, whether the parts of a bundle are there, and what goes into the workspace's
//! own fields; and that its stock tells pieces apart as it does. Who names a category by its name alone takes the product out of
//! the tree.

use crate::{Context, Done, Error, Executor, Unit, anew::while_busy, custom_field};
use domain::{
    Aggregate, Patch, Rule, Violations,
    catalog::{
        category::Category,
        product::{
            Change, Details, ImageFile, LISTED_MAX, Product, ProductCommand, ProductEvent, ProductRejection,
            ProductType,
        },
        stock::{Stock, StockCommand, Tracking},
    },
    id::{ImageId, ProductId, StockId, WorkspaceId},
};

type Answer = Result<Done<ProductEvent>, Error<ProductRejection>>;

/// Makes a product.
pub async fn create(executor: &Executor, id: ProductId, mut change: Change, context: &Context) -> Answer {
    let found = find(executor, id, true, &mut change, context).await;
    let created = match found {
        Ok(()) => {
            let details = Details::new(&change);
            let tracking = details.tracking;
            let command = ProductCommand::Create(Box::new(details));
            match tracking {
                Tracking::None => executor.create::<Product>(id, &command, context).await,
                Tracking::Lot | Tracking::Serial => with_stock(executor, id, &command, tracking, context).await,
            }
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<Product>(id, context, created).await
}

/// Changes a product.
pub async fn update(executor: &Executor, id: ProductId, mut change: Change, context: &Context) -> Answer {
    let found = find(executor, id, false, &mut change, context).await;
    let updated = match found {
        Ok(()) => {
            let tracking = change.tracking.as_set().copied();
            let command = ProductCommand::Update(Box::new(change));
            match tracking {
                None => executor.execute::<Product>(id, &command, context).await,
                Some(tracking) => with_stock(executor, id, &command, tracking, context).await,
            }
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<Product>(id, context, updated).await
}

/// How pieces are told apart the stock knows as well, from the same append on: no goods come between, told apart otherwise.
async fn with_stock(
    executor: &Executor,
    id: ProductId,
    command: &ProductCommand,
    tracking: Tracking,
    context: &Context,
) -> Answer {
    while_busy(|| attempt(executor, id, command, tracking, context)).await
}

async fn attempt(
    executor: &Executor,
    id: ProductId,
    command: &ProductCommand,
    tracking: Tracking,
    context: &Context,
) -> Answer {
    let decided = executor.decide::<Product>(id, command, context).await?;
    let stock_id = StockId::of(id);
    let stock = executor
        .load::<Stock, ProductRejection>(context.workspace, stock_id)
        .await?;
    let track = StockCommand::Track {
        product_id: id,
        tracking,
    };
    let in_stock = || ProductRejection::InStock {
        on_hand: stock.state.on_hand(),
    };
    let tracked = stock.state.decide(&track);
    let tracked = tracked.map_err(|_| Error::Rejected(in_stock()))?;
    let mut unit = Unit::default();
    decided.add_to(&mut unit)?;
    if !tracked.is_empty() {
        unit.change(stock_id, &stock, &tracked).map_err(Error::Unstorable)?;
    }
    executor.append_with(&decided, unit, context).await
}

/// Refuses one that is not there.
pub async fn exists(executor: &Executor, workspace: WorkspaceId, id: ProductId) -> Result<(), Error<ProductRejection>> {
    let product = executor.load::<Product, _>(workspace, id).await?.state;
    match product.details() {
        Some(_) => Ok(()),
        None => Err(Error::Rejected(ProductRejection::Missing)),
    }
}

/// A file that shows a product. The log is asked for one that this node has not heard of.
pub async fn image_file(
    executor: &Executor,
    workspace: WorkspaceId,
    id: ProductId,
    image: ImageId,
) -> Result<ImageFile, Error<ProductRejection>> {
    let among = |product: &Product| product.files().iter().find(|file| file.image_id == image).cloned();
    let heard = executor.look::<Product, _>(workspace, id).await?.state;
    if let Some(file) = among(&heard) {
        return Ok(file);
    }
    let product = executor.load::<Product, _>(workspace, id).await?.state;
    let refused = match product.details() {
        Some(_) => ProductRejection::NoSuchImage,
        None => ProductRejection::Missing,
    };
    among(&product).ok_or(Error::Rejected(refused))
}

/// Whether a product shows a file, as the log has it now.
pub async fn shows(
    executor: &Executor,
    workspace: WorkspaceId,
    id: ProductId,
    image: ImageId,
) -> Result<bool, Error<ProductRejection>> {
    let product = executor.load::<Product, _>(workspace, id).await?.state;
    Ok(product.files().iter().any(|file| file.image_id == image))
}

async fn find(
    executor: &Executor,
    id: ProductId,
    is_new: bool,
    change: &mut Change,
    context: &Context,
) -> Result<(), Error<ProductRejection>> {
    file(executor, change, context).await?;
    has_parts(executor, id, change, context).await?;
    let product = (!is_new).then_some(id);
    custom_field::fit::<Product>(executor, product, &change.custom, context).await
}

/// Parts are products, and no bundles themselves: whoever sends one knows at once what to take from the shelf.
async fn has_parts(
    executor: &Executor,
    id: ProductId,
    change: &Change,
    context: &Context,
) -> Result<(), Error<ProductRejection>> {
    let parts = change.parts.as_set().map(Vec::as_slice).unwrap_or_default();
    for (n, part) in parts.iter().enumerate().take(LISTED_MAX) {
        let part = match part.product_id == id {
            true => None,
            false => Some(
                executor
                    .look::<Product, _>(context.workspace, part.product_id)
                    .await?
                    .state,
            ),
        };
        let details = part.as_ref().and_then(|part| part.details());
        let (field, known) = (format!("parts[{n}].productId"), details.is_some());
        match details.map(|details| details.kind) {
            Some(ProductType::Bundle) => {
                return Err(Error::Rejected(Violations::one(field, Rule::NotAllowed).into()));
            }
            _ if known => {}
            _ => return Err(Error::NoSuchReference(Violations::one(field, Rule::Unknown))),
        }
    }
    Ok(())
}

async fn file(executor: &Executor, change: &mut Change, context: &Context) -> Result<(), Error<ProductRejection>> {
    match (&change.category_id, &change.category) {
        (Patch::Set(Some(id)), _) => {
            let category = executor.look::<Category, _>(context.workspace, *id).await?.state;
            let Some(details) = category.details() else {
                return Err(Error::NoSuchReference(Violations::one("categoryId", Rule::Unknown)));
            };
            change.category = Patch::Set(Some(details.name.clone()));
        }
        (Patch::Keep, Patch::Set(_)) => change.category_id = Patch::Set(None),
        (Patch::Set(None), _) | (Patch::Keep, Patch::Keep) => {}
    }
    Ok(())
}
