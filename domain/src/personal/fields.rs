//! Which values of events tell of a person, and of whom: said beside the events, so that rules and read models handle
//! plain values while what is stored is sealed. A value is marked when its event is written (`{"$person":…,"$value":…}`,
//! which the log seals) and taken out of its mark when it is read; what was erased is read as a stand-in that says so.
//! This works on the text: whatever stands around those values keeps its bytes.

use crate::id::derive;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};
use uuid::Uuid;

/// One value, in events of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalField {
    pub event_type: &'static str,
    /// Its stored name, and those of what it stands in, with dots between them: `data.customerName`.
    pub path: &'static str,
    pub whose: Whose,
    pub erased: StandIn,
}

/// Of whom a value tells, that is, whose key it is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The person is the aggregate.
    Stream,
    /// The id in that field beside the value; where there is none, the aggregate's.
    Beside(&'static str),
    /// A list of people: each item is of whom the id in that field of it names, where there is one, and of whose the list is as well, with a
    /// mark within a mark. So one of them can be erased alone, and whoever erases the latter erases all.
    Each { id: &'static str, of: ListOf },
    /// A document that the law obliges to keep: its copy has a key of its own, one for a person's documents of a year.
    Document { of: &'static str, dated: &'static str },
}

/// Whose a list of people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOf {
    /// The aggregate's.
    Stream,
    /// Of whom the id in that field beside the list names.
    Beside(&'static str),
}

/// What is read where a value was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    /// Null: the field is optional.
    Nothing,
    /// An empty list.
    NoItems,
    /// [`ERASED`].
    Name,
    /// An address that no mail reaches, different for each person.
    Email,
}

/// Stands where the name of somebody erased stood.
pub const ERASED: &str = "***";
const NOWHERE: &str = "@erased.invalid";

impl PersonalField {
    pub const fn new(event_type: &'static str, path: &'static str, whose: Whose, erased: StandIn) -> Self {
        Self {
            event_type,
            path,
            whose,
            erased,
        }
    }
}

/// Whether a text is not what it was any more but says that it was erased.
pub fn is_erased(text: &str) -> bool {
    text == ERASED || text.ends_with(NOWHERE)
}

/// Whose key seals the copies that a person's documents of a year have.
pub fn document_key(person: Uuid, year: i32) -> Uuid {
    derive(person, &format!("documents of {year}"))
}

impl StandIn {
    fn json(self, person: Uuid) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::NoItems => "[]".to_owned(),
            Self::Name => format!("\"{ERASED}\""),
            Self::Email => format!("\"{person}{NOWHERE}\""),
        }
    }

    fn is(self, json: &str) -> bool {
        match self {
            Self::Nothing | Self::NoItems => false,
            Self::Name | Self::Email => json
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .is_some_and(is_erased),
        }
    }
}

/// The data of an event as it is to be stored: each value that tells of a person in its mark.
pub(crate) fn mark(data: &str, fields: &[Place], stream: Uuid) -> Result<String, serde_json::Error> {
    rewrite(data, fields, &mut |place, beside, value| {
        let is_empty = value == "[]" && place.field.erased == StandIn::NoItems;
        if value == "null" || is_empty {
            return Ok(None);
        }
        let person = place.field.whose.person(beside, stream);
        if let Whose::Each { id, .. } = place.field.whose {
            return mark_each(value, id, person).map(Some);
        }
        Ok(Some(match place.field.erased.is(value) {
            true => format!(r#"{{"$person":"{person}","$erased":true}}"#),
            false => format!(r#"{{"$person":"{person}","$value":{value}}}"#),
        }))
    })
}

/// The data as it is to be read, from events whose marks are open.
pub(crate) fn unmark<'a>(data: &'a str, fields: &[Place]) -> Result<Cow<'a, str>, serde_json::Error> {
    if fields.is_empty() || !data.contains(r#""$person""#) {
        return Ok(Cow::Borrowed(data)); // written before it was said to be personal
    }
    let read = rewrite(data, fields, &mut |place, _, value| {
        if value.starts_with('[') && matches!(place.field.whose, Whose::Each { .. }) {
            return unmark_each(value).map(Some);
        }
        if !value.starts_with('{') {
            return Ok(None);
        }
        let Ok(mark) = serde_json::from_str::<Mark>(value) else {
            return Ok(None); // an object of before
        };
        match mark {
            Mark { sealed: Some(_), .. } => Err(Error::custom("a personal value is still sealed")),
            Mark { value: Some(value), .. } => Ok(Some(value.get().to_owned())),
            Mark { person, .. } => Ok(Some(place.field.erased.json(person))),
        }
    });
    read.map(Cow::Owned)
}

