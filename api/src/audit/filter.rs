//! Which events are told: by who, what, when, and of which kind of thing.

use super::noun::Noun;
use chrono::{DateTime, TimeDelta, Utc};
use log::{Log, Recorded};
use uuid::Uuid;

#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// As recorded (`user:…`, `saga:deal_won_orchestrator`, `system`), or a person's id by itself.
    pub actor: Option<String>,
    /// `deal.won`, or a beginning of it that ends at a dot: `deal`.
    pub kind: Option<String>,
    /// Not earlier.
    pub from: Option<DateTime<Utc>>,
    /// Earlier.
    pub to: Option<DateTime<Utc>>,
    /// `deals`
    pub resource: Option<String>,
}

impl Filter {
    pub fn takes(&self, event: &Recorded, noun: &dyn Noun) -> bool {
        self.resource
            .as_ref()
            .is_none_or(|resource| resource == noun.resource())
            && self.kind.as_ref().is_none_or(|kind| is_of(&event.event_type, kind))
            && self.from.is_none_or(|from| event.recorded_at >= from)
            && !self.is_over(event)
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| is_by(&event.meta().actor, actor))
    }

    /// Time goes with the positions: nothing after this event will do either.
    pub fn is_over(&self, event: &Recorded) -> bool {
        self.to.is_some_and(|to| event.recorded_at >= to)
    }

    /// The position behind which the time asked for begins: what is before need not be read.
    pub async fn begins_after(&self, log: &Log, workspace: Uuid) -> Result<i64, sqlx::Error> {
        let before = self
            .from
            .and_then(|from| from.checked_sub_signed(TimeDelta::microseconds(1)));
        match before {
            Some(before) => log.position_at(workspace, before).await,
            None => Ok(0),
        }
    }
}

fn is_of(event_type: &str, kind: &str) -> bool {
    let rest = event_type.strip_prefix(kind);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_by(recorded: &str, actor: &str) -> bool {
    recorded == actor || recorded.split_once(':').is_some_and(|(_, name)| name == actor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_whole_or_by_its_beginning_and_an_actor_by_either_name() {
        assert!(is_of("deal.won", "deal.won") && is_of("deal.won", "deal"));
        assert!(!is_of("deal.won", "deal.wo") && !is_of("deals.won", "deal"));
        assert!(is_by("user:7", "user:7") && is_by("user:7", "7") && is_by("system", "system"));
        assert!(!is_by("user:77", "7") && !is_by("user:7", "user"));
    }
}
