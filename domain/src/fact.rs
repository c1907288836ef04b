//! Every event there is, as one type: what readers of a whole log (projections, sagas) match on. One line a module.

use crate::{
    Aggregate,
    catalog::{product, stock},
    finance::invoice,
    identity::{organization, user, workspace},
    office::notification,
    process,
    production::{bom, production_order},
    sales::{customer, deal, order},
};
use serde::de::DeserializeOwned;

/// An event with the aggregate it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    User(user::UserEvent),
    Organization(organization::OrganizationEvent),
    Workspace(workspace::WorkspaceEvent),
    Customer(customer::CustomerEvent),
    Deal(deal::DealEvent),
    Order(order::OrderEvent),
    Product(product::ProductEvent),
    Stock(stock::StockEvent),
    Bom(bom::BomEvent),
    ProductionOrder(production_order::ProductionOrderEvent),
    Invoice(invoice::InvoiceEvent),
    Notification(notification::NotificationEvent),
    Process(process::ProcessEvent),
}

/// A stored event this version cannot read: the reader stops rather than skip it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("unknown category {0}")]
    UnknownCategory(String),
    #[error("{event_type}: {source}")]
    Unreadable {
        event_type: String,
        source: serde_json::Error,
    },
}

impl Fact {
    /// From the stored category, type and data.
    pub fn decode(category: &str, event_type: &str, data: &str) -> Result<Self, DecodeError> {
        Ok(match category {
            user::User::NAME => Self::User(decode(event_type, data)?),
            organization::Organization::NAME => Self::Organization(decode(event_type, data)?),
            workspace::Workspace::NAME => Self::Workspace(decode(event_type, data)?),
            customer::Customer::NAME => Self::Customer(decode(event_type, data)?),
            deal::Deal::NAME => Self::Deal(decode(event_type, data)?),
            order::Order::NAME => Self::Order(decode(event_type, data)?),
            product::Product::NAME => Self::Product(decode(event_type, data)?),
            stock::Stock::NAME => Self::Stock(decode(event_type, data)?),
            bom::Bom::NAME => Self::Bom(decode(event_type, data)?),
            production_order::ProductionOrder::NAME => Self::ProductionOrder(decode(event_type, data)?),
            invoice::Invoice::NAME => Self::Invoice(decode(event_type, data)?),
            notification::Notification::NAME => Self::Notification(decode(event_type, data)?),
            process::Process::NAME => Self::Process(decode(event_type, data)?),
            other => return Err(DecodeError::UnknownCategory(other.to_owned())),
        })
    }
}

/// One event from its stored type and data.
pub fn decode<E: DeserializeOwned>(event_type: &str, data: &str) -> Result<E, DecodeError> {
    // The stored halves of `#[serde(tag = "type", content = "data")]`, put together again; a type never needs escaping.
    let whole = format!(r#"{{"type":"{event_type}","data":{data}}}"#);
    serde_json::from_str(&whole).map_err(|source| DecodeError::Unreadable {
        event_type: event_type.to_owned(),
        source,
    })
}

/// The stored type and data of one event.
pub fn encode<E: serde::Serialize>(event: &E) -> Result<(String, String), serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Halves<'a> {
        #[serde(rename = "type")]
        event_type: String,
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    let whole = serde_json::to_string(event)?;
    let halves: Halves = serde_json::from_str(&whole)?;
    Ok((halves.event_type, halves.data.get().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_from_its_stored_halves() {
        let event = customer::CustomerEvent::Archived {};
        let (event_type, data) = encode(&event).unwrap();
        assert_eq!((event_type.as_str(), data.as_str()), ("customer.archived", "{}"));
        assert_eq!(
            Fact::decode("customer", &event_type, &data).unwrap(),
            Fact::Customer(event)
        );
    }

    #[derive(serde::Deserialize)]
    struct Sample {
        category: String,
        #[serde(rename = "type")]
        event_type: String,
        schema: u32,
        data: serde_json::Value,
    }

    fn samples() -> Vec<Sample> {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples")).unwrap();
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap()
        };
        files.map(read).collect()
    }

    /// A sample of every version ever shipped stays in `samples/` and must load forever.
    #[test]
    fn every_sample_ever_stored_still_loads_and_is_stored_the_same() {
        for sample in samples() {
            let fact = Fact::decode(&sample.category, &sample.event_type, &sample.data.to_string()).unwrap();
            if sample.schema == 1 {
                let (event_type, data) = reencode(&fact);
                assert_eq!(event_type, sample.event_type);
                assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&data).unwrap(),
                    sample.data,
                    "{event_type}"
                );
            }
        }
    }

    #[test]
    fn every_event_type_has_a_sample() {
        let known: Vec<String> = samples().into_iter().map(|sample| sample.event_type).collect();
        for event_type in event_types(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
            assert!(known.contains(&event_type), "samples/{event_type}.v1.json is missing");
        }
    }

    /// The dotted names in the sources' `#[serde(rename = "…")]`.
    fn event_types(folder: &std::path::Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let of = |path: std::path::PathBuf| {
            if path.is_dir() {
                return event_types(&path);
            }
            let source = std::fs::read_to_string(path).unwrap();
            let names = source
                .split("#[serde(rename = \"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            names
                .filter(|name| name.contains('.') && *name != "…")
                .map(str::to_owned)
                .collect()
        };
        entries.flat_map(of).collect()
    }

    fn reencode(fact: &Fact) -> (String, String) {
        match fact {
            Fact::User(event) => encode(event),
            Fact::Organization(event) => encode(event),
            Fact::Workspace(event) => encode(event),
            Fact::Customer(event) => encode(event),
            Fact::Deal(event) => encode(event),
            Fact::Order(event) => encode(event),
            Fact::Product(event) => encode(event),
            Fact::Stock(event) => encode(event),
            Fact::Bom(event) => encode(event),
            Fact::ProductionOrder(event) => encode(event),
            Fact::Invoice(event) => encode(event),
            Fact::Notification(event) => encode(event),
            Fact::Process(event) => encode(event),
        }
        .unwrap()
    }

    #[test]
    fn what_is_unknown_is_an_error_and_never_skipped() {
        assert!(matches!(
            Fact::decode("spaceship", "spaceship.flown", "{}"),
            Err(DecodeError::UnknownCategory(_))
        ));
        assert!(matches!(
            Fact::decode("deal", "deal.painted", "{}"),
            Err(DecodeError::Unreadable { .. })
        ));
    }
}
