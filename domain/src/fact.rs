//! Every event there is, as one type: what readers of a whole log (projections, sagas) match on. One line a module.

use crate::{
    Aggregate, Claim, Event, Numbering, PersonalField, Rejection,
    catalog::{category, price, price_list, product, stock, stock_policy, warehouse},
    external,
    finance::{exchange_rate, invoice},
    halves,
    identity::{api_key, organization, person, user, workspace},
    office::{custom_field, notification, requirement},
    people::{department, employee},
    personal::fields,
    process,
    production::{bom, production_order},
    sales::{activity, credit, customer, deal, interaction, order, pipeline},
    schema::{self, EventType},
    upcast::{self, UpcastError, Upcaster},
};
use std::{any::Any, borrow::Cow};
use uuid::Uuid;

/// An event with the aggregate it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    User(user::UserEvent),
    Organization(organization::OrganizationEvent),
    Workspace(workspace::WorkspaceEvent),
    ApiKey(api_key::ApiKeyEvent),
    Customer(customer::CustomerEvent),
    Interaction(interaction::InteractionEvent),
    Deal(deal::DealEvent),
    Activity(activity::ActivityEvent),
    Pipeline(pipeline::PipelineEvent),
    CustomField(custom_field::CustomFieldEvent),
    Requirement(requirement::RequirementEvent),
    Order(order::OrderEvent),
    Credit(credit::CreditEvent),
    Category(category::CategoryEvent),
    PriceList(price_list::PriceListEvent),
    Price(price::PriceEvent),
    Product(product::ProductEvent),
    Warehouse(warehouse::WarehouseEvent),
    Stock(stock::StockEvent),
    StockPolicy(stock_policy::StockPolicyEvent),
    Bom(bom::BomEvent),
    ProductionOrder(production_order::ProductionOrderEvent),
    Invoice(invoice::InvoiceEvent),
    ExchangeRate(exchange_rate::ExchangeRateEvent),
    Notification(notification::NotificationEvent),
    Department(department::DepartmentEvent),
    Employee(employee::EmployeeEvent),
    Process(process::ProcessEvent),
    Person(person::PersonEvent),
    External(external::ExternalEvent),
}

/// The same list once more, for what is asked of all of them.
pub static CATEGORIES: [&dyn Category; 30] = [
    &Of::<user::User>(Fact::User),
    &Of::<organization::Organization>(Fact::Organization),
    &Of::<workspace::Workspace>(Fact::Workspace),
    &Of::<api_key::ApiKey>(Fact::ApiKey),
    &Of::<customer::Customer>(Fact::Customer),
    &Of::<interaction::Interaction>(Fact::Interaction),
    &Of::<deal::Deal>(Fact::Deal),
    &Of::<activity::Activity>(Fact::Activity),
    &Of::<pipeline::Pipeline>(Fact::Pipeline),
    &Of::<custom_field::CustomField>(Fact::CustomField),
    &Of::<requirement::Requirement>(Fact::Requirement),
    &Of::<order::Order>(Fact::Order),
    &Of::<credit::Credit>(Fact::Credit),
    &Of::<category::Category>(Fact::Category),
    &Of::<price_list::PriceList>(Fact::PriceList),
    &Of::<price::Prices>(Fact::Price),
    &Of::<product::Product>(Fact::Product),
    &Of::<warehouse::Warehouse>(Fact::Warehouse),
    &Of::<stock::Stock>(Fact::Stock),
    &Of::<stock_policy::StockPolicy>(Fact::StockPolicy),
    &Of::<bom::Bom>(Fact::Bom),
    &Of::<production_order::ProductionOrder>(Fact::ProductionOrder),
    &Of::<invoice::Invoice>(Fact::Invoice),
    &Of::<exchange_rate::ExchangeRate>(Fact::ExchangeRate),
    &Of::<notification::Notification>(Fact::Notification),
    &Of::<department::Department>(Fact::Department),
    &Of::<employee::Employee>(Fact::Employee),
    &Of::<process::Process>(Fact::Process),
    &Of::<person::Person>(Fact::Person),
    &Of::<external::External>(Fact::External),
];

/// The events of one aggregate, of whichever Rust type they are.
pub trait Category: Sync {
    /// The aggregate's name, stored with every event.
    fn name(&self) -> &'static str;

    /// The event, from what is stored of it.
    fn decode(&self, event_type: &str, schema: i32, data: &str) -> Result<Fact, DecodeError>;

    /// The event among all events; nothing, when it is of another category.
    fn fact(&self, event: &dyn Any) -> Option<Fact>;

    /// The event as it would be stored today, in the stream that nothing is the id of.
    fn restate(&self, event_type: &str, schema: i32, data: &str) -> Result<Stored, DecodeError>;

