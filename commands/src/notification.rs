//! Reading several notifications is one command: all of them are marked, or none, and a repeat is answered as one.

use crate::{Answer, Context, Error, Executor, Unit};
use domain::{
    Aggregate, Role,
    id::{NotificationId, UserId},
    office::notification::{Notification, NotificationCommand, NotificationRejection},
};
use log::AppendError;

/// How often a lost race against another reader is tried again.
const ATTEMPTS_MAX: u32 = 8;

/// Marks them as read by the user, who must be addressed by all of them; answers the position at which they are.
pub async fn read(
    executor: &Executor,
    ids: &[NotificationId],
    (user_id, role): (UserId, Role),
    context: &Context,
) -> Result<i64, Error<NotificationRejection>> {
    let command = NotificationCommand::Read { user_id, role };
    let permission = Notification::permission(&command);
    if !context.actor.may(permission) {
        return Err(Error::Forbidden(permission));
    }
    for _ in 0..ATTEMPTS_MAX {
        if let Some(first) = executor.answered(context).await? {
            return Ok(first.position);
        }
        let mut unit = Unit::default();
        for id in ids {
            let on = executor.load::<Notification, _>(context.workspace, *id).await?;
            let events = on.state.decide(&command).map_err(Error::Rejected)?;
            unit.change(*id, &on, &events).map_err(Error::Unstorable)?;
        }
        let answer = Answer {
            id: user_id.into(),
            version: 0,
        };
        match executor.commit(unit, context, &answer).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Version { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Busy)
}
