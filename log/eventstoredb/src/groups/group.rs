//! A group of consumers that share a stream: what happens goes in, what is to be done comes out, and nothing else happens here. A
//! message is open from when it was taken until a consumer has acknowledged it, or it was skipped or parked; one that is given
//! back, not answered in time, or held by who has left is given to whoever has room, until it was tried too often.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds, from whenever.
pub type Millis = i64;
/// A consumer, as long as it stays.
pub type Seat = u64;
/// Streams that are pinned share so many pins.
pub const PINS: u64 = 1_024;

/// Who gets the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The first who has room.
    Single,
    /// One after the other.
    #[default]
    RoundRobin,
    /// Messages of one stream go to one consumer, while it stays.
    Pinned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub strategy: Strategy,
    /// How long a consumer may take for a message; for ever, without it.
    pub timeout: Option<Millis>,
    /// How often a message is given out again.
    pub retries_max: u32,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A message that the group wants. `tries`: how often it was given out before; `pin`: of its stream, below [`PINS`].
    Taken {
        place: i64,
        pin: u64,
        tries: u32,
    },
    /// Everything up to there was looked at.
    Passed {
        place: i64,
    },
    /// Somebody who takes so many messages at once.
    Joined {
        seat: Seat,
        room: usize,
    },
    Left {
        seat: Seat,
    },
    Done {
        seat: Seat,
        place: i64,
    },
    Failed {
        seat: Seat,
        place: i64,
        how: Failure,
    },
    /// Time went on.
    Ticked,
}

/// What a consumer wants of a message that it could not deal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    Retry,
    Park,
    Skip,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    Hand { seat: Seat, place: i64, tries: u32 },
    Park { place: i64, why: Why },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A consumer wanted it so.
    Asked,
    /// It was given out too often.
    Tried,
}

/// What is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Up to there everything was taken from the stream,
    pub taken: i64,
    /// and is done but for these: place and tries.
    pub open: Vec<(i64, u32)>,
}

#[derive(Debug)]
pub struct Group {
    rules: Rules,
    taken: i64,
    open: BTreeMap<i64, Open>,
    /// Those that nobody holds.
    waiting: BTreeSet<i64>,
    seats: BTreeMap<Seat, Chair>,
    /// Who got the last one.
    last: Seat,
    pins: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Open {
    pin: u64,
    tries: u32,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    by: Seat,
    until: Option<Millis>,
}

#[derive(Debug)]
struct Chair {
    room: usize,
    held: usize,
}

impl Chair {
    fn has_room(&self) -> bool {
        self.held < self.room
    }
}

impl Group {
    /// That has taken everything up to there, and has nothing open.
    pub fn new(rules: Rules, taken: i64) -> Self {
        Self {
            rules,
            taken,
            open: BTreeMap::new(),
            waiting: BTreeSet::new(),
            seats: BTreeMap::new(),
            last: 0,
            pins: BTreeMap::new(),
        }
    }

    pub fn see(&mut self, seen: Seen, now: Millis) -> Vec<Owed> {
        let mut owed = Vec::new();
        match seen {
            Seen::Taken { place, pin, tries } => self.take(place, pin, tries),
            Seen::Passed { place } => self.taken = self.taken.max(place),
            Seen::Joined { seat, room } => self.join(seat, room),
            Seen::Left { seat } => self.leave(seat, &mut owed),
            Seen::Done { seat, place } => {
                if self.is_held(seat, place) {
                    self.close(place);
                }
            }
            Seen::Failed { seat, place, how } if self.is_held(seat, place) => self.fail(place, how, &mut owed),
            Seen::Failed { .. } => {}
            Seen::Ticked => self.tick(now, &mut owed),
        }
        self.hand_out(now, &mut owed);
        owed
    }

    pub fn progress(&self) -> Progress {
        Progress {
            taken: self.taken,
            open: self.open.iter().map(|(place, open)| (*place, open.tries)).collect(),
        }
    }

    /// Up to there everything was taken.
    pub fn taken(&self) -> i64 {
        self.taken
    }

    /// How many messages are taken and not done.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many of them nobody holds.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_open(&self, place: i64) -> bool {
        self.open.contains_key(&place)
    }

    /// How many messages a consumer holds.
    pub fn held(&self, seat: Seat) -> usize {
        self.seats.get(&seat).map_or(0, |chair| chair.held)
    }

    fn take(&mut self, place: i64, pin: u64, tries: u32) {
        self.taken = self.taken.max(place);
        let open = Open { pin, tries, held: None };
        self.open.insert(place, open);
        self.waiting.insert(place);
    }

