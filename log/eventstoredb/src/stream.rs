//! Streams by the names that clients give them: `$all`, `deal-{id}`, and the two that are made of many, `$ce-deal` (a category)
//! and `$et-deal.won` (a type).

use crate::house::{EXTERNAL, Shown};
use log::Recorded;
use uuid::Uuid;

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The whole log.
    All,
    /// One stream.
    One { category: String, id: Uuid },
    /// All streams of a category, in the order of the log.
    Category(String),
    /// All events of a type, in the order of the log.
    Type(String),
    /// There can be no stream of that name.
    Nothing,
}

/// It belongs to the server's own affairs, which this one keeps elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotServed;

impl Source {
    /// Of a stream's name; `external` knows the ids of those that outside systems have named.
    pub fn named(name: &str, external: impl Fn(&str) -> Uuid) -> Result<Self, NotServed> {
        if let Some(category) = name.strip_prefix("$ce-") {
            return Ok(Self::Category(category.to_owned()));
        }
        if let Some(event_type) = name.strip_prefix("$et-") {
            return Ok(Self::Type(event_type.to_owned()));
        }
        if name.starts_with('$') {
            return Err(NotServed);
        }
        let Some((category, id)) = name.split_once('-') else {
            return Ok(Self::Nothing);
        };
        if category == EXTERNAL {
            return Ok(Self::One {
                category: category.to_owned(),
                id: external(name),
            });
        }
        // One stream has one name, and an id has many spellings.
        Ok(match Uuid::try_parse(id) {
            Ok(read) if read.to_string() == id => Self::One {
                category: category.to_owned(),
                id: read,
            },
            _ => Self::Nothing,
        })
    }

    /// Whether its revisions are the log's positions.
    pub fn is_of_many(&self) -> bool {
        matches!(self, Self::Category(_) | Self::Type(_))
    }

    /// Of an event that was read for it; [`Self::shows`] has the last word.
    pub fn holds(&self, event: &Recorded) -> bool {
        match self {
            Self::All => true,
            Self::One { category, id } => event.category == *category && event.stream_id == *id,
            Self::Category(category) => event.category == *category,
            Self::Type(event_type) => event.event_type == *event_type || event.category == EXTERNAL,
            Self::Nothing => false,
        }
    }

    /// Of an event as it is shown: what outside systems appended shows under their own types.
    pub fn shows(&self, event: &Shown) -> bool {
        match self {
            Self::Type(event_type) => event.event_type == *event_type,
            _ => true,
        }
    }

    /// Where an event stands in it, as the log counts: from 1.
    pub fn place(&self, event: &Recorded) -> i64 {
        match self {
            Self::One { .. } => event.version,
            _ => event.position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_streams() {
        let id = Uuid::from_u128(7);
        let one = Source::One {
            category: "price_list".to_owned(),
            id,
        };
        let cases = [
            (format!("price_list-{id}"), Ok(one)),
            (format!("price_list-{}", id.simple()), Ok(Source::Nothing)),
            ("price_list-7".to_owned(), Ok(Source::Nothing)),
            ("deal".to_owned(), Ok(Source::Nothing)),
            (String::new(), Ok(Source::Nothing)),
            (
                format!("external-{id}"),
                Ok(Source::One {
                    category: "external".to_owned(),
                    id: Uuid::nil(),
                }),
            ),
            ("$ce-deal".to_owned(), Ok(Source::Category("deal".to_owned()))),
            ("$et-deal.won".to_owned(), Ok(Source::Type("deal.won".to_owned()))),
            (format!("$$price_list-{id}"), Err(NotServed)),
            ("$streams".to_owned(), Err(NotServed)),
        ];
        for (name, source) in cases {
            assert_eq!(Source::named(&name, |_| Uuid::nil()), source, "{name}");
        }
    }
}
