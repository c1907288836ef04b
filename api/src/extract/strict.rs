//! Reads a request's type out of its [`Json`]: only fields the type has, objects only where objects are meant (serde
//! would take arrays too), lists that have an end, amounts by their digits. What is wrong is told as a rule, not as a sentence.

use super::json::Json;
use domain::{Rule, check::ITEMS_MAX, fixed::DECIMAL};
use serde::{
    Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use std::fmt;

/// Why a value is not what its type says.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    pub rule: Rule,
    /// A field of the object at hand.
    pub field: Option<String>,
}

impl Refused {
    fn by(rule: Rule) -> Self {
        Self { rule, field: None }
    }

    fn of(field: &str, rule: Rule) -> Self {
        Self {
            rule,
            field: Some(field.to_owned()),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.code())
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    /// The domain's own types say their rule first: `too_precise: …`.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let rule = match message.split(':').next() {
            Some("too_precise") => Rule::TooPrecise,
            Some("too_large") => Rule::TooLarge,
            Some("not_allowed") => Rule::NotAllowed,
            _ if message.contains("UUID") => Rule::NotAUuid,
            _ => Rule::WrongType,
        };
        Self::by(rule)
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::by(match found {
            de::Unexpected::Unit | de::Unexpected::Option => Rule::Required,
            _ if expected.to_string().contains("UUID") => Rule::NotAUuid,
            _ => Rule::WrongType,
        })
    }

    fn invalid_value(found: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::by(match found {
            de::Unexpected::Signed(n) if n < 0 => Rule::Negative,
            de::Unexpected::Signed(_) | de::Unexpected::Unsigned(_) => Rule::TooLarge,
            _ => Rule::WrongType,
        })
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::by(Rule::not_one_of(known.iter().copied()))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::of(field, Rule::no_such_field(known.iter().copied()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, Rule::Required)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, Rule::NotUnique)
    }
}

pub struct Strict(pub Json);

/// Methods of a `Deserializer` for whom only a whole number will do.
macro_rules! whole {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.whole(visitor)
        }
    )* };
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(flag) => visitor.visit_bool(flag),
            Json::Number(digits) => number(&digits, visitor),
            Json::Text(text) => visitor.visit_string(text),
            Json::List(items) if items.len() > ITEMS_MAX => Err(Refused::by(Rule::TooMany { max: ITEMS_MAX })),
            Json::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Strict))),
            Json::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Strict(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Json::Null => visitor.visit_none(),
            value => visitor.visit_some(Strict(value)),
        }
    }

    /// An exact decimal is handed its digits.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Json::Number(digits) if name == DECIMAL => visitor.visit_string(digits),
            value => visitor.visit_newtype_struct(Strict(value)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match self.0 {
            Json::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Json::Null => Err(Refused::by(Rule::Required)),
            _ => Err(Refused::by(Rule::WrongType)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match &self.0 {
            Json::Object(fields) => match fields.iter().find(|(name, _)| !known.contains(&name.as_str())) {
                Some((name, _)) => Err(de::Error::unknown_field(name, known)),
                None => self.deserialize_any(visitor),
            },
            Json::Null => Err(Refused::by(Rule::Required)),
            _ => Err(Refused::by(Rule::WrongType)),
        }
    }

    whole!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64);
    whole!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl Strict {
    /// For whom only a whole number will do: 120.0 is one.
    fn whole<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.0 {
            Json::Number(digits) => match digits.split_once('.') {
                Some((whole, zeros)) if !whole.is_empty() && zeros.bytes().all(|digit| digit == b'0') => {
                    number(whole, visitor)
                }
                _ => number(&digits, visitor),
            },
            other => Self(other).deserialize_any(visitor),
        }
    }
}

impl<'de> IntoDeserializer<'de, Refused> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// For whom a machine's number will do: refused unless that number is the very one that was written.
fn number<'de, V: Visitor<'de>>(digits: &str, visitor: V) -> Result<V::Value, Refused> {
    if let Ok(whole) = digits.parse::<i64>() {
        return visitor.visit_i64(whole);
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return visitor.visit_u64(whole);
    }
    let float: f64 = digits.parse().map_err(|_| Refused::by(Rule::WrongType))?;
    if float.is_finite() && significant(&float.to_string()) == significant(digits) {
        visitor.visit_f64(float)
    } else if float.abs() >= 1e15 {
        Err(Refused::by(Rule::TooLarge))
    } else {
        Err(Refused::by(Rule::TooPrecise))
    }
}

/// Sign, significant digits and the power of ten they begin at: the same for all spellings of a number.
fn significant(digits: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let zeros = all.len() - all.trim_start_matches('0').len();
    let first = i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(zeros).unwrap_or(0) + exponent;
    let plain = all.trim_matches('0').to_owned();
    let first = if plain.is_empty() { 0 } else { first };
    (sign && !plain.is_empty(), plain, first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    fn read(digits: &str) -> Result<Value, Rule> {
        Value::deserialize(Strict(Json::Number(digits.to_owned()))).map_err(|refused| refused.rule)
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |digits: &str| u32::deserialize(Strict(Json::Number(digits.to_owned()))).map_err(|told| told.rule);
        assert_eq!(
            (read("120"), read("120.0"), read("120.00")),
            (Ok(120), Ok(120), Ok(120))
        );
        assert!(read("120.5").is_err() && read("-1.0").is_err());
    }

    #[test]
    fn a_number_is_the_one_that_was_written_or_none() {
        for (digits, number) in [
            ("0.10", json!(0.1)),
            ("1.5e3", json!(1500.0)),
            ("-1e-300", json!(-1e-300)),
            ("1e308", json!(1e308)),
            ("-0.0", json!(-0.0)),
            ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
        ] {
            assert_eq!(read(digits), Ok(number), "{digits}");
        }
        for digits in ["12345678901234567890123", "1e400", "-1e400", "99999999999999999999"] {
            assert_eq!(read(digits), Err(Rule::TooLarge), "{digits}");
        }
        for digits in ["0.10000000000000001", "3.14159265358979323846", "1e-400"] {
            assert_eq!(read(digits), Err(Rule::TooPrecise), "{digits}");
        }
    }
}