    /// The data with its personal values, which must be open, as plain ones.
    fn plain<'a>(&self, event_type: &str, data: &'a str) -> Result<Cow<'a, str>, DecodeError>;

    /// Which values of its events tell of a person.
    fn personal(&self) -> &'static [PersonalField];

    /// What an event of that type receives when it is appended.
    fn numbering(&self, event_type: &str) -> Option<Numbering>;

    /// What a stream's events make of unique keys, from its first event on; `None` where they claim nothing.
    fn claiming(&self) -> Option<Box<dyn Claiming>>;

    /// A state that nothing has happened to, to be folded from a stream's events.
    fn folding(&self) -> Box<dyn Folding>;

    /// What is stored in this category today.
    fn event_types(&self) -> Vec<EventType>;

    /// How what was stored earlier is read.
    fn upcasters(&self) -> &'static [Upcaster];

    /// The codes of its refusals.
    fn rejections(&self) -> &'static [&'static str];
}

/// One stream, read for the keys that its events take and give back.
pub trait Claiming: Send + Sync {
    /// Those of the next event.
    fn next(&mut self, event_type: &str, schema: i32, data: &str) -> Result<Vec<Claim>, DecodeError>;
}

/// One stream's state, as it is written down.
pub trait Folding: Send + Sync {
    /// The state that was written down there, in place of what was folded.
    fn go_on_from(&mut self, written: serde_json::Value) -> Result<(), DecodeError>;

    /// What the next event makes of it.
    fn take(&mut self, event_type: &str, schema: i32, data: &str) -> Result<(), DecodeError>;

    fn written(&self) -> Result<String, DecodeError>;
}

struct Stream<A>(A);

impl<A: Aggregate> Folding for Stream<A> {
    fn go_on_from(&mut self, written: serde_json::Value) -> Result<(), DecodeError> {
        self.0 = serde_json::from_value(written).map_err(unreadable(A::NAME))?;
        Ok(())
    }

    fn take(&mut self, event_type: &str, schema: i32, data: &str) -> Result<(), DecodeError> {
        let event = decode(event_type, schema, data)?;
        self.0 = std::mem::take(&mut self.0).evolve(&event);
        Ok(())
    }

    fn written(&self) -> Result<String, DecodeError> {
        serde_json::to_string(&self.0).map_err(unreadable(A::NAME))
    }
}

impl<A: Aggregate> Claiming for Stream<A> {
    fn next(&mut self, event_type: &str, schema: i32, data: &str) -> Result<Vec<Claim>, DecodeError> {
        let event = decode(event_type, schema, data)?;
        let claims = self.0.claims(&event);
        self.0 = std::mem::take(&mut self.0).evolve(&event);
        Ok(claims)
    }
}

struct Of<A: Aggregate>(fn(A::Event) -> Fact);

impl<A: Aggregate> Category for Of<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn decode(&self, event_type: &str, schema: i32, data: &str) -> Result<Fact, DecodeError> {
        decode(event_type, schema, data).map(self.0)
    }

    fn fact(&self, event: &dyn Any) -> Option<Fact> {
        event.downcast_ref::<A::Event>().cloned().map(self.0)
    }

    fn restate(&self, event_type: &str, schema: i32, data: &str) -> Result<Stored, DecodeError> {
        let event: A::Event = decode(event_type, schema, data)?;
        encode(&event, Uuid::nil()).map_err(unreadable(event_type))
    }

    fn plain<'a>(&self, event_type: &str, data: &'a str) -> Result<Cow<'a, str>, DecodeError> {
        plain::<A::Event>(event_type, data)
    }

    fn personal(&self) -> &'static [PersonalField] {
        A::Event::PERSONAL
    }

    fn numbering(&self, event_type: &str) -> Option<Numbering> {
        A::Event::numbering(event_type)
    }

    fn claiming(&self) -> Option<Box<dyn Claiming>> {
        (!A::CLAIMS.is_empty()).then(|| Box::new(Stream(A::default())) as Box<dyn Claiming>)
    }

    fn folding(&self) -> Box<dyn Folding> {
        Box::new(Stream(A::default()))
    }

    fn event_types(&self) -> Vec<EventType> {
        schema::event_types::<A>()
    }

    fn upcasters(&self) -> &'static [Upcaster] {
        A::Event::UPCASTERS
    }

    fn rejections(&self) -> &'static [&'static str] {
        A::Rejection::CODES
    }
}

/// The event among all events.
pub fn of<A: Aggregate>(event: &A::Event) -> Option<Fact> {
    category(A::NAME).ok()?.fact(event)
}

/// The category of that name.
pub fn category(name: &str) -> Result<&'static dyn Category, DecodeError> {
    let known = CATEGORIES.iter().find(|known| known.name() == name);
    known
        .copied()
        .ok_or_else(|| DecodeError::UnknownCategory(name.to_owned()))
}

