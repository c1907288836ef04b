//! The hot tail: what this node has just committed, kept for those who follow it here, so that they need not ask the
//! database for what was in memory a moment ago. It holds no truth and has holes: what other nodes wrote, and what was dropped
//! for want of room. Events with personal values are kept open, and given out as long as nobody was erased since, this node hears
//! of erasures, and they are fresh. Whoever meets a hole reads the log.

use crate::{
    Recorded, lock,
    personal::may_be_personal,
    wrong::{self, Variant::*},
};
use std::{
    any::Any,
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Deref,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// The most that all its events weigh, about.
const BYTES_MAX: usize = 6 << 20;
/// How long open personal values are given out: a connection that died unheard of must not keep anybody readable.
const OPEN_MAX: Duration = Duration::from_secs(60);
/// What an event weighs besides its texts, what was read in it included.
const BYTES_EACH: usize = 1_000;

/// A recorded event, shared by all who follow on this node, with what they read in it: decoded once.
#[derive(Debug)]
pub struct Shared {
    recorded: Recorded,
    meaning: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Shared {
    pub fn new(recorded: Recorded) -> Arc<Self> {
        Arc::new(Self {
            recorded,
            meaning: OnceLock::new(),
        })
    }

    /// What the event says, as `read` has it; whoever asks first pays. Everybody asks for the same type.
    pub fn meaning<T: Any + Send + Sync, E>(&self, read: impl FnOnce(&Recorded) -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(Ok(known)) = self.meaning.get().map(|known| known.clone().downcast()) {
            return Ok(known);
        }
        let meaning = Arc::new(read(&self.recorded)?);
        self.meaning.set(meaning.clone()).ok();
        Ok(meaning)
    }

    fn bytes(&self) -> usize {
        BYTES_EACH + self.recorded.data.len() + self.recorded.metadata.len()
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.recorded == other.recorded
    }
}

impl Deref for Shared {
    type Target = Recorded;

    fn deref(&self) -> &Recorded {
        &self.recorded
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    logs: HashMap<Uuid, BTreeMap<i64, Kept>>,
    /// In the order they came, which is the order they go.
    order: VecDeque<(Uuid, i64)>,
    bytes: usize,
    doubts: u64,
}

#[derive(Debug)]
struct Kept {
    event: Arc<Shared>,
    /// Of one with personal values: what was heard of erasures when it was sealed, and when it came.
    open: Option<(u64, Instant)>,
}

impl Kept {
    fn is_good(&self, heard: Option<u64>, now: Instant) -> bool {
        self.open
            .is_none_or(|(then, at)| heard == Some(then) && now.duration_since(at) < OPEN_MAX)
    }
}

impl Tail {
    /// Personal values are open; `heard` is what this node had heard of erasures when it sealed them, if it does.
    pub fn keep<'a>(&self, events: impl IntoIterator<Item = &'a Arc<Shared>>, heard: Option<u64>) {
        let now = Instant::now();
        let mut state = lock(&self.0);
        for event in events {
            if wrong::is(TailWithHoles) && event.position % 5 == 0 {
                continue;
            }
            let open = match may_be_personal(&event.data) {
                false => None,
                true => match heard {
                    Some(heard) => Some((heard, now)),
                    None => continue,
                },
            };
            let event = event.clone();
            state.keep(Kept { event, open });
        }
        state.shrink();
    }

    /// The events from the one after that position on, as far as they are known without a hole; `None`: none.
    pub fn after(&self, workspace: Uuid, position: i64, limit: i64, heard: Option<u64>) -> Option<Vec<Arc<Shared>>> {
        let now = Instant::now();
        let state = lock(&self.0);
        let next = position.checked_add(1)?;
        let events = state.logs.get(&workspace)?.range(next..next.saturating_add(limit));
        let dense = events.zip(next..).take_while(|((at, kept), expected)| {
            (*at == expected || wrong::is(TailWithHoles)) && kept.is_good(heard, now)
        });
        let mut events: Vec<_> = dense.map(|((_, kept), _)| kept.event.clone()).collect();
        if wrong::is(TailInAnyOrder) {
            events.reverse();
        }
        (!events.is_empty()).then_some(events)
    }

    /// Something here may not be in the log any more, or never was.
    pub fn clear(&self) {
        let mut state = lock(&self.0);
        *state = State {
            doubts: state.doubts + 1,
            ..State::default()
        };
    }

    /// How often that was so.
    pub fn doubts(&self) -> u64 {
        lock(&self.0).doubts
    }
}

impl State {
    fn keep(&mut self, kept: Kept) {
        let Kept { event, .. } = &kept;
        let (workspace, position) = (event.workspace, event.position);
        self.bytes += event.bytes();
        self.order.push_back((workspace, position));
        if let Some(before) = self.logs.entry(workspace).or_default().insert(position, kept) {
            self.bytes -= before.event.bytes();
        }
    }

    fn shrink(&mut self) {
        while self.bytes > BYTES_MAX {
            let Some((workspace, position)) = self.order.pop_front() else {
                return;
            };
            if let Some(log) = self.logs.get_mut(&workspace) {
                self.bytes -= log.remove(&position).map_or(0, |kept| kept.event.bytes());
                if log.is_empty() {
                    self.logs.remove(&workspace);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn event(workspace: u128, position: i64, data: &str) -> Arc<Shared> {
        Shared::new(Recorded {
            workspace: Uuid::from_u128(workspace),
            position,
            category: "deal".into(),
            stream_id: Uuid::nil(),
            version: position,
            event_id: Uuid::nil(),
            event_type: "deal.created".into(),
            schema: 1,
            data: data.into(),
            metadata: "{}".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: [0; 32],
        })
    }

    fn positions(tail: &Tail, after: i64, limit: i64) -> Option<Vec<i64>> {
        let events = tail.after(Uuid::from_u128(1), after, limit, Some(7))?;
        Some(events.iter().map(|event| event.position).collect())
    }

    #[test]
    fn events_come_in_order_and_up_to_the_first_hole() {
        let tail = Tail::default();
        for position in [4, 3, 6, 7] {
            tail.keep([&event(1, position, "{}"), &event(2, position + 10, "{}")], None);
        }
        for (after, found) in [
            (0, None),
            (2, Some(vec![3, 4])),
            (4, None),
            (5, Some(vec![6, 7])),
            (7, None),
            (i64::MAX, None),
        ] {
            assert_eq!(positions(&tail, after, 10), found, "after {after}");
        }
        assert_eq!(positions(&tail, 2, 1), Some(vec![3]));
        tail.clear();
        assert_eq!(positions(&tail, 2, 10), None);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let tail = Tail::default();
        let large = "x".repeat(BYTES_MAX / 4);
        for position in 1..=10 {
            tail.keep([&event(1, position, &large)], None);
        }
        assert_eq!(positions(&tail, 7, 10), Some(vec![8, 9, 10]));
        assert_eq!(positions(&tail, 6, 10), None);
        assert!(lock(&tail.0).bytes <= BYTES_MAX);
    }

    #[test]
    fn what_is_personal_is_given_out_until_somebody_is_erased_and_only_to_who_hears_of_that() {
        let open = r#"{"name":{"$person":"x"}}"#;
        let kept = |heard| {
            let tail = Tail::default();
            tail.keep([&event(1, 1, "{}"), &event(1, 2, open), &event(1, 3, "{}")], heard);
            tail
        };
        let given = |tail: &Tail, heard| tail.after(Uuid::from_u128(1), 0, 10, heard).map(|events| events.len());
        assert_eq!(given(&kept(Some(7)), Some(7)), Some(3));
        assert_eq!(given(&kept(Some(7)), Some(8)), Some(1), "somebody was erased since");
        assert_eq!(given(&kept(Some(7)), None), Some(1), "nobody tells");
        assert_eq!(given(&kept(None), Some(7)), Some(1), "nobody told when it was sealed");
        let (now, late) = (Instant::now(), Instant::now() + OPEN_MAX);
        let event = event(1, 1, open);
        let open = Kept {
            event,
            open: Some((7, now)),
        };
        assert!(open.is_good(Some(7), now) && !open.is_good(Some(7), late));
    }

    #[test]
    fn an_event_is_read_once() {
        let event = event(1, 1, "{}");
        let first = event.meaning(|recorded| Ok::<_, ()>(recorded.data.clone()));
        let again = event.meaning(|_| Err::<String, ()>(()));
        assert_eq!(first, again);
        assert!(event.meaning(|_| Err::<u8, ()>(())).is_err(), "of another type");
    }
}
