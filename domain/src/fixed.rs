//! Exact decimals of a fixed number of places, held as whole units: money in tiyn, quantities in thousandths,
//! percentages in hundredths. JSON numbers on the wire. Every value has at most 15 significant digits, which is what
//! lets a JSON number carry it without loss even through readers that parse doubles.

mod exact;

pub use exact::Exact;

use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, cmp::Ordering, fmt, iter::Sum, marker::PhantomData, ops::Neg};

/// The newtype's name for serde: a reader that has the number's digits hands them over as a string; any other as it
/// reads numbers.
pub const DECIMAL: &str = "prometric::Decimal";

/// What distinguishes one fixed-point quantity from another.
pub trait Unit: Copy + Send + Sync + 'static {
    const PLACES: u32;
    /// The largest magnitude, in the smallest unit.
    const LIMIT: i64;
    const NOUN: &'static str;
}

/// A number with `U::PLACES` decimal places.
pub struct Fixed<U>(i64, PhantomData<U>);

#[derive(Debug, Clone, Copy)]
pub struct Tiyn;
#[derive(Debug, Clone, Copy)]
pub struct TotalTiyn;
#[derive(Debug, Clone, Copy)]
pub struct Thousandth;
#[derive(Debug, Clone, Copy)]
pub struct BasisPoint;
#[derive(Debug, Clone, Copy)]
pub struct Millionth;

impl Unit for Tiyn {
    const PLACES: u32 = 2;
    const LIMIT: i64 = 999_999_999_999_999;
    const NOUN: &'static str = "amount";
}
impl Unit for TotalTiyn {
    const PLACES: u32 = 2;
    // Below this, neighbouring doubles are still less than a tiyn apart.
    const LIMIT: i64 = 7_000_000_000_000_000;
    const NOUN: &'static str = "total";
}
impl Unit for Thousandth {
    const PLACES: u32 = 3;
    const LIMIT: i64 = 999_999_999_999;
    const NOUN: &'static str = "quantity";
}
impl Unit for BasisPoint {
    const PLACES: u32 = 2;
    const LIMIT: i64 = 100_000;
    const NOUN: &'static str = "percentage";
}
impl Unit for Millionth {
    const PLACES: u32 = 6;
    const LIMIT: i64 = 999_999_999_999_999;
    const NOUN: &'static str = "rate";
}

/// An amount in the currency that stands beside it; two places, up to 9 999 999 999 999.99.
pub type Money = Fixed<Tiyn>;
/// A sum over many documents; two places, up to 70 000 000 000 000.
pub type Total = Fixed<TotalTiyn>;
/// A quantity in the product's unit; three places, up to 999 999 999.999.
pub type Quantity = Fixed<Thousandth>;
/// A percentage; two places, up to 1000.
pub type Percent = Fixed<BasisPoint>;
/// What one unit of a currency is worth in another; six places, up to 999 999 999.999999.
pub type Rate = Fixed<Millionth>;
/// A score of two places, such as 4.5 of 5.
pub type Rating = Fixed<BasisPoint>;

/// Why a number cannot be such a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FixedError {
    #[error("too_precise: at most {places} decimal places")]
    TooPrecise { places: u32 },
    #[error("too_large: {noun} out of range")]
    TooLarge { noun: &'static str },
    #[error("not_a_number: a number is expected")]
    NotANumber,
}

impl<U: Unit> Fixed<U> {
    pub const ZERO: Self = Self(0, PhantomData);
    pub(crate) const SCALE: i64 = 10_i64.pow(U::PLACES);

    /// From the smallest unit, if within the limit.
    pub const fn from_units(units: i64) -> Option<Self> {
        if units > U::LIMIT || units < -U::LIMIT {
            None
        } else {
            Some(Self(units, PhantomData))
        }
    }

    /// A whole number of units of account; for constants and tests.
    pub const fn whole(value: i32) -> Self {
        let units = value as i64 * Self::SCALE;
        assert!(units <= U::LIMIT && units >= -U::LIMIT, "a constant within the limit");
        Self(units, PhantomData)
    }

