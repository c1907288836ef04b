//! Value added tax as data with dates of force, not a constant: Kazakhstan's 12 % to 2025-12-31, 16 % from 2026-01-01
//! (product, "Money, tax, numbers"). A line or a product may name its own rate.

use crate::Percent;
use chrono::NaiveDate;

/// The general rate on a date.
pub fn general_rate(on: NaiveDate) -> Percent {
    let raised = NaiveDate::from_ymd_opt(2026, 1, 1);
    if raised.is_some_and(|raised| on >= raised) {
        Percent::whole(16)
    } else {
        Percent::whole(12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_the_law_of_the_day() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(general_rate(day(2025, 12, 31)), Percent::whole(12));
        assert_eq!(general_rate(day(2026, 1, 1)), Percent::whole(16));
    }
}
