//! A value that tells of a person and has to be forgettable while the event that holds it stays. The log stores it
//! sealed under a key of that person's; once the key is destroyed every reader finds it erased. Here it is an ordinary
//! value that one has to ask for, and that may not be there. Most events say beside themselves which of their values are
//! such ([`PersonalField`]) and have them plain.

pub(crate) mod fields;

pub use fields::{ERASED, ListOf, PersonalField, StandIn, Whose, document_key, is_erased};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error, IgnoredAny},
    ser::SerializeStruct,
};
use std::{borrow::Cow, fmt};
use uuid::Uuid;

/// A field of an event: in structs, options, lists and maps, at any depth, and within each other; a value within
/// another person's can be read as long as neither is erased.
///
/// It is stored as an object of its own, `{"$person":"<uuid>","$value":…}`, which the log seals. So it is not to be
/// flattened into another (`#[serde(flatten)]`, or a variant of an internally tagged enum): the log refuses that.
/// `Debug` shows whom it belongs to and not what it is; there is no `Display`.
///
/// Read models, and whatever else copies the value out of an event, have to forget it by themselves.
///
/// ```
/// # use prometric_domain::Personal;
/// # use uuid::Uuid;
/// let phone = Personal::new(Uuid::nil(), "+7 701 000 00 00".to_owned());
/// assert!(phone.get().is_ok());
/// assert!(!format!("{phone:?}").contains("701"));
/// ```
///
/// It cannot be printed, nor be the key of a map, where it would not be sealed:
///
/// ```compile_fail,E0277
/// # use prometric_domain::Personal;
/// println!("{}", Personal::new(uuid::Uuid::nil(), 1));
/// ```
///
/// ```compile_fail,E0277
/// # use prometric_domain::Personal;
/// std::collections::BTreeMap::from([(Personal::new(uuid::Uuid::nil(), 1), 2)]);
/// ```
#[derive(Clone, PartialEq)]
pub struct Personal<T> {
    person: Uuid,
    value: Option<T>,
}

/// The person was erased: nobody can tell any more what stood here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("person {person} was erased")]
pub struct Erased {
    pub person: Uuid,
}

impl<T> Personal<T> {
    pub fn new(person: impl Into<Uuid>, value: T) -> Self {
        Self {
            person: person.into(),
            value: Some(value),
        }
    }

    /// As a reader finds it after its person was erased.
    pub fn erased(person: impl Into<Uuid>) -> Self {
        Self {
            person: person.into(),
            value: None,
        }
    }

    /// Whom it tells of, and whose key seals it.
    pub fn person(&self) -> Uuid {
        self.person
    }

    pub fn get(&self) -> Result<&T, Erased> {
        self.value.as_ref().ok_or(Erased { person: self.person })
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Personal")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut marker = serializer.serialize_struct("Personal", 2)?;
        marker.serialize_field("$person", &self.person)?;
        match &self.value {
            Some(value) => marker.serialize_field("$value", value)?,
            None => marker.serialize_field("$erased", &true)?,
        }
        marker.end()
    }
}

/// As readers of the stream find it: sealed, unless they ask through us.
impl<T: JsonSchema> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Personal {}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let person = generator.subschema_for::<Uuid>();
        let form = |field: &str, value: Schema| {
            json_schema!({
                "type": "object",
                "properties": { "$person": person, field: value },
                "required": ["$person", field],
                "additionalProperties": false,
            })
        };
        let forms = [
            form(
                "$sealed",
                json_schema!({ "type": "string", "contentEncoding": "base64" }),
            ),
            form("$value", generator.subschema_for::<T>()),
            form("$erased", json_schema!({ "const": true })),
        ];
        json_schema!({ "oneOf": forms })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: DeserializeOwned")]
struct Marker<T> {
    #[serde(rename = "$person")]
    person: Uuid,
    #[serde(rename = "$value", default = "none", deserialize_with = "value")]
    value: Option<T>,
    #[serde(rename = "$erased", default)]
    erased: bool,
    #[serde(rename = "$sealed")]
    sealed: Option<IgnoredAny>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Marker {
            person,
            value,
            erased,
            sealed,
        } = Marker::deserialize(deserializer)?;
        if sealed.is_some() {
            return Err(Error::custom("a personal value is still sealed"));
        }
        if value.is_some() == erased {
            return Err(Error::custom("a personal value is either there or erased"));
        }
        Ok(Self { person, value })
    }
}

