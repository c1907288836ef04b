//! A count is of its own moment, whenever it is written down: what has moved since stands, and is looked up in the log.

use super::Answer;
use crate::{Context, Error, Executor, Versions};
use chrono::{DateTime, Utc};
use domain::{
    catalog::stock::{Least, Moment, Movement, Place, Stock, StockCommand, StockEvent, StockRejection},
    fact,
    id::{StockId, WorkspaceId},
};
use log::Recorded;

/// How often a count is looked up anew because something moved meanwhile.
const ATTEMPTS_MAX: u32 = 8;
/// So many of the newest events are read first to learn what has moved.
const NEWEST: i64 = 256;

/// Of which moment, and of which place, it is asked what has moved since.
#[derive(Clone, Copy)]
struct Asked {
    at: DateTime<Utc>,
    place: Place,
}

/// Writes down what was found at that moment: what has moved since stands.
pub(super) async fn at(
    executor: &Executor,
    id: StockId,
    at: DateTime<Utc>,
    (movement, least): (Movement, Option<Least>),
    context: &Context,
) -> Answer {
    let place = movement.warehouse;
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let version = executor.load::<Stock, _>(context.workspace, id).await?.version;
        let moment = moved_since(executor, context.workspace, id, version, Asked { at, place }).await?;
        let command = StockCommand::Count(movement.clone(), moment, least.clone());
        // What moves from now on is not in it.
        let expected_version = match context.allows(version) {
            true => Some(Versions::from(version)),
            false => context.expected_version.clone(),
        };
        let pinned = Context {
            expected_version,
            ..context.clone()
        };
        answer = executor.execute::<Stock>(id, &command, &pinned).await;
        let overtaken = matches!(&answer, Err(Error::Stale { .. })) && context.expected_version.is_none();
        if !overtaken {
            break;
        }
    }
    match answer {
        Err(Error::Stale { .. }) if context.expected_version.is_none() => Err(Error::Busy),
        answer => answer,
    }
}

/// What has come, less what has gone, after that moment, up to that version: read from the newest back. A count is of
/// its own moment, whenever it was written down.
async fn moved_since(
    executor: &Executor,
    workspace: WorkspaceId,
    id: StockId,
    version: i64,
    asked: Asked,
) -> Result<Moment, Error<StockRejection>> {
    let mut newest = NEWEST;
    loop {
        let after = (version - newest).max(0);
        let events = executor.log().read_stream(workspace.into(), id.into(), after).await;
        let events = events.map_err(Error::from)?;
        let reaches_back = events.first().is_some_and(|event| event.recorded_at <= asked.at);
        if after == 0 || reaches_back {
            let mut moment = Moment::new(asked.at);
            for event in events.iter().filter(|event| event.version <= version) {
                if let Some(passed) = passed_after(event, asked.at)? {
                    moment.pass(&passed, asked.place);
                }
            }
            return Ok(moment);
        }
        newest = newest.saturating_mul(4);
    }
}

fn passed_after(recorded: &Recorded, at: DateTime<Utc>) -> Result<Option<StockEvent>, Error<StockRejection>> {
    let event: StockEvent =
        fact::decode(&recorded.event_type, recorded.schema, &recorded.data).map_err(Error::Unreadable)?;
    let when = match &event {
        StockEvent::Counted { at, .. } => *at,
        _ => recorded.recorded_at,
    };
    Ok((when > at).then_some(event))
}
