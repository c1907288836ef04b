//! The two halves in which an event is stored, its type and its data, as serde sees them: an adjacently tagged enum
//! (`#[serde(tag = "type", content = "data")]`) is read straight from them, without gluing them into one text first.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// The type and the data of one event; the latter with the bytes that serde_json gives it.
pub(crate) fn split<E: Serialize>(event: &E) -> Result<(String, String), serde_json::Error> {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(rename = "type")]
        event_type: String,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let text = serde_json::to_string(event)?;
    let whole: Whole = serde_json::from_str(&text)?;
    Ok((whole.event_type, whole.data.get().to_owned()))
}

/// The event of that type with that data, which must be one JSON value and nothing after it.
pub(crate) fn join_text<E: DeserializeOwned>(event_type: &str, data: &str) -> Result<E, serde_json::Error> {
    let mut data = serde_json::Deserializer::from_str(data);
    let event = join(event_type, &mut data)?;
    data.end()?;
    Ok(event)
}

/// The event of that type with data of any source.
pub(crate) fn join<'de, E: Deserialize<'de>, D: Deserializer<'de>>(event_type: &str, data: D) -> Result<E, D::Error> {
    E::deserialize(MapAccessDeserializer::new(Halves {
        event_type: Some(event_type),
        data: Some(data),
    }))
}

/// A map of two entries, in the order in which serde need not buffer anything.
struct Halves<'a, D> {
    event_type: Option<&'a str>,
    data: Option<D>,
}

impl<'de, D: Deserializer<'de>> MapAccess<'de> for Halves<'_, D> {
    type Error = D::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, D::Error> {
        let key = match (&self.event_type, &self.data) {
            (Some(_), _) => "type",
            (None, Some(_)) => "data",
            (None, None) => return Ok(None),
        };
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, D::Error> {
        match (self.event_type.take(), self.data.take()) {
            (Some(event_type), data) => {
                self.data = data;
                seed.deserialize(event_type.into_deserializer())
            }
            (None, Some(data)) => seed.deserialize(data),
            (None, None) => Err(serde::de::Error::custom("a value is asked for before its key")),
        }
    }
}