fn none<T>() -> Option<T> {
    None
}

/// `null` too is a value. What does not fit is not shown: the message may end in a log.
fn value<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = T::deserialize(deserializer).map(Some);
    value.map_err(|_| Error::custom("a personal value does not have the form it should have"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const PERSON: Uuid = Uuid::from_u128(7);
    const MARKED: &str = r#"{"$person":"00000000-0000-0000-0000-000000000007""#;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Contact {
        name: Personal<String>,
        phone: Option<Personal<String>>,
        children: Vec<Personal<Option<u32>>>,
        by_role: BTreeMap<String, Personal<Vec<Personal<bool>>>>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "type", content = "data")]
    enum ContactEvent {
        #[serde(rename = "named")]
        Named(Contact),
    }

    impl crate::Event for ContactEvent {}

    fn contact() -> Contact {
        let inner = Personal::new(Uuid::from_u128(8), true);
        Contact {
            name: Personal::new(PERSON, "Имя".to_owned()),
            phone: Some(Personal::erased(PERSON)),
            children: vec![Personal::new(PERSON, None), Personal::new(PERSON, Some(3))],
            by_role: [("head".to_owned(), Personal::new(PERSON, vec![inner]))].into(),
        }
    }

    #[test]
    fn it_is_stored_as_the_marker_that_the_log_seals_wherever_it_stands() {
        let event = ContactEvent::Named(contact());
        let stored = crate::fact::encode(&event, PERSON).unwrap();
        let inner = MARKED.replace('7', "8");
        let expected = [
            format!(r#"{{"name":{MARKED},"$value":"Имя"}},"phone":{MARKED},"$erased":true}},"#),
            format!(r#""children":[{MARKED},"$value":null}},{MARKED},"$value":3}}],"#),
            format!(r#""byRole":{{"head":{MARKED},"$value":[{inner},"$value":true}}]}}}}}}"#),
        ];
        assert_eq!(stored.data, expected.concat());
        let decoded = crate::fact::decode::<ContactEvent>(&stored.event_type, stored.schema, &stored.data);
        assert_eq!(decoded.unwrap(), event);
    }

    #[test]
    fn an_erased_value_says_so() {
        let erased: Personal<String> = serde_json::from_str(&format!(r#"{MARKED},"$erased":true}}"#)).unwrap();
        assert_eq!(erased.get(), Err(Erased { person: PERSON }));
        assert_eq!(erased.person(), PERSON);
    }

    #[test]
    fn what_is_neither_there_nor_erased_is_an_error_that_shows_nothing() {
        for (rest, message) in [
            (r#","$sealed":"AQ=="}"#, "still sealed"),
            ("}", "either there or erased"),
            (r#","$erased":false}"#, "either there or erased"),
            (r#","$erased":true,"$value":1}"#, "either there or erased"),
            (r#","$value":1,"more":2}"#, "unknown field"),
            (r#","$value":"Ivan"}"#, "does not have the form"),
        ] {
            let error = serde_json::from_str::<Personal<u32>>(&format!("{MARKED}{rest}")).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(message) && !error.contains("Ivan"), "{rest}: {error}");
        }
    }

    #[test]
    fn debug_never_shows_the_value() {
        let shown = format!("{:?} {:#?}", contact(), contact());
        assert!(!shown.contains("Имя") && !shown.contains("true") && shown.contains(&PERSON.to_string()));
    }

    #[test]
    fn its_schema_has_the_three_forms_a_reader_may_find() {
        assert_eq!(Personal::<String>::schema_name(), "Personal string");
        assert!(Personal::<String>::inline_schema());
        let schema = SchemaGenerator::default()
            .into_root_schema_for::<Personal<String>>()
            .to_value();
        let forms = schema["oneOf"].as_array().unwrap();
        for (form, field) in forms.iter().zip(["$sealed", "$value", "$erased"]) {
            assert_eq!(form["required"], serde_json::json!(["$person", field]));
            assert_eq!(form["additionalProperties"], false);
        }
        assert_eq!(forms[1]["properties"]["$value"]["type"], "string");
        assert_eq!(forms.len(), 3);
    }
}
