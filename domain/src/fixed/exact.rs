//! A number of which nobody said how many places it has: any that a JSON number carries without loss. It is a decimal from end
//! to end; what was written is what is stored, compared and shown.

use super::{FixedError, is_small, write};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Serialize, Serializer};
use serde_json::Number;
use std::fmt;

/// As far as every reader of JSON tells whole numbers apart.
const WHOLE_MAX: i64 = 9_007_199_254_740_991;
/// Of a number with a point: fifteen digits survive readers that parse doubles.
const DIGITS_BELOW: u128 = 1_000_000_000_000_000;
const PLACES_MAX: u32 = 15;

/// At most 9 007 199 254 740 991; with a point, at most fifteen digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(Decimal);

impl Exact {
    /// From digits as JSON writes them: `-1.50` is −1.5, `1.5e3` is 1500.
    pub fn parse(digits: &str) -> Result<Self, FixedError> {
        let too_large = FixedError::TooLarge { noun: "number" };
        let too_precise = FixedError::TooPrecise { places: PLACES_MAX };
        let number = match decimal(digits) {
            Some(number) => number,
            None if is_small(digits) => return Err(too_precise),
            None => return Err(too_large),
        };
        if number.abs() > Decimal::from(WHOLE_MAX) {
            return Err(too_large);
        }
        let is_long = number.scale() > 0 && number.mantissa().unsigned_abs() >= DIGITS_BELOW;
        match is_long || number.scale() > PLACES_MAX {
            true => Err(too_precise),
            false => Ok(Self(number)),
        }
    }

    /// What stands in an event: also one of before, that has a digit or two more than are taken by now.
    pub(crate) fn stored(number: &Number) -> Option<Self> {
        decimal(&number.to_string()).map(Self)
    }
}

/// Exactly that number, if there is room for its digits.
fn decimal(digits: &str) -> Option<Decimal> {
    let read = match digits.split_once(['e', 'E']) {
        None => Decimal::from_str_exact(digits),
        // Those before the exponent would be rounded to what there is room for.
        Some((base, _)) => Decimal::from_str_exact(base).and_then(|_| Decimal::from_scientific(digits)),
    };
    read.ok().map(|number| number.normalize())
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_i64().filter(|_| self.0.scale() == 0) {
            Some(whole) => serializer.serialize_i64(whole),
            None => write(self.0, serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(digits: &str) -> Result<String, String> {
        let exact = Exact::parse(digits).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&exact).unwrap())
    }

    #[test]
    fn what_was_written_is_what_is_stored() {
        for (digits, stored) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("1.5e3", "1500"),
            ("1E+2", "100"),
            ("25e-1", "2.5"),
            ("0.1", "0.1"),
            ("-123456789.012345", "-123456789.012345"),
            ("0.123456789012345", "0.123456789012345"),
            ("99999999999999.9", "99999999999999.9"),
            ("9007199254740991", "9007199254740991"),
        ] {
            assert_eq!(told(digits).as_deref(), Ok(stored), "{digits}");
        }
    }

    #[test]
    fn what_would_not_survive_is_refused() {
        for (digits, rule) in [
            ("9007199254740992", "too_large"),
            ("1e16", "too_large"),
            ("1e400", "too_large"),
            ("12345678901234567890123456789012345", "too_large"),
            ("0.1234567890123456", "too_precise"),
            ("1234567890123.456", "too_precise"),
            ("1.0000000000000000000000000000000001e0", "too_precise"),
            ("1e-400", "too_precise"),
        ] {
            let refused = told(digits).unwrap_err();
            assert!(refused.starts_with(rule), "{digits}: {refused}");
        }
    }

    #[test]
    fn numbers_of_before_are_read() {
        for text in ["5", "130.5", "0.30000000000000004", "-1.2345678901234567", "1e-7"] {
            let number: Number = text.parse().unwrap();
            let exact = Exact::stored(&number).unwrap();
            assert_eq!(
                serde_json::to_value(exact).unwrap(),
                serde_json::Value::Number(number),
                "{text}"
            );
        }
    }
}