    fn join(&mut self, seat: Seat, room: usize) {
        self.seats.insert(seat, Chair { room, held: 0 });
        // Who is new gets a fair share of the streams: of those that nobody works on just now.
        let fair = self.pins.len().div_ceil(self.seats.len());
        let busy: BTreeSet<u64> = self
            .open
            .values()
            .filter(|open| open.held.is_some())
            .map(|open| open.pin)
            .collect();
        let mut kept: BTreeMap<Seat, usize> = BTreeMap::new();
        self.pins.retain(|pin, seat| {
            let kept = kept.entry(*seat).or_default();
            let stays = *kept < fair || busy.contains(pin);
            *kept += usize::from(stays);
            stays
        });
    }

    fn leave(&mut self, seat: Seat, owed: &mut Vec<Owed>) {
        self.seats.remove(&seat);
        self.pins.retain(|_, pinned| *pinned != seat);
        let held = self
            .open
            .iter()
            .filter(|(_, open)| open.held.as_ref().is_some_and(|held| held.by == seat));
        let places: Vec<i64> = held.map(|(place, _)| *place).collect();
        for place in places {
            self.fail(place, Failure::Retry, owed);
        }
    }

    fn tick(&mut self, now: Millis, owed: &mut Vec<Owed>) {
        let is_late = |open: &Open| {
            open.held
                .as_ref()
                .and_then(|held| held.until)
                .is_some_and(|until| until <= now)
        };
        let late = self.open.iter().filter(|(_, open)| is_late(open));
        let places: Vec<i64> = late.map(|(place, _)| *place).collect();
        for place in places {
            self.fail(place, Failure::Retry, owed);
        }
    }

    fn is_held(&self, seat: Seat, place: i64) -> bool {
        let held = self.open.get(&place).and_then(|open| open.held.as_ref());
        held.is_some_and(|held| held.by == seat)
    }

    fn fail(&mut self, place: i64, how: Failure, owed: &mut Vec<Owed>) {
        let tries = self.open.get(&place).map_or(0, |open| open.tries) + 1;
        let why = match how {
            Failure::Skip => return self.close(place),
            Failure::Park => Why::Asked,
            Failure::Retry if tries > self.rules.retries_max => Why::Tried,
            Failure::Retry => {
                self.give_back(place, tries);
                return;
            }
        };
        self.close(place);
        owed.push(Owed::Park { place, why });
    }

    fn give_back(&mut self, place: i64, tries: u32) {
        let Some(open) = self.open.get_mut(&place) else { return };
        open.tries = tries;
        let held = open.held.take();
        self.waiting.insert(place);
        self.free(held);
    }

    fn close(&mut self, place: i64) {
        self.waiting.remove(&place);
        let held = self.open.remove(&place).and_then(|open| open.held);
        self.free(held);
    }

    fn free(&mut self, held: Option<Held>) {
        if let Some(chair) = held.and_then(|held| self.seats.get_mut(&held.by)) {
            chair.held -= 1;
        }
    }

    fn hand_out(&mut self, now: Millis, owed: &mut Vec<Owed>) {
        let mut next = self.waiting.first().copied();
        while let Some(place) = next {
            if !self.seats.values().any(Chair::has_room) {
                return;
            }
            if let Some(seat) = self
                .open
                .get(&place)
                .map(|open| open.pin)
                .and_then(|pin| self.choose(pin))
            {
                owed.extend(self.hand(place, seat, now));
            }
            next = self.waiting.range(place + 1..).next().copied();
        }
    }

    fn hand(&mut self, place: i64, seat: Seat, now: Millis) -> Option<Owed> {
        let (open, chair) = (self.open.get_mut(&place)?, self.seats.get_mut(&seat)?);
        open.held = Some(Held {
            by: seat,
            until: self.rules.timeout.map(|timeout| now.saturating_add(timeout)),
        });
        chair.held += 1;
        self.waiting.remove(&place);
        self.last = seat;
        Some(Owed::Hand {
            seat,
            place,
            tries: open.tries,
        })
    }

    /// Who gets it; nobody, if whoever should has no room.
    fn choose(&mut self, pin: u64) -> Option<Seat> {
        let with_room = |seats: &BTreeMap<Seat, Chair>, after: Seat| {
            let mut seats = seats.range(after + 1..);
            seats.find(|(_, chair)| chair.has_room()).map(|(seat, _)| *seat)
        };
        match self.rules.strategy {
            Strategy::Single => with_room(&self.seats, 0),
            Strategy::RoundRobin => with_room(&self.seats, self.last).or_else(|| with_room(&self.seats, 0)),
            Strategy::Pinned => {
                let pins = |seat: &Seat| self.pins.values().filter(|pinned| *pinned == seat).count();
                let seat = match self.pins.get(&pin) {
                    Some(seat) => *seat,
                    None => *self.seats.keys().min_by_key(|seat| pins(seat))?,
                };
                self.pins.insert(pin, seat);
                self.seats.get(&seat).filter(|chair| chair.has_room()).map(|_| seat)
            }
        }
    }
}

#[cfg(test)]
mod tests;