/// A stored event this version cannot read: the reader stops rather than skip it or guess.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("unknown category {0}")]
    UnknownCategory(String),
    /// Above `known`, a newer version wrote it; below 1, nobody did.
    #[error("{event_type} has schema {schema}, this version reads 1 to {known}")]
    UnknownSchema {
        event_type: String,
        schema: i32,
        known: i32,
    },
    #[error("{event_type} of schema {schema} cannot be lifted to today's")]
    NotUpcast {
        event_type: String,
        schema: i32,
        source: UpcastError,
    },
    #[error("{event_type}: {source}")]
    Unreadable {
        event_type: String,
        source: serde_json::Error,
    },
}

impl Fact {
    /// From the stored category, type, schema number and data.
    pub fn decode(category: &str, event_type: &str, schema: i32, data: &str) -> Result<Self, DecodeError> {
        self::category(category)?.decode(event_type, schema, data)
    }
}

/// What is stored of an event itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub event_type: String,
    /// The number of the shape that `data` has.
    pub schema: i32,
    /// A JSON object.
    pub data: String,
}

/// One event from its stored type, schema number and data. Data of today's schema is read as it stands; only older data
/// is lifted, field by field. Personal values must have been opened.
pub fn decode<E: Event>(event_type: &str, schema: i32, data: &str) -> Result<E, DecodeError> {
    let known = upcast::current(E::UPCASTERS, event_type);
    let data = plain::<E>(event_type, data)?;
    if schema == known {
        return halves::join_text(event_type, &data).map_err(unreadable(event_type));
    }
    if !(1..known).contains(&schema) {
        return Err(DecodeError::UnknownSchema {
            event_type: event_type.to_owned(),
            schema,
            known,
        });
    }
    let data = serde_json::from_str(&data).map_err(unreadable(event_type))?;
    let data = upcast::upcast(E::UPCASTERS, event_type, schema, data).map_err(|source| DecodeError::NotUpcast {
        event_type: event_type.to_owned(),
        schema,
        source,
    })?;
    halves::join(event_type, serde_json::Value::Object(data)).map_err(unreadable(event_type))
}

/// What is to be stored of one event of that stream: what tells of a person is marked, for the log to seal.
pub fn encode<E: Event>(event: &E, stream: Uuid) -> Result<Stored, serde_json::Error> {
    let (event_type, mut data) = halves::split(event)?;
    let personal = fields::places(E::PERSONAL, &event_type);
    if !personal.is_empty() {
        data = fields::mark(&data, &personal, stream)?;
    }
    Ok(Stored {
        schema: upcast::current(E::UPCASTERS, &event_type),
        event_type,
        data,
    })
}

fn plain<'a, E: Event>(event_type: &str, data: &'a str) -> Result<Cow<'a, str>, DecodeError> {
    fields::unmark(data, &fields::places(E::PERSONAL, event_type)).map_err(unreadable(event_type))
}

fn unreadable(event_type: &str) -> impl FnOnce(serde_json::Error) -> DecodeError {
    |source| DecodeError::Unreadable {
        event_type: event_type.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_from_what_is_stored_of_it() {
        let event = customer::CustomerEvent::Archived {};
        let stored = encode(&event, Uuid::nil()).unwrap();
        let expected = Stored {
            event_type: "customer.archived".to_owned(),
            schema: 1,
            data: "{}".to_owned(),
        };
        assert_eq!(stored, expected);
        assert_eq!(
            Fact::decode("customer", &stored.event_type, stored.schema, &stored.data).unwrap(),
            Fact::Customer(event)
        );
    }

    #[test]
    fn what_is_unknown_is_an_error_and_never_skipped() {
        assert!(matches!(
            Fact::decode("spaceship", "spaceship.flown", 1, "{}"),
            Err(DecodeError::UnknownCategory(_))
        ));
        assert!(matches!(
            Fact::decode("deal", "deal.painted", 1, "{}"),
            Err(DecodeError::Unreadable { .. })
        ));
        for schema in [i32::MIN, -1, 0, 2, i32::MAX] {
            let refused = Fact::decode("customer", "customer.archived", schema, "{}");
            assert!(matches!(refused, Err(DecodeError::UnknownSchema { known: 1, .. })));
        }
    }

    #[test]
    fn what_stands_beside_the_data_is_not_taken_for_the_event() {
        for (event_type, data) in [
            ("customer.archived", r#"{},"x":{}"#),
            ("customer.archived", "{}}"),
            ("customer.archived", ""),
            (r#"customer.archived","x":""#, "{}"),
        ] {
            let refused = Fact::decode("customer", event_type, 1, data);
            assert!(
                matches!(refused, Err(DecodeError::Unreadable { .. })),
                "{event_type} {data}"
            );
        }
    }
}
