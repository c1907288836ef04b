//! What an update says of one field: keep it, or set it. An optional field is set to nothing by null; a required one
//! is not.

use crate::field::FieldValue;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field is absent.
    #[default]
    Keep,
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }

    pub fn set(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: Clone> Patch<T> {
    pub fn apply(&self, field: &mut T) {
        if let Self::Set(value) = self {
            field.clone_from(value);
        }
    }
}

impl<T: FieldValue + Clone> Patch<T> {
    /// The same of a noun's field, which may keep of its value what was not named ([`FieldValue::keep`]).
    pub fn revise(&self, field: &mut T) {
        if let Self::Set(value) = self {
            let before = std::mem::replace(field, value.clone());
            field.keep(Some(before));
        }
    }

    /// What makes the one of the other.
    pub fn between(before: &T, after: &T) -> Self
    where
        T: PartialEq,
    {
        match before == after {
            true => Self::Keep,
            false => Self::Set(after.clone().since(before)),
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T: FieldValue> Patch<T> {
    pub fn tidy(self) -> Self {
        match self {
            Self::Keep => Self::Keep,
            Self::Set(value) => Self::Set(value.tidy()),
        }
    }
}

/// Always a value: absent is what the struct around it makes of a missing field.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Set)
    }
}

/// Skipped by the struct around it when it is kept.
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_kept_or_set() {
        let (keep, set) = (Patch::<Option<u8>>::Keep, Patch::from(Some(7)));
        assert!(keep.is_keep() && !set.is_keep() && !Patch::Set(None::<u8>).is_keep());
        assert_eq!(
            (keep.as_set(), set.as_set(), Patch::Set(None::<u8>).as_set()),
            (None, Some(&Some(7)), Some(&None))
        );
        assert_eq!(
            (keep.set(), set.set(), Patch::Set(None::<u8>).set()),
            (None, Some(Some(7)), Some(None))
        );
        let mut field = Some(1);
        keep.apply(&mut field);
        assert_eq!(field, Some(1));
        set.apply(&mut field);
        assert_eq!(field, Some(7));
        Patch::Set(None).apply(&mut field);
        assert_eq!(field, None);
        assert_eq!(Patch::<u8>::default(), Patch::Keep);
    }

    #[test]
    fn what_is_set_is_made_plain() {
        let text = |text: &str| Patch::Set(Some(text.to_owned()));
        assert_eq!(text(" ").tidy(), Patch::Set(None));
        assert_eq!(text("a").tidy(), text("a"));
        assert_eq!(Patch::<Option<String>>::Keep.tidy(), Patch::Keep);
    }

    /// In JSON and in its schema it is what the value is: that a field may be absent is said by the struct around it.
    #[test]
    fn it_looks_like_its_value() {
        assert_eq!(serde_json::from_str::<Patch<u8>>("7").unwrap(), Patch::Set(7));
        assert_eq!(
            serde_json::from_str::<Patch<Option<u8>>>("null").unwrap(),
            Patch::Set(None)
        );
        assert_eq!(serde_json::to_string(&Patch::Set(7)).unwrap(), "7");
        assert_eq!(serde_json::to_string(&Patch::<u8>::Keep).unwrap(), "null");
        let patched = SchemaGenerator::default().into_root_schema_for::<Patch<crate::Money>>();
        assert_eq!(
            patched,
            SchemaGenerator::default().into_root_schema_for::<crate::Money>()
        );
        assert_eq!(Patch::<crate::Money>::schema_id(), crate::Money::schema_id());
        assert_eq!(Patch::<crate::Money>::schema_name(), "amount");
        assert_eq!(
            (Patch::<u8>::inline_schema(), Patch::<crate::Money>::inline_schema()),
            (true, false)
        );
    }
}
