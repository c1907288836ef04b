//! Fields of a workspace's own: which id one has, and whether the values that somebody sets are what their fields say.
//! A field's id follows from its key, so that a value costs one look at what this node remembers.

use crate::{Context, Done, Error, Executor};
use domain::{
    Aggregate, Changes, Check, Choice, Patch, Rule, Violations,
    catalog::product::Product,
    id::CustomFieldId,
    office::custom_field::{
        Change, Custom, CustomField, CustomFieldCommand, CustomFieldEvent, CustomFieldRejection, Details, Resource,
        VALUES_MAX,
    },
    sales::{customer::Customer, deal::Deal, order::Order},
};
use uuid::Uuid;

type Answer = Result<Done<CustomFieldEvent>, Error<CustomFieldRejection>>;

/// Defines a field, or takes up again one that was archived.
pub async fn create(executor: &Executor, change: Change, context: &Context) -> Answer {
    let details = Details::begin(&change);
    let id = CustomFieldId::of(context.workspace, details.resource.as_str(), &details.key);
    let command = CustomFieldCommand::Create(Box::new(details));
    executor.create::<CustomField>(id, &command, context).await
}

/// Whether the values are what the fields say. Nothing guards that the fields still say so when it is written: of a field nothing
/// changes by which a value could be wrong, and one of a field that is archived at that instant is not shown.
pub(crate) async fn fit<R: From<Violations>>(
    executor: &Executor,
    resource: Resource,
    custom: &Patch<Option<Custom>>,
    context: &Context,
) -> Result<(), Error<R>> {
    let mut check = Check::default();
    let values = custom.as_set().and_then(Option::as_ref).into_iter();
    for (key, value) in values.flat_map(Custom::values).take(VALUES_MAX) {
        let at = format!("custom.{key}");
        let id = CustomFieldId::of(context.workspace, resource.as_str(), key);
        let state = executor.look::<CustomField, R>(context.workspace, id).await?.state;
        let Some(field) = state.details() else {
            check.fail(at, Rule::Unknown);
            continue;
        };
        if let Some(rule) = field.broken(value) {
            check.fail(at, rule);
        } else if let Some((resource, id)) = field.referred(value) {
            let is_there = is_there::<R>(executor, resource, id, context).await?;
            check.that(is_there, at, Rule::Unknown);
        }
    }
    check.done().map_err(|found| Error::Rejected(found.into()))
}

async fn is_there<R>(executor: &Executor, resource: Resource, id: Uuid, context: &Context) -> Result<bool, Error<R>> {
    match resource {
        Resource::Customers => began::<Customer, R>(executor, id.into(), context).await,
        Resource::Products => began::<Product, R>(executor, id.into(), context).await,
        Resource::Deals => began::<Deal, R>(executor, id.into(), context).await,
        Resource::Orders => began::<Order, R>(executor, id.into(), context).await,
    }
}

async fn began<A: Aggregate, R>(executor: &Executor, id: A::Id, context: &Context) -> Result<bool, Error<R>> {
    Ok(executor.look::<A, R>(context.workspace, id).await?.version > 0)
}