    pub const fn units(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_units)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::from_units)
    }

    /// For folds: sums over many documents stop at the limit rather than leave what can be stored and read.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).clamp(-U::LIMIT, U::LIMIT), PhantomData)
    }

    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).clamp(-U::LIMIT, U::LIMIT), PhantomData)
    }

    /// The sum, unless it leaves the range.
    pub fn checked_sum(values: impl IntoIterator<Item = Self>) -> Option<Self> {
        values.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    fn from_decimal(value: Decimal) -> Result<Self, FixedError> {
        let value = value.normalize();
        if value.scale() > U::PLACES {
            return Err(FixedError::TooPrecise { places: U::PLACES });
        }
        let scaled = value.checked_mul(Decimal::from(Self::SCALE));
        let units = scaled.and_then(|units| units.to_i64());
        units
            .and_then(Self::from_units)
            .ok_or(FixedError::TooLarge { noun: U::NOUN })
    }

    fn decimal(self) -> Decimal {
        Decimal::new(self.0, U::PLACES).normalize()
    }
}

impl Quantity {
    /// How much of a part goes into this much of the whole, rounded up to a thousandth: material is never short by rounding.
    pub fn times(self, factor: Quantity) -> Option<Quantity> {
        let product = i128::from(self.0) * i128::from(factor.0);
        let scale = i128::from(Self::SCALE);
        i64::try_from((product + scale - 1).div_euclid(scale))
            .ok()
            .and_then(Self::from_units)
    }

    /// The price of this much at `price` each, rounded half away from zero.
    pub fn cost(self, price: Money) -> Option<Money> {
        let product = i128::from(self.0) * i128::from(price.units());
        money_from(round_half_away(product, i128::from(Self::SCALE)))
    }
}

impl Quantity {
    /// What this much is worth at `price` each, rounded half away from zero to 0.01.
    pub fn worth(self, price: Money) -> Total {
        let product = i128::from(self.0) * i128::from(price.units());
        total_from(round_half_away(product, i128::from(Self::SCALE)))
    }
}

impl Money {
    /// quantity × price × (1 − discount/100) × (1 + tax/100), rounded half away from zero to 0.01 (product, "Money").
    pub fn line_total(quantity: Quantity, price: Money, discount: Percent, tax: Percent) -> Option<Money> {
        let hundred = i128::from(Percent::whole(100).units());
        let net = i128::from(quantity.units())
            .checked_mul(i128::from(price.units()))?
            .checked_mul(hundred - i128::from(discount.units()))?;
        let gross = net.checked_mul(hundred + i128::from(tax.units()))?;
        money_from(round_half_away(gross, i128::from(Quantity::SCALE) * hundred * hundred))
    }

    /// Without the tax it carries inside, rounded half away from zero to 0.01.
    pub fn without_tax(self, tax: Percent) -> Option<Money> {
        let hundred = i128::from(Percent::whole(100).units());
        let divisor = hundred + i128::from(tax.units());
        let gross = i128::from(self.units()) * hundred;
        (divisor > 0)
            .then(|| round_half_away(gross, divisor))
            .and_then(money_from)
    }

    /// In the other currency, rounded half away from zero to 0.01.
    pub fn at(self, rate: Rate) -> Option<Money> {
        let product = i128::from(self.units()) * i128::from(rate.units());
        money_from(round_half_away(product, i128::from(Rate::SCALE)))
    }
}

impl Total {
    /// What a part of something is worth of the whole, rounded half away from zero; of nothing, nothing.
    pub fn share(self, part: Quantity, whole: Quantity) -> Total {
        if !whole.is_positive() {
            return Total::ZERO;
        }
        let product = i128::from(self.units()) * i128::from(part.units());
        total_from(round_half_away(product, i128::from(whole.units())))
    }

    /// What one of so many is worth, rounded half away from zero to 0.01.
    pub fn each(self, quantity: Quantity) -> Option<Money> {
        let scaled = i128::from(self.units()) * i128::from(Quantity::SCALE);
        let divisor = i128::from(quantity.units());
        (divisor > 0)
            .then(|| round_half_away(scaled, divisor))
            .and_then(money_from)
    }
}

