//! Merging customers: the one that stays and the other are decided on each and appended together, each guarded by the version it
//! was decided on.

use super::Answer;
use crate::{Context, Error, Executor, Unit, Versions, anew::while_busy, together::Decided};
use domain::{
    Aggregate, Permission, Rule, Violations,
    id::CustomerId,
    sales::customer::{
        Customer, CustomerCommand, CustomerRejection, Profile,
        merging::{Choices, Other},
    },
};

type Refusal = Error<CustomerRejection>;

/// What is merged into a customer.
#[derive(Debug, Clone)]
pub struct Merge {
    /// The other one.
    pub with: CustomerId,
    /// The version of the other one that was looked at; `If-Match` is about the one that stays.
    pub with_version: Option<i64>,
    /// By field, `custom.size` for one of the workspace's own: whose value stays. What is not named, and is lacking, is the other's.
    pub choices: Choices,
}

/// Merges the other one into this one.
pub async fn merge(executor: &Executor, id: CustomerId, asked: &Merge, context: &Context) -> Answer {
    let answer = while_busy(|| join(executor, id, asked, context)).await;
    executor.or_first::<Customer>(id, context, answer).await
}

async fn join(executor: &Executor, id: CustomerId, asked: &Merge, context: &Context) -> Answer {
    let (survivor, other) = decide(executor, id, asked, context).await?;
    append(executor, &survivor, &other, context).await
}

/// What a merge would make of two customers.
#[derive(Debug)]
pub struct Joint {
    pub version: i64,
    pub other_version: i64,
    pub own: Profile,
    pub other: Profile,
    pub after: Profile,
}

/// The same, and nothing is written.
pub async fn joint(executor: &Executor, id: CustomerId, asked: &Merge, context: &Context) -> Result<Joint, Refusal> {
    let (survivor, other) = decide(executor, id, asked, context).await?;
    let of = |state: &Customer| state.own().cloned().unwrap_or_default();
    let before = survivor.on.state.as_ref();
    let after = survivor.events.iter().fold(before.clone(), Customer::evolve);
    Ok(Joint {
        version: survivor.on.version,
        other_version: other.on.version,
        own: of(before),
        other: of(&other.on.state),
        after: of(&after),
    })
}

type Both = (Decided<Customer>, Decided<Customer>);

async fn decide(executor: &Executor, id: CustomerId, asked: &Merge, context: &Context) -> Result<Both, Refusal> {
    reach(executor, id, context).await?;
    if asked.with == id {
        let itself = Violations::one("with", Rule::NotAllowed);
        return Err(Error::Rejected(itself.into()));
    }
    let beside = Context {
        expected_version: asked.with_version.map(Versions::from),
        ..context.clone()
    };
    let command = CustomerCommand::MergeInto(id);
    let other = executor.decide::<Customer>(asked.with, &command, &beside).await;
    let other = other.map_err(of_other)?;
    let command = CustomerCommand::Absorb(Box::new(Other {
        id: asked.with,
        profile: other.on.state.own().cloned().unwrap_or_default(),
        with: other.on.state.absorbed().collect(),
        choices: asked.choices.clone(),
    }));
    let survivor = executor.decide::<Customer>(id, &command, context).await?;
    Ok((survivor, other))
}

async fn append(
    executor: &Executor,
    survivor: &Decided<Customer>,
    other: &Decided<Customer>,
    context: &Context,
) -> Answer {
    let mut unit = Unit::default();
    survivor.add_to(&mut unit)?;
    other.add_to(&mut unit)?;
    executor.append_with(survivor, unit, context).await
}

/// Takes it back.
pub async fn unmerge(executor: &Executor, id: CustomerId, other: CustomerId, context: &Context) -> Answer {
    let answer = while_busy(|| part(executor, id, other, context)).await;
    executor.or_first::<Customer>(id, context, answer).await
}

async fn part(executor: &Executor, id: CustomerId, other: CustomerId, context: &Context) -> Answer {
    reach(executor, id, context).await?;
    let command = CustomerCommand::Release(other);
    let survivor = executor.decide::<Customer>(id, &command, context).await?;
    let beside = Context {
        expected_version: None,
        ..context.clone()
    };
    let command = CustomerCommand::ComeBack { from: id };
    let other = executor.decide::<Customer>(other, &command, &beside).await;
    let other = other.map_err(of_other)?;
    append(executor, &survivor, &other, context).await
}

/// The one that stays is there for the caller, who is told so before anything of the other.
pub async fn reach(executor: &Executor, id: CustomerId, context: &Context) -> Result<(), Refusal> {
    let found = executor.look::<Customer, _>(context.workspace, id).await?.state;
    let is_seen = context.actor.may_on(Permission::CustomersView, found.belongs());
    match found.own().is_some() && is_seen {
        true => Ok(()),
        false => Err(Error::Hidden(Customer::NAME)),
    }
}

/// The other one is named in the body: it is not there by that field.
fn of_other(error: Refusal) -> Refusal {
    match error {
        Error::Hidden(_) | Error::Rejected(CustomerRejection::Missing) => {
            Error::NoSuchReference(Violations::one("with", Rule::Unknown))
        }
        error => error,
    }
}
