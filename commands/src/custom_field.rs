//! Fields of a workspace's own: which id one has, what follows from a definition for the list of what is required, and whether the
//! values that somebody sets are what their fields say. A field's id follows from its key, so that a value costs one look at what
//! this node remembers.

use crate::{Context, Done, Error, Executor, Unit, anew::while_busy};
use domain::{
    Aggregate, Changes, Check, Choice, Patch, Rule, Violations,
    catalog::product::Product,
    id::{CustomFieldId, RequirementId},
    office::{
        custom_field::{
            Change, Custom, CustomField, CustomFieldCommand, CustomFieldEvent, CustomFieldRejection, Details, Resource,
            VALUES_MAX,
        },
        requirement::{Require, Requirement, RequirementRejection},
    },
    sales::{customer::Customer, deal::Deal, order::Order},
};
use std::collections::BTreeSet;
use uuid::Uuid;

type Answer = Result<Done<CustomFieldEvent>, Error<CustomFieldRejection>>;

/// Defines a field, or takes up again one that was archived.
pub async fn create(executor: &Executor, change: Change, context: &Context) -> Answer {
    let details = Details::begin(&change);
    let id = CustomFieldId::of(context.workspace, details.resource.as_str(), &details.key);
    let command = CustomFieldCommand::Create(Box::new(details));
    execute(executor, id, &command, context).await
}

/// Carries out a command on a field; whether it is required is written together with it, for those who make things.
pub async fn execute(
    executor: &Executor,
    id: CustomFieldId,
    command: &CustomFieldCommand,
    context: &Context,
) -> Answer {
    let answer = while_busy(|| attempt(executor, id, command, context)).await;
    executor.or_first::<CustomField>(id, context, answer).await
}

async fn attempt(executor: &Executor, id: CustomFieldId, command: &CustomFieldCommand, context: &Context) -> Answer {
    let decided = executor.decide::<CustomField>(id, command, context).await?;
    let before = decided.on.state.as_ref();
    let after = decided.events.iter().fold(before.clone(), CustomField::evolve);
    let mut unit = Unit::default();
    if let Some(require) = follows(before, &after) {
        let list = RequirementId::of(context.workspace, require.resource.as_str());
        let required = executor.load::<Requirement, _>(context.workspace, list).await?;
        let events = required.state.decide(&require).map_err(|refusal| {
            let RequirementRejection::Invalid(wrong) = refusal;
            Error::Rejected(CustomFieldRejection::from(wrong))
        })?;
        unit.add(list, required.state.as_ref(), required.version, &events)
            .map_err(Error::Unstorable)?;
    }
    executor.append_together(&decided, unit, context).await
}

/// What has changed for the list of what is required.
fn follows(before: &CustomField, after: &CustomField) -> Option<Require> {
    let is_required = |field: &CustomField| field.details().is_some_and(|details| details.required);
    let required = is_required(after);
    let details = after.details().or(before.details())?;
    (is_required(before) != required).then(|| Require {
        resource: details.resource,
        key: details.key.clone(),
        required,
    })
}

/// What has fields of the workspace's own.
pub(crate) trait Extended: Aggregate {
    const RESOURCE: Resource;

    fn custom(&self) -> Option<&Custom>;
}

impl Extended for Customer {
    const RESOURCE: Resource = Resource::Customers;

    fn custom(&self) -> Option<&Custom> {
        self.profile()?.custom.as_ref()
    }
}

impl Extended for Product {
    const RESOURCE: Resource = Resource::Products;

    fn custom(&self) -> Option<&Custom> {
        self.details()?.custom.as_ref()
    }
}

impl Extended for Deal {
    const RESOURCE: Resource = Resource::Deals;

    fn custom(&self) -> Option<&Custom> {
        self.details()?.custom.as_ref()
    }
}

impl Extended for Order {
    const RESOURCE: Resource = Resource::Orders;

    fn custom(&self) -> Option<&Custom> {
        self.known()?.details().custom.as_ref()
    }
}

