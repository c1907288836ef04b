//! Value added tax as data with dates of force, not a constant: Kazakhstan's 12 % to 2025-12-31, 16 % from 2026-01-01
//! (product, "Money, tax, numbers"). A line or a product may name its own rate.

use crate::{Money, Percent};
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

/// The price without the tax it carries inside, rounded half away from zero to 0.01.
pub fn without(price: Money, rate: Percent) -> Option<Money> {
    let hundred = i128::from(Percent::whole(100).units());
    let gross = i128::from(price.units()) * hundred;
    let divisor = hundred + i128::from(rate.units());
    if divisor <= 0 {
        return None;
    }
    let half = if gross < 0 { -divisor / 2 } else { divisor / 2 };
    i64::try_from((gross + half) / divisor).ok().and_then(Money::from_units)
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

    #[test]
    fn tax_inside_the_price_comes_out() {
        assert_eq!(without(Money::whole(112), Percent::whole(12)), Some(Money::whole(100)));
        assert_eq!(
            without(Money::whole(650_000), Percent::whole(12)),
            Money::from_units(58_035_714)
        );
    }
}
