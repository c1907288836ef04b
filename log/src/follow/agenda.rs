//! What a consumer has yet to do on this node, without clock, locks or database: workspaces take turns, each is in one
//! worker's hands at a time, and one that fails pauses ever longer, whatever else happens to it.

use crate::backoff;
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::{Duration, Instant},
};
use uuid::Uuid;

const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Agenda {
    /// Those of `turns` that wait, in order.
    waiting: VecDeque<Uuid>,
    /// Those of `turns` that pause, by the end of the pause.
    pausing: BTreeSet<(Instant, Uuid)>,
    /// All that are not at rest.
    turns: HashMap<Uuid, Turn>,
    failures: HashMap<Uuid, Failure>,
    /// How far workspaces are that this node has heard of: all else is as far as its head was then.
    positions: HashMap<Uuid, i64>,
    /// Up to where they are known to go.
    heads: HashMap<Uuid, i64>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    /// `asked`: somebody waits for it here, so it is done here, whoever leads it.
    Waiting {
        asked: bool,
    },
    /// `again`: somebody wants another look. `moved`: there is more, unless the step got as far as that.
    InHand {
        again: bool,
        moved: bool,
        asked: bool,
    },
    Pausing,
}

/// A workspace that stands still.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub attempts: u32,
    pub error: String,
    pub since: DateTime<Utc>,
    pub pause: Duration,
}

/// How far a consumer is behind on this node, in events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    pub total: i64,
    /// Of the workspace that is behind furthest.
    pub max: i64,
}

impl Agenda {
    /// Puts a workspace at the end of the line, unless it stands there or pauses; whether it does so now.
    pub fn push(&mut self, workspace: Uuid, asked_for: bool) -> bool {
        match self.turns.get_mut(&workspace) {
            None => {
                self.turns.insert(workspace, Turn::Waiting { asked: asked_for });
                self.waiting.push_back(workspace);
                true
            }
            Some(Turn::Waiting { asked }) => {
                *asked |= asked_for;
                false
            }
            Some(Turn::InHand { again, asked, .. }) => {
                *again = true;
                *asked |= asked_for;
                false
            }
            Some(Turn::Pausing) => false,
        }
    }

    /// The next one in turn of those that are led or asked for; `done`, `failed` or `dropped` gives it back.
    pub fn next(&mut self, now: Instant, leads: impl Fn(Uuid) -> bool) -> Option<Uuid> {
        while let Some((due, workspace)) = self.pausing.first().copied().filter(|(due, _)| *due <= now) {
            self.pausing.remove(&(due, workspace));
            self.turns.insert(workspace, Turn::Waiting { asked: false });
            self.waiting.push_back(workspace);
        }
        while let Some(workspace) = self.waiting.pop_front() {
            match self.turns.remove(&workspace) {
                Some(Turn::Waiting { asked }) if asked || leads(workspace) => {
                    let in_hand = Turn::InHand {
                        again: false,
                        moved: false,
                        asked,
                    };
                    self.turns.insert(workspace, in_hand);
                    return Some(workspace);
                }
                _ => {}
            }
        }
        None
    }

    /// When the next pause ends.
    pub fn due(&self) -> Option<Instant> {
        self.pausing.first().map(|(due, _)| *due)
    }

    /// A step went well, and its workspace stands there. One that got on and ended before what was heard of, as memory with a
    /// hole lets it, is not the last: nobody will tell of that again.
    pub fn done(&mut self, workspace: Uuid, position: i64, more: bool) {
        self.failures.remove(&workspace);
        let before = self.positions.insert(workspace, position).unwrap_or(0);
        let heard = self.heads.get(&workspace).copied().unwrap_or(0);
        let ended_early = |moved| (moved || before < position) && position < heard;
        if let Some(Turn::InHand { again, moved, asked }) = self.turns.remove(&workspace)
            && (again || more || ended_early(moved))
        {
            self.push(workspace, asked);
        }
    }

