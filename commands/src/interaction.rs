//! Whom an interaction is with, and who tells it: the customer has to be there, and within the caller's reach, for what is
//! said with somebody is part of what is known of them.

use crate::{Context, Done, Error, Executor};
use domain::{
    Aggregate, Changes, Patch, Permission,
    id::{CustomerId, InteractionId, WorkspaceId},
    identity::user::User,
    sales::{
        customer::Customer,
        interaction::{
            Change, Details, Interaction, InteractionCommand, InteractionEvent, InteractionRejection, Record,
        },
    },
};
use std::sync::Arc;

type Refusal = Error<InteractionRejection>;
type Answer = Result<Done<InteractionEvent>, Refusal>;

/// Records what happened; now, unless told when.
pub async fn record(
    executor: &Executor,
    id: InteractionId,
    customer: CustomerId,
    change: Change,
    context: &Context,
) -> Answer {
    let recorded = enter(executor, id, customer, change, context).await;
    executor.or_repeated::<Interaction>(id, context, recorded).await
}

async fn enter(
    executor: &Executor,
    id: InteractionId,
    customer: CustomerId,
    mut change: Change,
    context: &Context,
) -> Answer {
    let (customer, _) = reach(executor, customer, Permission::CustomersUpdate, context).await?;
    if change.date.is_keep() {
        change.date = Patch::Set(context.now);
    }
    let user_id = context.actor.user();
    let user_name = match user_id {
        Some(user) => {
            let user = executor.look::<User, _>(WorkspaceId::PLATFORM, user).await?.state;
            user.name().map(str::to_owned)
        }
        None => None,
    };
    let command = InteractionCommand::Record(Box::new(Record {
        customer_id: customer,
        user_id,
        user_name,
        details: Details::begin(&change),
    }));
    executor.create::<Interaction>(id, &command, context).await
}

/// Corrects what is told of it.
pub async fn correct(
    executor: &Executor,
    id: InteractionId,
    customer: CustomerId,
    change: Change,
    context: &Context,
) -> Answer {
    let command = InteractionCommand::Correct {
        customer_id: customer,
        change: Box::new(change),
    };
    execute(executor, id, customer, &command, context).await
}

/// Takes it out.
pub async fn remove(executor: &Executor, id: InteractionId, customer: CustomerId, context: &Context) -> Answer {
    let command = InteractionCommand::Remove { customer_id: customer };
    execute(executor, id, customer, &command, context).await
}

async fn execute(
    executor: &Executor,
    id: InteractionId,
    customer: CustomerId,
    command: &InteractionCommand,
    context: &Context,
) -> Answer {
    let permission = Interaction::permission(command);
    let (lead, found) = reach(executor, customer, permission, context).await?;
    let with = executor.look::<Interaction, InteractionRejection>(context.workspace, id);
    let with = with.await?.state.with();
    // It stays whose it was recorded for, and is reached within what that one was merged into.
    let with = with.filter(|with| *with == lead || found.absorbed().any(|absorbed| absorbed == *with));
    let command = command.clone().about(with.unwrap_or(customer));
    executor.execute::<Interaction>(id, &command, context).await
}

/// The customer is there for the caller, who may do this to it; or is found as another, into which it was merged.
async fn reach(
    executor: &Executor,
    customer: CustomerId,
    permission: Permission,
    context: &Context,
) -> Result<(CustomerId, Arc<Customer>), Refusal> {
    let seen = executor
        .seen::<Customer, InteractionRejection>(customer, context)
        .await?;
    let found = seen.filter(|(_, customer)| customer.profile().is_some());
    let (id, customer) = found.ok_or(Error::Hidden(Customer::NAME))?;
    match context.actor.may_on(permission, customer.belongs()) {
        true => Ok((id, customer)),
        false => Err(Error::Forbidden(permission)),
    }
}