fn mark_each(list: &str, id: &str, whose: Uuid) -> Result<String, serde_json::Error> {
    let items: Vec<&RawValue> = serde_json::from_str(list)?;
    let mut marked = Vec::with_capacity(items.len());
    for item in items {
        let item = item.get();
        let person: Uuid = serde_json::from_str::<Object>(item)?.read(id).unwrap_or(whose);
        marked.push(format!(
            r#"{{"$person":"{person}","$value":{{"$person":"{whose}","$value":{item}}}}}"#
        ));
    }
    Ok(format!("[{}]", marked.join(",")))
}

/// Without those who were erased.
fn unmark_each(list: &str) -> Result<String, serde_json::Error> {
    let items: Vec<&RawValue> = serde_json::from_str(list)?;
    let mut there = Vec::with_capacity(items.len());
    for item in items {
        let mut item = item.get();
        let kept = loop {
            match serde_json::from_str::<Mark>(item) {
                Ok(Mark { sealed: Some(_), .. }) => return Err(Error::custom("a personal value is still sealed")),
                Ok(Mark { value: Some(value), .. }) => item = value.get(),
                Ok(_) => break None,
                Err(_) => break Some(item),
            }
        };
        there.extend(kept);
    }
    Ok(format!("[{}]", there.join(",")))
}

impl Whose {
    fn person(self, beside: &Object, stream: Uuid) -> Uuid {
        let id = |name| beside.read::<Uuid>(name).unwrap_or(stream);
        match self {
            Self::Stream | Self::Each { of: ListOf::Stream, .. } => stream,
            Self::Beside(name)
            | Self::Each {
                of: ListOf::Beside(name),
                ..
            } => id(name),
            Self::Document { of, dated } => {
                let date: Option<String> = beside.read(dated);
                let year = date.and_then(|date| date.get(..4)?.parse().ok());
                document_key(id(of), year.unwrap_or_default())
            }
        }
    }
}

/// A field and what of its path is still before one.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub field: &'static PersonalField,
    path: &'static str,
}

/// Those of a type.
pub(crate) fn places(fields: &'static [PersonalField], event_type: &str) -> Vec<Place> {
    let of_type = fields.iter().filter(|field| field.event_type == event_type);
    let place = |field: &'static PersonalField| Place {
        field,
        path: field.path,
    };
    of_type.map(place).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark<'a> {
    #[serde(rename = "$person")]
    person: Uuid,
    #[serde(rename = "$value", borrow)]
    value: Option<&'a RawValue>,
    #[serde(rename = "$sealed")]
    sealed: Option<IgnoredAny>,
    #[serde(rename = "$erased")]
    #[expect(dead_code, reason = "what is neither sealed nor there is erased")]
    erased: Option<IgnoredAny>,
}

/// Puts something else for a value that stands in an object, or leaves it.
type Put<'f> = dyn FnMut(&Place, &Object, &str) -> Result<Option<String>, serde_json::Error> + 'f;

fn rewrite(data: &str, places: &[Place], put: &mut Put) -> Result<String, serde_json::Error> {
    let object: Object = serde_json::from_str(data)?;
    let mut whole = String::with_capacity(data.len() + 80 * places.len());
    whole.push('{');
    for (key, value) in &object.0 {
        if whole.len() > 1 {
            whole.push(',');
        }
        whole.push_str(&serde_json::to_string(key)?);
        whole.push(':');
        let value = value.get();
        match changed(&object, key, value, places, put)? {
            Some(other) => whole.push_str(&other),
            None => whole.push_str(value),
        }
    }
    whole.push('}');
    Ok(whole)
}

