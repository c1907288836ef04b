//! What a category that a product names is called. Who names a category by its name alone takes the product out of the tree.

use crate::{Context, Done, Error, Executor};
use domain::{
    Patch, Rule, Violations,
    catalog::{
        category::Category,
        product::{Change, Details, Product, ProductCommand, ProductEvent, ProductRejection},
    },
    id::ProductId,
};

type Answer = Result<Done<ProductEvent>, Error<ProductRejection>>;

/// Makes a product.
pub async fn create(executor: &Executor, id: ProductId, mut change: Change, context: &Context) -> Answer {
    let filed = file(executor, &mut change, context).await;
    let created = match filed {
        Ok(()) => {
            let command = ProductCommand::Create(Box::new(Details::new(&change)));
            executor.create::<Product>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<Product>(id, context, created).await
}

/// Changes a product.
pub async fn update(executor: &Executor, id: ProductId, mut change: Change, context: &Context) -> Answer {
    let filed = file(executor, &mut change, context).await;
    let updated = match filed {
        Ok(()) => {
            let command = ProductCommand::Update(Box::new(change));
            executor.execute::<Product>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<Product>(id, context, updated).await
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