impl From<Money> for Total {
    fn from(money: Money) -> Self {
        Self(money.0, PhantomData)
    }
}

/// At most as much as can be stored.
fn total_from(units: i128) -> Total {
    let limit = i128::from(TotalTiyn::LIMIT);
    let units = units.clamp(-limit, limit);
    i64::try_from(units)
        .ok()
        .and_then(Total::from_units)
        .unwrap_or_default()
}

fn money_from(units: i128) -> Option<Money> {
    i64::try_from(units).ok().and_then(Money::from_units)
}

fn round_half_away(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator >= 0 {
        (numerator + half) / denominator
    } else {
        (numerator - half) / denominator
    }
}

impl<U> Clone for Fixed<U> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<U> Copy for Fixed<U> {}
impl<U> PartialEq for Fixed<U> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<U> Eq for Fixed<U> {}
impl<U> PartialOrd for Fixed<U> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<U> Ord for Fixed<U> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<U> Default for Fixed<U> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}
impl<U> Neg for Fixed<U> {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0, PhantomData)
    }
}
impl<U: Unit> Sum for Fixed<U> {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, Self::plus)
    }
}
impl<U: Unit> fmt::Display for Fixed<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}
impl<U: Unit> fmt::Debug for Fixed<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal().fmt(f)
    }
}

impl<U: Unit> Serialize for Fixed<U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % Self::SCALE == 0 {
            return serializer.serialize_i64(self.0 / Self::SCALE);
        }
        // 15 digits at most: the nearest double prints back as exactly this decimal.
        serializer.serialize_f64(self.decimal().to_f64().unwrap_or_default())
    }
}

impl<'de, U: Unit> Deserialize<'de> for Fixed<U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DECIMAL, Visitor(PhantomData))
    }
}

impl<U: Unit> JsonSchema for Fixed<U> {
    fn schema_name() -> Cow<'static, str> {
        U::NOUN.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let limit = Self(U::LIMIT, PhantomData);
        // `multipleOf` would say it in the standard's words, but many validators compute it in doubles, and refuse 1.1.
        json_schema!({ "type": "number", "minimum": -limit, "maximum": limit, "x-decimal-places": U::PLACES })
    }
}

/// Digits, or whatever number the format has.
struct Visitor<U>(PhantomData<U>);

impl<'de, U: Unit> de::Visitor<'de> for Visitor<U> {
    type Value = Fixed<U>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a number ({})", U::NOUN)
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<Self::Value, E> {
        let decimal = Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits));
        match decimal {
            Ok(decimal) => Fixed::from_decimal(decimal).map_err(E::custom),
            // More digits than any amount has, in front of the point or behind it.
            Err(_) if is_small(digits) => Err(E::custom(FixedError::TooPrecise { places: U::PLACES })),
            Err(_) => Err(E::custom(FixedError::TooLarge { noun: U::NOUN })),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(Machine(self.0))
    }
}

/// A JSON number of a decimal that has a point: the nearest double prints back as exactly its digits.
fn write<S: Serializer>(decimal: Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(decimal.to_string().parse().unwrap_or_default())
}

fn is_small(digits: &str) -> bool {
    digits.parse::<f64>().is_ok_and(|about| about.abs() < 1e15)
}

/// A number as a machine has it.
struct Machine<U>(PhantomData<U>);

impl<U: Unit> de::Visitor<'_> for Machine<U> {
    type Value = Fixed<U>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a number ({})", U::NOUN)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Fixed::from_decimal(Decimal::from(value)).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Fixed::from_decimal(Decimal::from(value)).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // A double's shortest text is the decimal its writer meant.
        let decimal = Decimal::from_str_exact(&value.to_string());
        let decimal = decimal.map_err(|_| E::custom(FixedError::TooLarge { noun: U::NOUN }))?;
        Fixed::from_decimal(decimal).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