fn changed(
    object: &Object,
    key: &str,
    value: &str,
    places: &[Place],
    put: &mut Put,
) -> Result<Option<String>, serde_json::Error> {
    let mut below = Vec::new();
    for place in places {
        match place.path.split_once('.') {
            None if place.path == key => return put(place, object, value),
            Some((first, rest)) if first == key => below.push(Place { path: rest, ..*place }),
            _ => {}
        }
    }
    if below.is_empty() || !value.starts_with('{') {
        return Ok(None);
    }
    rewrite(value, &below, put).map(Some)
}

/// A JSON object, its values as they are written, in their order.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl Object<'_> {
    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        serde_json::from_str(value.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some(Name(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// A key, borrowed unless it has an escape in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER: Uuid = Uuid::from_u128(7);
    const STREAM: Uuid = Uuid::from_u128(8);
    static FIELDS: [PersonalField; 5] = [
        PersonalField::new(
            "deal.created",
            "customerName",
            Whose::Beside("customerId"),
            StandIn::Name,
        ),
        PersonalField::new("deal.created", "email", Whose::Stream, StandIn::Email),
        PersonalField::new("deal.created", "contacts", Whose::Stream, StandIn::NoItems),
        PersonalField::new(
            "deal.created",
            "data.name",
            Whose::Beside("customerId"),
            StandIn::Nothing,
        ),
        PersonalField::new("other", "title", Whose::Stream, StandIn::Name),
    ];

    fn marked(data: &str) -> String {
        mark(data, &places(&FIELDS, "deal.created"), STREAM).unwrap()
    }

    fn read(data: &str) -> String {
        unmark(data, &places(&FIELDS, "deal.created")).unwrap().into_owned()
    }

    fn of(person: Uuid, rest: &str) -> String {
        format!(r#"{{"$person":"{person}",{rest}}}"#)
    }

    #[test]
    fn values_are_marked_where_they_stand_and_come_back_with_their_bytes() {
        let data = format!(
            r#"{{"title":"ERP","value":1.10,"customerId":"{CUSTOMER}","customerName":"И\"мя","contacts":[{{"a":1e2}}],"data":{{"x":1,"name":"Имя"}}}}"#
        );
        let (name, beside) = (of(CUSTOMER, r#""$value":"И\"мя""#), of(STREAM, r#""$value":"Имя""#));
        let contacts = of(STREAM, r#""$value":[{"a":1e2}]"#);
        let expected = data
            .replace(r#""И\"мя""#, &name)
            .replace(r#"[{"a":1e2}]"#, &contacts)
            .replace(r#""Имя""#, &beside);
        assert_eq!(marked(&data), expected, "without an id beside it, it is the stream's");
        assert_eq!(read(&expected), data);
        assert_eq!(read(&data), data, "what was stored before stays readable");
    }

    #[test]
    fn nothing_is_no_mark_and_a_stand_in_is_stored_as_erased() {
        let nothing = r#"{"customerName":null,"contacts":[],"email":null}"#;
        assert_eq!(marked(nothing), nothing);
        let erased = format!(
            r#"{{"customerName":{0},"email":{0},"contacts":{0},"data":{{"name":{0}}}}}"#,
            of(STREAM, r#""$erased":true"#)
        );
        let stood_in = format!(
            r#"{{"customerName":"***","email":"{STREAM}@erased.invalid","contacts":[],"data":{{"name":null}}}}"#
        );
        assert_eq!(read(&erased), stood_in);
        let again = marked(&stood_in);
        assert!(
            again.matches(r#""$erased":true"#).count() == 2 && !again.contains("$value"),
            "{again}"
        );
    }

    #[test]
    fn a_document_has_a_key_by_person_and_year() {
        static INVOICE: [PersonalField; 1] = [PersonalField::new(
            "invoice.created",
            "customerName",
            Whose::Document {
                of: "customerId",
                dated: "issueDate",
            },
            StandIn::Name,
        )];
        let data = format!(r#"{{"customerId":"{CUSTOMER}","customerName":"Имя","issueDate":"2026-11-21"}}"#);
        let marked = mark(&data, &places(&INVOICE, "invoice.created"), STREAM).unwrap();
        assert!(
            marked.contains(&of(document_key(CUSTOMER, 2026), r#""$value":"Имя""#)),
            "{marked}"
        );
        assert_ne!(document_key(CUSTOMER, 2026), document_key(CUSTOMER, 2027));
    }

    #[test]
    fn each_of_a_list_is_of_whom_it_names_and_of_the_stream() {
        static PEOPLE: [PersonalField; 1] = [PersonalField::new(
            "customer.created",
            "contacts",
            Whose::Each {
                id: "id",
                of: ListOf::Stream,
            },
            StandIn::NoItems,
        )];
        let places = places(&PEOPLE, "customer.created");
        let read = |data: &str| {
            unmark(data, &places)
                .map(Cow::into_owned)
                .map_err(|error| error.to_string())
        };
        let (named, nameless) = (
            format!(r#"{{"id":"{CUSTOMER}","firstName":"Имя"}}"#),
            r#"{"firstName":"A"}"#,
        );
        let list = |items: &[&str]| format!(r#"{{"contacts":[{}]}}"#, items.join(","));
        let both = list(&[&named, nameless]);
        let within = |item: &str| format!(r#""$value":{}"#, of(STREAM, &format!(r#""$value":{item}"#)));
        let expected = list(&[&of(CUSTOMER, &within(&named)), &of(STREAM, &within(nameless))]);
        assert_eq!(mark(&both, &places, STREAM).unwrap(), expected);
        assert_eq!(read(&expected), Ok(both.clone()));

        let erased = r#""$erased":true"#;
        let alone = list(&[&of(CUSTOMER, erased), &of(STREAM, &within(nameless))]);
        assert_eq!(read(&alone), Ok(list(&[nameless])), "one of them");
        let with_the_stream = of(CUSTOMER, &format!(r#""$value":{}"#, of(STREAM, erased)));
        assert_eq!(read(&list(&[&with_the_stream])), Ok(list(&[])), "all with the stream");
        let before = format!(r#"{{"contacts":{}}}"#, of(STREAM, &format!(r#""$value":[{named}]"#)));
        assert_eq!(read(&before), Ok(list(&[&named])), "the whole list was the stream's");
        let before = format!(r#"{{"contacts":{}}}"#, of(STREAM, erased));
        assert_eq!(read(&before), Ok(list(&[])));
        let sealed = list(&[&of(CUSTOMER, r#""$sealed":"AQ==""#)]);
        assert!(read(&sealed).is_err_and(|error| error.contains("still sealed")));
    }

    #[test]
    fn a_list_may_be_of_whom_is_named_beside_it() {
        static GIVEN: [PersonalField; 1] = [PersonalField::new(
            "customer.absorbed",
            "contacts",
            Whose::Each {
                id: "id",
                of: ListOf::Beside("other"),
            },
            StandIn::NoItems,
        )];
        let places = places(&GIVEN, "customer.absorbed");
        let (contact, other) = (Uuid::from_u128(9), CUSTOMER);
        let item = format!(r#"{{"id":"{contact}","firstName":"Имя"}}"#);
        let data = format!(r#"{{"other":"{other}","contacts":[{item}]}}"#);
        let within = of(other, &format!(r#""$value":{item}"#));
        let both = of(contact, &format!(r#""$value":{within}"#));
        let marked = mark(&data, &places, STREAM).unwrap();
        assert_eq!(marked, data.replace(&item, &both));
        assert_eq!(unmark(&marked, &places).unwrap(), data);
    }

    #[test]
    fn what_is_still_sealed_is_an_error() {
        let sealed = format!(r#"{{"customerName":{}}}"#, of(STREAM, r#""$sealed":"AQ==""#));
        let error = unmark(&sealed, &places(&FIELDS, "deal.created")).unwrap_err();
        assert!(error.to_string().contains("still sealed"), "{error}");
    }
}
