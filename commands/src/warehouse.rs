//! What a location is inside of: a warehouse, and no other location; and where goods lie that are taken from a warehouse.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes, Rule, Violations,
    catalog::{
        stock::{Place, Stock},
        warehouse::{Change, Details, Warehouse, WarehouseCommand, WarehouseEvent, WarehouseRejection},
    },
    id::WarehouseId,
};

type Answer = Result<Done<WarehouseEvent>, Error<WarehouseRejection>>;

/// Makes a warehouse, or a location inside of one.
pub async fn create(executor: &Executor, id: WarehouseId, change: &Change, context: &Context) -> Answer {
    let details = Box::new(Details::begin(change));
    let created = match may_hold(executor, details.parent_id, context).await {
        Ok(()) => {
            let command = WarehouseCommand::Create(details);
            executor.create::<Warehouse>(id, &command, context).await
        }
        Err(error) => Err(error),
    };
    executor.or_repeated::<Warehouse>(id, context, created).await
}

/// A location stays where it is, and so what holds one is never inside of another.
async fn may_hold(executor: &Executor, parent: Place, context: &Context) -> Result<(), Error<WarehouseRejection>> {
    const FIELD: &str = "parentId";
    let Some(id) = parent else { return Ok(()) };
    let warehouse = executor.look::<Warehouse, _>(context.workspace, id).await?.state;
    match warehouse.details() {
        None => Err(Error::NoSuchReference(Violations::one(FIELD, Rule::Unknown))),
        Some(Details { parent_id: None, .. }) => Ok(()),
        Some(_) => Err(Error::Rejected(Violations::one(FIELD, Rule::NotAllowed).into())),
    }
}

/// A warehouse with its locations where there is some of that stock, in the order of their codes and names.
pub(crate) async fn with_locations<R>(
    executor: &Executor,
    warehouse: Place,
    stock: &Stock,
    context: &Context,
) -> Result<Vec<WarehouseId>, Error<R>> {
    let Some(warehouse) = warehouse else { return Ok(vec![]) };
    let mut inside = Vec::new();
    for id in stock.warehouses() {
        let state = executor.look::<Warehouse, R>(context.workspace, id).await?.state;
        let location = state.details().filter(|details| details.parent_id == Some(warehouse));
        inside.extend(location.map(|location| (location.code.clone(), location.name.clone(), id)));
    }
    inside.sort();
    let inside = inside.into_iter().map(|(_, _, id)| id);
    Ok([warehouse].into_iter().chain(inside).collect())
}