/// Whether the values are what the fields say, and none is missing that is required; `thing` is who has them, if it is there
/// already. Nothing guards that the fields still say so when it is written: of a field nothing changes by which a value could be
/// wrong, one of a field that is archived at that instant is not shown, and what becomes required then binds what comes after.
pub(crate) async fn fit<A: Extended<Rejection: From<Violations>>>(
    executor: &Executor,
    thing: Option<A::Id>,
    custom: &Patch<Option<Custom>>,
    context: &Context,
) -> Result<(), Error<A::Rejection>> {
    let (mut check, mut unseen) = (Check::default(), vec![]);
    let resource = A::RESOURCE.as_str();
    let values = custom.as_set().and_then(Option::as_ref).into_iter();
    for (key, value) in values.flat_map(Custom::values).take(VALUES_MAX) {
        let at = format!("custom.{key}");
        let id = CustomFieldId::of(context.workspace, resource, key);
        let state = executor
            .look::<CustomField, A::Rejection>(context.workspace, id)
            .await?
            .state;
        let Some(field) = state.details() else {
            check.fail(at, Rule::Unknown);
            continue;
        };
        if let Some(rule) = field.broken(value) {
            check.fail(at, rule);
        } else if let Some((resource, id)) = field.referred(value)
            && !is_there::<A::Rejection>(executor, resource, id, context).await?
        {
            unseen.push((key, value));
        }
    }
    if let (false, Some(thing)) = (unseen.is_empty(), thing) {
        // What they do not see of what stands there already may be sent back with it.
        let seen = executor.seen::<A, A::Rejection>(thing, context).await?;
        let stands = seen.as_ref().and_then(|(_, thing)| thing.custom());
        unseen.retain(|named| !stands.into_iter().flat_map(Custom::values).any(|known| known == *named));
    }
    for (key, _) in unseen {
        check.fail(format!("custom.{key}"), Rule::Unknown);
    }
    if let Some(after) = after::<A>(executor, thing, custom, context).await? {
        let id = RequirementId::of(context.workspace, resource);
        let required = executor
            .look::<Requirement, A::Rejection>(context.workspace, id)
            .await?
            .state;
        for key in required.keys() {
            let is_given = after.as_ref().is_some_and(|custom| custom.has(key));
            check.that(is_given, format!("custom.{key}"), Rule::Required);
        }
    }
    check.done().map_err(|found| Error::Rejected(found.into()))
}

/// What the thing would have; nothing, where its own fields are left as they are.
async fn after<A: Extended>(
    executor: &Executor,
    thing: Option<A::Id>,
    custom: &Patch<Option<Custom>>,
    context: &Context,
) -> Result<Option<Option<Custom>>, Error<A::Rejection>> {
    let mut has = match thing {
        None => None,
        Some(_) if custom.is_keep() => return Ok(None),
        Some(id) => {
            let known = executor.look::<A, A::Rejection>(context.workspace, id).await?;
            if known.version == 0 {
                return Ok(None); // that it is not there is said elsewhere
            }
            known.state.custom().cloned()
        }
    };
    custom.revise(&mut has);
    Ok(Some(has))
}

/// The keys of those values that one resource's things hand on to another's: there is a field of that key there which is like theirs,
/// and takes the value.
pub(crate) async fn inherited<R>(
    executor: &Executor,
    custom: Option<&Custom>,
    [from, to]: [Resource; 2],
    context: &Context,
) -> Result<BTreeSet<String>, Error<R>> {
    let mut keys = BTreeSet::new();
    for (key, value) in custom.into_iter().flat_map(Custom::values) {
        let look = |resource: Resource| {
            let id = CustomFieldId::of(context.workspace, resource.as_str(), key);
            executor.look::<CustomField, R>(context.workspace, id)
        };
        let (theirs, other) = (look(from).await?.state, look(to).await?.state);
        let both = theirs.details().zip(other.details());
        if both.is_some_and(|(theirs, other)| theirs.is_like(other) && other.broken(value).is_none()) {
            keys.insert(key.to_owned());
        }
    }
    Ok(keys)
}

async fn is_there<R>(executor: &Executor, resource: Resource, id: Uuid, context: &Context) -> Result<bool, Error<R>> {
    Ok(match resource {
        Resource::Customers => executor.seen::<Customer, R>(id.into(), context).await?.is_some(),
        Resource::Products => executor.seen::<Product, R>(id.into(), context).await?.is_some(),
        Resource::Deals => executor.seen::<Deal, R>(id.into(), context).await?.is_some(),
        Resource::Orders => executor.seen::<Order, R>(id.into(), context).await?.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_follows_from_the_definition() {
        let field = |required| {
            Box::new(Details {
                key: "size".into(),
                required,
                ..Details::default()
            })
        };
        let known = |required| CustomField::Known(field(required));
        let archived = CustomField::Archived(field(true));
        for (before, after, follows_from_it) in [
            (CustomField::Unknown, known(false), None),
            (CustomField::Unknown, known(true), Some(true)),
            (known(true), known(true), None),
            (known(true), known(false), Some(false)),
            (known(true), archived.clone(), Some(false)),
            (known(false), CustomField::Archived(field(false)), None),
            (archived, known(true), Some(true)),
        ] {
            let followed = follows(&before, &after).map(|require| require.required);
            assert_eq!(followed, follows_from_it, "{before:?} {after:?}");
        }
    }
}
