//! Messages at hand, and finding one again that is not.

use crate::{house::House, read::unread, stream::Source};
use log::Recorded;
use std::collections::BTreeMap;
use tonic::Status;
use uuid::Uuid;

/// Taken and not given out yet: so many bytes of them, the others are read again when their turn comes.
#[derive(Default)]
pub struct Ready {
    events: BTreeMap<i64, Recorded>,
    bytes: usize,
}

/// What `Ready` holds at most.
const READY_MAX: usize = 4 << 20;

impl Ready {
    pub fn put(&mut self, place: i64, recorded: Recorded) {
        if self.bytes < READY_MAX {
            self.bytes += size(&recorded);
            self.events.insert(place, recorded);
        }
    }

    pub fn take(&mut self, place: i64) -> Option<Recorded> {
        let recorded = self.events.remove(&place)?;
        self.bytes -= size(&recorded);
        Some(recorded)
    }
}

fn size(recorded: &Recorded) -> usize {
    recorded.data.len() + recorded.metadata.len()
}

/// The one that stands there.
pub async fn found(
    house: &impl House,
    workspace: Uuid,
    source: &Source,
    place: i64,
) -> Result<Option<Recorded>, Status> {
    let before = Some(place.saturating_add(1));
    let found = source.page_before(house.log(), workspace, before, 1).await;
    let found = found.map_err(unread)?.pop();
    Ok(found.filter(|recorded| source.place(recorded) == place))
}
