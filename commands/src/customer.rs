//! What a customer's commands need to know first: whose customer it is to be, whether that is a member, and what goes into
//! the workspace's own fields. Merging two has a file of its own.

mod merging;

pub use merging::{Joint, Merge, joint, merge, reach, unmerge};

use crate::{Context, Done, Error, Executor, custom_field, deal::member_name};
use domain::{
    Belongs, Changes, Patch, Permission,
    id::CustomerId,
    sales::customer::{Change, Customer, CustomerCommand, CustomerEvent, CustomerRejection, Profile, Status},
};

type Answer = Result<Done<CustomerEvent>, Error<CustomerRejection>>;

/// What is said of a new customer beside the fields of its profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    pub status: Status,
    /// It seems to be one that is there, and nobody said that it is not.
    pub seems_known: bool,
}

/// Enters a customer.
pub async fn create(executor: &Executor, id: CustomerId, change: Change, beside: Beside, context: &Context) -> Answer {
    let created = begin(executor, id, change, beside, context).await;
    executor.or_repeated::<Customer>(id, context, created).await
}

async fn begin(
    executor: &Executor,
    id: CustomerId,
    mut change: Change,
    Beside { status, seems_known }: Beside,
    context: &Context,
) -> Answer {
    // Who sees only customers that are somebody's would not see what they make.
    let may_see_it = context.actor.may_on(Permission::CustomersView, Belongs::default());
    if let (true, false, Some(user)) = (change.assigned_to.is_keep(), may_see_it, context.actor.user()) {
        change.assigned_to = Patch::Set(Some(user));
    }
    look_up(executor, None, &mut change, context).await?;
    let profile = Box::new(Profile::begin(&change));
    let command = CustomerCommand::Create {
        profile,
        status,
        seems_known,
    };
    executor.create::<Customer>(id, &command, context).await
}

/// Changes what is named of a customer, and nothing else.
pub async fn update(
    executor: &Executor,
    id: CustomerId,
    change: Change,
    status: Option<Status>,
    context: &Context,
) -> Answer {
    let updated = revise(executor, id, change, status, context).await;
    executor.or_repeated::<Customer>(id, context, updated).await
}

async fn revise(
    executor: &Executor,
    id: CustomerId,
    mut change: Change,
    status: Option<Status>,
    context: &Context,
) -> Answer {
    look_up(executor, Some(id), &mut change, context).await?;
    let command = CustomerCommand::Update(Box::new(change), status);
    executor.execute::<Customer>(id, &command, context).await
}

/// The name of whom it is assigned to; who gives it up takes the name along.
async fn look_up(
    executor: &Executor,
    customer: Option<CustomerId>,
    change: &mut Change,
    context: &Context,
) -> Result<(), Error<CustomerRejection>> {
    if let Patch::Set(user) = change.assigned_to {
        change.assigned_to_name = Patch::Set(match user {
            Some(user) => Some(member_name(executor, context.workspace, user).await?),
            None => None,
        });
    }
    custom_field::fit::<Customer>(executor, customer, &change.custom, context).await
}
