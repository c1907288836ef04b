//! Exponential back-off with jitter: after a fault that hit everybody, not everybody comes back at the same moment.

use std::time::Duration;
use uuid::Uuid;

/// From when on the pause grows no more, whatever its limits.
const DOUBLINGS_MAX: u32 = 20;

/// How long to wait after that many failures (from 1 on): doubling from `min` up to `max`, of which the second half is
/// left to chance.
pub fn pause(failures: u32, min: Duration, max: Duration) -> Duration {
    // The end of a version 7 id is random, and so spares a crate for chance.
    let chance = Uuid::now_v7().as_u128() as u16;
    pause_by(failures, min, max, chance)
}

fn pause_by(failures: u32, min: Duration, max: Duration, chance: u16) -> Duration {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let whole = min.saturating_mul(1 << doublings).min(max);
    whole / 2 + whole / 2 * u32::from(chance) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(5);

    proptest! {
        #[test]
        fn a_pause_stays_within_its_limits(failures: u32, chance: u16) {
            let pause = pause_by(failures, MIN, MAX, chance);
            prop_assert!(pause >= MIN / 2 && pause <= MAX, "{pause:?}");
        }

        #[test]
        fn pauses_grow_until_they_are_longest(failures in 1_u32..40, chance: u16) {
            let [now, next] = [failures, failures + 1].map(|failures| pause_by(failures, MIN, MAX, chance));
            prop_assert!(next > now || next == pause_by(u32::MAX, MIN, MAX, chance), "{now:?} {next:?}");
        }
    }

    #[test]
    fn chance_spreads_the_second_half() {
        assert_eq!(pause_by(1, MIN, MAX, 0), MIN / 2);
        assert_eq!(pause_by(1, MIN, MAX, u16::MAX), MIN);
        assert_eq!(pause_by(100, MIN, MAX, u16::MAX), MAX);
    }
}
