//! What has happened to a stock since a moment: what is written down late is decided on it, and on no other version than that
//! which it was read at.

use super::{Answer, Refusal};
use crate::{Context, Error, Executor, Versions};
use chrono::{DateTime, Utc};
use domain::{
    catalog::stock::{Stock, StockCommand, StockEvent},
    fact,
    id::StockId,
};
use log::{Guard, Recorded};
use std::sync::Arc;
use uuid::Uuid;

/// How often it is looked up anew because something moved meanwhile.
const ATTEMPTS_MAX: u32 = 8;
/// So many of the newest events are read first.
const NEWEST: i64 = 256;

/// A stock, and what has happened to it since.
pub(super) struct Since {
    pub stock: Arc<Stock>,
    /// What was recorded at that moment or later, the oldest first; a little more may be among it.
    pub events: Vec<Happened>,
}

pub(super) struct Happened {
    pub id: Uuid,
    pub event: StockEvent,
    pub recorded_at: DateTime<Utc>,
}

/// Carries out what is made of what has happened since that moment, and of these streams as they stand.
pub(super) async fn decide(
    executor: &Executor,
    id: StockId,
    (at, guards): (DateTime<Utc>, &[Guard]),
    make: impl Fn(&Since) -> Result<StockCommand, Refusal> + Send + Sync,
    context: &Context,
) -> Answer {
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let loaded = executor.load::<Stock, _>(context.workspace, id).await?;
        let reaches = |event: &Recorded| event.recorded_at <= at;
        let events = read(executor, (id, loaded.version), reaches, context).await?;
        let stock = loaded.state;
        let command = make(&Since { stock, events })?;
        // What moves from now on is not in it.
        let expected_version = match context.allows(loaded.version) {
            true => Some(Versions::from(loaded.version)),
            false => context.expected_version.clone(),
        };
        let pinned = Context {
            expected_version,
            ..context.clone()
        };
        answer = executor.execute_guarded::<Stock>(id, &command, guards, &pinned).await;
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

/// Up to that version: read from the newest back, until one of them reaches far enough.
pub(super) async fn read(
    executor: &Executor,
    (id, version): (StockId, i64),
    reaches: impl Fn(&Recorded) -> bool + Send + Sync,
    context: &Context,
) -> Result<Vec<Happened>, Refusal> {
    let mut newest = NEWEST;
    loop {
        let after = (version - newest).max(0);
        let events = executor
            .log()
            .read_stream(context.workspace.into(), id.into(), after)
            .await;
        let events = events.map_err(Error::from)?;
        let reaches_back = events.iter().any(&reaches);
        if after == 0 || reaches_back {
            let known = events.iter().filter(|event| event.version <= version);
            return known.map(happened).collect();
        }
        newest = newest.saturating_mul(4);
    }
}

fn happened(recorded: &Recorded) -> Result<Happened, Refusal> {
    let event = fact::decode(&recorded.event_type, recorded.schema, &recorded.data).map_err(Error::Unreadable)?;
    Ok(Happened {
        id: recorded.event_id,
        event,
        recorded_at: recorded.recorded_at,
    })
}
