//! What recording an activity needs to know first: the deal it is about, which the caller must be allowed to change, and who
//! they are themselves.

use crate::{Context, Done, Error, Executor};
use domain::{
    Aggregate, Changes, Patch, Permission, Rule, Violations,
    id::{ActivityId, DealId, UserId, WorkspaceId},
    identity::{user::User, workspace::Workspace},
    sales::{
        activity::{Activity, ActivityCommand, ActivityEvent, ActivityRejection, Change, Details, Draft},
        deal::Deal,
    },
};
use std::sync::Arc;

type Answer = Result<Done<ActivityEvent>, Error<ActivityRejection>>;

/// Adds an activity to a deal.
pub async fn record(executor: &Executor, id: ActivityId, deal: DealId, change: Change, context: &Context) -> Answer {
    let recorded = begin(executor, id, deal, change, context).await;
    executor.or_repeated::<Activity>(id, context, recorded).await
}

async fn begin(executor: &Executor, id: ActivityId, deal: DealId, mut change: Change, context: &Context) -> Answer {
    let about = changeable(executor, deal, context).await?;
    meets(executor, context.workspace, &change).await?;
    if change.date.is_keep() {
        change.date = Patch::Set(context.now);
    }
    let author_id = context.actor.user();
    let draft = Draft {
        deal_id: deal,
        customer_id: about.details().and_then(|details| details.customer_id),
        author_id,
        author_name: match author_id {
            Some(user) => name(executor, user).await?,
            None => None,
        },
        details: Details::begin(&change),
    };
    let command = ActivityCommand::Record(Box::new(draft));
    executor.create::<Activity>(id, &command, context).await
}

/// Changes what is known of it.
pub async fn update(executor: &Executor, id: ActivityId, change: Change, context: &Context) -> Answer {
    let updated = async {
        of_changeable(executor, id, context).await?;
        meets(executor, context.workspace, &change).await?;
        let command = ActivityCommand::Update(Box::new(change));
        executor.execute::<Activity>(id, &command, context).await
    };
    let updated = updated.await;
    executor.or_repeated::<Activity>(id, context, updated).await
}

/// Takes it back: it is not shown any more.
pub async fn remove(executor: &Executor, id: ActivityId, context: &Context) -> Answer {
    of_changeable(executor, id, context).await?;
    executor
        .execute::<Activity>(id, &ActivityCommand::Remove, context)
        .await
}

/// One that is gone, or never was, is of no deal: its rules say so.
async fn of_changeable(executor: &Executor, id: ActivityId, context: &Context) -> Result<(), Error<ActivityRejection>> {
    let activity = executor
        .look::<Activity, ActivityRejection>(context.workspace, id)
        .await?
        .state;
    if let Some(deal) = activity.deal() {
        let about = changeable::<ActivityRejection>(executor, deal, context).await;
        // Whose deal is hidden learns of the activity no more than of the deal.
        about.map_err(|error| match error {
            Error::Hidden(_) => Error::Hidden(Activity::NAME),
            error => error,
        })?;
    }
    Ok(())
}

/// The deal, if the caller sees it and may change it.
async fn changeable<R>(executor: &Executor, deal: DealId, context: &Context) -> Result<Arc<Deal>, Error<R>> {
    let seen = executor.seen::<Deal, R>(deal, context).await?;
    let (_, found) = seen.ok_or(Error::Hidden(Deal::NAME))?;
    match context.actor.may_on(Permission::DealsUpdate, found.belongs()) {
        true => Ok(found),
        false => Err(Error::Forbidden(Permission::DealsUpdate)),
    }
}

/// Whether all participants are members.
async fn meets(executor: &Executor, workspace: WorkspaceId, change: &Change) -> Result<(), Error<ActivityRejection>> {
    let Some(participants) = change.participants.as_set().filter(|named| !named.is_empty()) else {
        return Ok(());
    };
    let members = executor
        .load::<Workspace, ActivityRejection>(WorkspaceId::PLATFORM, workspace)
        .await?
        .state;
    let stranger = participants.iter().position(|user| !members.has_member(*user));
    match stranger {
        None => Ok(()),
        Some(nth) => Err(Error::NoSuchReference(Violations::one(
            format!("participants[{nth}]"),
            Rule::Unknown,
        ))),
    }
}

async fn name(executor: &Executor, user: UserId) -> Result<Option<String>, Error<ActivityRejection>> {
    let user = executor
        .look::<User, ActivityRejection>(WorkspaceId::PLATFORM, user)
        .await?
        .state;
    Ok(user.name().map(str::to_owned))
}
