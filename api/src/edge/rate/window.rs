//! The last sixty seconds of one subject: how many requests each of them saw.

use super::Verdict;
use std::collections::VecDeque;

const SECONDS: u64 = 60;

#[derive(Debug, Default)]
pub struct Window {
    /// Seconds that saw any, oldest first.
    seconds: VecDeque<(u64, u32)>,
    total: u32,
}

impl Window {
    /// Counts one request if there is room for it.
    pub fn take(&mut self, limit: u32, now: u64) -> Verdict {
        self.forget(now);
        let allowed = self.total < limit;
        if allowed {
            self.add(now, 1);
        }
        let oldest = self.seconds.front().map_or(now, |(second, _)| *second);
        Verdict {
            allowed,
            limit,
            remaining: limit.saturating_sub(self.total),
            reset: oldest + SECONDS,
        }
    }

    /// Counts what was let through in a second, here or elsewhere.
    pub fn add(&mut self, second: u64, count: u32) {
        self.total = self.total.saturating_add(count);
        let at = self.seconds.partition_point(|(known, _)| *known < second);
        match self.seconds.get_mut(at) {
            Some((known, counted)) if *known == second => *counted = counted.saturating_add(count),
            _ => self.seconds.insert(at, (second, count)),
        }
    }

    /// Whether nothing counts any more.
    pub fn is_over(&self, now: u64) -> bool {
        self.seconds.back().is_none_or(|(second, _)| second + SECONDS <= now)
    }

    fn forget(&mut self, now: u64) {
        while let Some((_, count)) = self.seconds.pop_front_if(|(second, _)| *second + SECONDS <= now) {
            self.total = self.total.saturating_sub(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_many_as_the_limit_says_and_then_none_until_the_oldest_is_forgotten() {
        let mut window = Window::default();
        for left in (0..10).rev() {
            let verdict = window.take(10, 1_000);
            assert_eq!((verdict.allowed, verdict.remaining, verdict.reset), (true, left, 1_060));
        }
        for now in [1_000, 1_030, 1_059] {
            let verdict = window.take(10, now);
            assert_eq!((verdict.allowed, verdict.remaining, verdict.reset), (false, 0, 1_060));
        }
        assert!(window.take(10, 1_060).allowed);
    }

    #[test]
    fn what_others_counted_counts_in_its_own_second() {
        let mut window = Window::default();
        assert!(window.take(10, 1_010).allowed);
        window.add(1_000, 9);
        assert!(!window.take(10, 1_020).allowed);
        assert_eq!(window.take(10, 1_060).remaining, 8);
    }

    proptest! {
        /// No sixty seconds ever see more than the limit, and nobody is refused without reason.
        #[test]
        fn no_minute_sees_more(limit in 1_u32..20, steps in prop::collection::vec(0_u64..15, 1..300)) {
            let (mut window, mut now, mut passed) = (Window::default(), 1_000, Vec::<u64>::new());
            for step in steps {
                now += step;
                let recent = passed.iter().filter(|then| **then + SECONDS > now).count();
                let allowed = window.take(limit, now).allowed;
                prop_assert_eq!(allowed, recent < limit as usize);
                if allowed {
                    passed.push(now);
                }
            }
        }
    }
}