    /// A step failed: the workspace pauses.
    pub fn failed(&mut self, workspace: Uuid, error: String, now: Instant, time: DateTime<Utc>) -> &Failure {
        let failure = self.failures.entry(workspace).or_insert(Failure {
            attempts: 0,
            error: String::new(),
            since: time,
            pause: Duration::ZERO,
        });
        failure.attempts = failure.attempts.saturating_add(1);
        failure.error = error;
        failure.pause = backoff::pause(failure.attempts, RETRY_MIN, RETRY_MAX);
        let due = now + failure.pause;
        self.turns.insert(workspace, Turn::Pausing);
        self.pausing.insert((due, workspace));
        failure
    }

    /// A step came to nothing, and it is for others to repeat it.
    pub fn dropped(&mut self, workspace: Uuid) {
        self.turns.remove(&workspace);
    }

    /// Ends the pauses: what made them necessary may be over. And those no longer led are others' to tell about.
    pub fn refresh(&mut self, leads: impl Fn(Uuid) -> bool) {
        self.failures.retain(|workspace, _| leads(*workspace));
        for (_, workspace) in std::mem::take(&mut self.pausing) {
            self.turns.remove(&workspace);
            if leads(workspace) {
                self.push(workspace, false);
            }
        }
    }

    pub fn in_hand(&self) -> impl Iterator<Item = Uuid> {
        let in_hand = |(workspace, turn): (&Uuid, &Turn)| matches!(turn, Turn::InHand { .. }).then_some(*workspace);
        self.turns.iter().filter_map(in_hand)
    }

    pub fn failures(&self) -> impl Iterator<Item = (Uuid, &Failure)> {
        self.failures.iter().map(|(workspace, failure)| (*workspace, failure))
    }

    /// The workspace's log has gone on; where this stood, should nobody know better. Whether it stands in line now.
    pub fn moved(&mut self, workspace: Uuid, from: i64, to: i64) -> bool {
        self.positions.entry(workspace).or_insert(from);
        let head = self.heads.entry(workspace).or_insert(to);
        *head = to.max(*head);
        if let Some(Turn::InHand { moved, .. }) = self.turns.get_mut(&workspace) {
            *moved = true;
            return false;
        }
        self.push(workspace, false)
    }

    pub fn stands(&mut self, workspace: Uuid, position: i64) {
        self.positions.insert(workspace, position);
    }

    pub fn position(&self, workspace: Uuid) -> i64 {
        self.positions.get(&workspace).copied().unwrap_or(0)
    }

