//! What this node leads for one consumer, by its own monotonic clock: whoever asks after the lease's end hears no, even
//! when the task that should have renewed it sleeps.

use super::range::{RANGES, Ranges, range_of};
use crate::lock;
use std::{sync::Mutex, time::Instant};
use uuid::Uuid;

pub(crate) enum Lead {
    /// The consumer runs on every node, for all workspaces.
    Everywhere,
    Leased(Mutex<Hold>),
}

/// The leases that this node holds for a consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    /// The node as it was called when it took them.
    pub node: Uuid,
    /// Ends before the database says so.
    pub until: Instant,
    pub ranges: Ranges,
    /// Among them those about to be given away: nothing new is begun there.
    pub yielding: Ranges,
    pub epochs: [i64; RANGES],
}

impl Hold {
    pub fn none() -> Self {
        Self {
            node: Uuid::nil(),
            until: Instant::now(),
            ranges: Ranges::default(),
            yielding: Ranges::default(),
            epochs: [0; RANGES],
        }
    }

    fn led(&self) -> Ranges {
        if Instant::now() < self.until {
            self.ranges.without(self.yielding)
        } else {
            Ranges::default()
        }
    }
}

impl Lead {
    pub fn new(leased: bool) -> Self {
        if leased {
            Self::Leased(Mutex::new(Hold::none()))
        } else {
            Self::Everywhere
        }
    }

    /// The ranges in which work may begin.
    pub fn ranges(&self) -> Ranges {
        match self {
            Self::Everywhere => Ranges::ALL,
            Self::Leased(hold) => lock(hold).led(),
        }
    }

    pub fn leads(&self, workspace: Uuid) -> bool {
        self.ranges().contains(range_of(workspace))
    }

    /// The fencing token of the lease over a workspace that is held, be it about to be given away; `None` also for a
    /// consumer without leases.
    pub fn epoch(&self, workspace: Uuid) -> Option<i64> {
        let Self::Leased(hold) = self else { return None };
        let (hold, range) = (lock(hold), range_of(workspace));
        (Instant::now() < hold.until && hold.ranges.contains(range)).then(|| hold.epochs[range])
    }

    /// Takes note of what is held from now on; answers where this node led nothing until this moment, and so has heard
    /// of nothing.
    pub fn replace(&self, new: Hold) -> Ranges {
        let Self::Leased(hold) = self else {
            return Ranges::default();
        };
        let mut hold = lock(hold);
        let before = if hold.node == new.node {
            hold.led()
        } else {
            Ranges::default()
        };
        *hold = new;
        new.led().without(before)
    }

    /// What is held and about to be given away.
    pub fn yielding(&self) -> Ranges {
        match self {
            Self::Everywhere => Ranges::default(),
            Self::Leased(hold) => lock(hold).yielding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_lease_ends_by_itself_and_what_was_missed_meanwhile_is_told() {
        let (lead, workspace) = (Lead::new(true), Uuid::nil());
        let held = |until| Hold {
            until,
            ranges: Ranges::ALL,
            epochs: [7; RANGES],
            ..Hold::none()
        };
        let later = Instant::now() + Duration::from_secs(60);
        assert!(!lead.leads(workspace));
        assert_eq!(lead.replace(held(later)), Ranges::ALL);
        assert_eq!((lead.leads(workspace), lead.epoch(workspace)), (true, Some(7)));
        assert_eq!(
            lead.replace(held(later)),
            Ranges::default(),
            "renewed in time: nothing was missed"
        );

        lead.replace(held(Instant::now()));
        assert_eq!((lead.leads(workspace), lead.epoch(workspace)), (false, None));
        assert_eq!(lead.replace(held(later)), Ranges::ALL, "renewed too late");
        let reborn = Hold {
            node: Uuid::max(),
            ..held(later)
        };
        assert_eq!(
            lead.replace(reborn),
            Ranges::ALL,
            "another session heard of other things"
        );
    }

    #[test]
    fn nothing_begins_where_the_lease_is_about_to_go() {
        let lead = Lead::new(true);
        let one: Ranges = [range_of(Uuid::nil())].into_iter().collect();
        lead.replace(Hold {
            until: Instant::now() + Duration::from_secs(60),
            ranges: Ranges::ALL,
            yielding: one,
            ..Hold::none()
        });
        assert_eq!((lead.leads(Uuid::nil()), lead.epoch(Uuid::nil())), (false, Some(0)));
        assert_eq!(lead.ranges(), Ranges::ALL.without(one));
    }
}