    /// Of what is led and not at rest: all else has caught up.
    pub fn lag(&self, leads: impl Fn(Uuid) -> bool, heads: &HashMap<Uuid, i64>) -> Lag {
        let led = self.turns.keys().filter(|workspace| leads(**workspace));
        led.fold(Lag::default(), |lag, workspace| {
            let head = heads.get(workspace).copied().unwrap_or(0);
            let behind = (head - self.position(*workspace)).max(0);
            Lag {
                total: lag.total + behind,
                max: lag.max.max(behind),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn all(agenda: &mut Agenda, now: Instant) -> Vec<Uuid> {
        std::iter::from_fn(|| agenda.next(now, |_| true)).collect()
    }

    #[test]
    fn a_workspace_waits_once_and_is_in_one_hand() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        assert!(agenda.push(id(1), false) && !agenda.push(id(1), false) && agenda.push(id(2), false));
        assert_eq!(all(&mut agenda, now), [id(1), id(2)]);
        agenda.push(id(1), false);
        assert!(all(&mut agenda, now).is_empty(), "in somebody's hands");
        agenda.done(id(1), 1, false);
        agenda.done(id(2), 1, false);
        assert_eq!(all(&mut agenda, now), [id(1)], "it moved meanwhile");
        agenda.done(id(1), 2, false);
        assert_eq!((all(&mut agenda, now), agenda.turns.len()), (vec![], 0));
    }

    #[test]
    fn a_busy_workspace_goes_behind_the_quiet_ones() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.push(id(1), false);
        for quiet in 2..100 {
            let busy = agenda.next(now, |_| true).unwrap();
            agenda.push(id(quiet), false);
            agenda.done(busy, 1, true);
            assert_eq!((busy, agenda.next(now, |_| true)), (id(1), Some(id(quiet))));
        }
    }

    #[test]
    fn what_is_not_led_is_left_unless_somebody_asks() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.push(id(1), false);
        assert_eq!(agenda.next(now, |_| false), None);
        agenda.push(id(1), true);
        assert_eq!(agenda.next(now, |_| false), Some(id(1)));
        agenda.done(id(1), 5, true);
        assert_eq!(
            agenda.next(now, |_| false),
            Some(id(1)),
            "asked for until it has caught up"
        );
        agenda.done(id(1), 9, false);
        assert_eq!(agenda.turns.len(), 0);
    }

    #[test]
    fn a_failing_workspace_pauses_ever_longer_whatever_moves() {
        let (mut agenda, mut now) = (Agenda::default(), Instant::now());
        agenda.push(id(1), false);
        let mut pauses = Vec::new();
        for attempt in 1..=20 {
            assert_eq!(all(&mut agenda, now), [id(1)]);
            let failure = agenda.failed(id(1), "no".into(), now, DateTime::UNIX_EPOCH);
            assert_eq!(failure.attempts, attempt);
            pauses.push(failure.pause);
            agenda.push(id(1), true);
            assert!(all(&mut agenda, now).is_empty(), "new events do not end a pause");
            now = agenda.due().unwrap();
        }
        assert!(
            pauses[0] <= RETRY_MIN && pauses[19] >= RETRY_MAX / 2 && pauses[19] <= RETRY_MAX,
            "{pauses:?}"
        );
        agenda.refresh(|_| true);
        assert_eq!(
            (all(&mut agenda, now), agenda.due()),
            (vec![id(1)], None),
            "until all is looked at anew"
        );
        agenda.done(id(1), 1, false);
        assert_eq!(agenda.failures().count(), 0);
    }

    #[test]
    fn who_ends_before_what_was_heard_goes_on_unless_it_stands_still() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.moved(id(1), 0, 3);
        agenda.push(id(1), false);
        for (position, goes_on) in [(1, true), (1, false)] {
            agenda.push(id(1), false);
            assert_eq!(all(&mut agenda, now), [id(1)]);
            agenda.done(id(1), position, false);
            assert_eq!(agenda.turns.len() == 1, goes_on, "at {position}");
        }
        agenda.push(id(1), false);
        assert_eq!(all(&mut agenda, now), [id(1)]);
        agenda.done(id(1), 3, false);
        assert_eq!(agenda.turns.len(), 0, "it has caught up");
    }

    #[test]
    fn what_came_meanwhile_is_looked_at_unless_the_step_got_as_far() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        for (moved, reached, goes_on) in [(2, 2, false), (4, 3, true), (4, 4, false), (6, 4, true)] {
            agenda.push(id(1), false);
            assert_eq!(all(&mut agenda, now), [id(1)]);
            assert!(!agenda.moved(id(1), 0, moved), "it is in hand");
            agenda.done(id(1), reached, false);
            assert_eq!(agenda.turns.len() == 1, goes_on, "moved to {moved}, reached {reached}");
        }
    }

    #[test]
    fn lag_is_of_what_is_led_and_not_at_rest() {
        let mut agenda = Agenda::default();
        let heads = HashMap::from([(id(1), 10), (id(2), 7), (id(3), 1_000), (id(4), 5)]);
        agenda.moved(id(1), 4, 9);
        agenda.moved(id(1), 9, 10);
        [2, 3].iter().for_each(|n| assert!(agenda.push(id(*n), false)));
        assert_eq!(
            agenda.lag(|workspace| workspace != id(3), &heads),
            Lag { total: 13, max: 7 }
        );
    }
}
