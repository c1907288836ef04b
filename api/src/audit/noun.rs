//! Whose past can be told: one line a noun. What is told of it are its row's columns, so that a new field tells its before
//! and after by itself.

use super::fold::{Fold, Rows};
use domain::id::{BomId, PriceId, ProductId, StockId};
use projections::{
    ColumnKind, Rights, Table, camel_case, catalog, finance, office, people, platform, production, sales,
};
use schemars::{JsonSchema, schema_for};
use serde_json::Value;
use std::{collections::BTreeMap, marker::PhantomData, sync::LazyLock};
use uuid::Uuid;

/// A field that has a before and an after.
#[derive(Debug, Clone)]
pub struct Field {
    /// As clients spell it.
    pub name: String,
    /// As tables spell it: the key of its word is `field-{column}`.
    pub column: &'static str,
    /// Who may see it.
    pub rights: Rights,
    /// An amount in the thing's currency.
    pub is_money: bool,
    /// Values of the workspace's own fields, each of which has its before and after.
    pub is_own: bool,
}

/// A kind of thing whose past can be told.
pub trait Noun: Sync {
    /// Stored with its events.
    fn category(&self) -> &'static str;

    /// As paths and filters name it.
    fn resource(&self) -> &'static str;

    /// Where its rows are; `None`: nowhere.
    fn table(&self) -> Option<&'static str>;

    /// The field it is called by in sentences.
    fn called(&self) -> &'static str;

    fn fields(&self) -> Vec<Field>;

    /// Before its first event; `None`: its events tell all there is, and leave nothing to compare.
    fn begin(&self) -> Option<Box<dyn Fold>>;

    /// Whether what an event makes of its row depends on those before it.
    fn remembers(&self) -> bool {
        true
    }

    /// The stream of the thing with that id.
    fn stream(&self, id: Uuid) -> Uuid;
}

/// One line a category.
pub static NOUNS: [&dyn Noun; 30] = [
    &Of::<platform::User>::new("user", "users", "email"),
    &Of::<platform::Organization>::new("organization", "organizations", "name"),
    &Of::<platform::Workspace>::new("workspace", "workspaces", "name"),
    &Of::<platform::ApiKey>::new("api_key", "api-keys", "name"),
    &Of::<sales::customer::Row>::new("customer", "customers", "name").also(&["contacts", "archived"]),
    &Of::<sales::interaction::Row>::new("interaction", "interactions", "subject"),
    &Of::<sales::deal::Row>::new("deal", "deals", "dealNumber").also(&["documents"]),
    &Of::<sales::activity::Row>::new("activity", "activities", "subject"),
    &Of::<sales::pipeline::Row>::new("pipeline", "pipelines", "name"),
    &Of::<office::custom_field::Row>::new("custom_field", "custom-fields", "label").also(&["translations"]),
    &Plain("requirement", "requirements"),
    &Of::<sales::order::Row>::new("order", "orders", "orderNumber"),
    &Plain("credit", "credits"),
    &Of::<catalog::category::Row>::new("category", "categories", "name").also(&["archived"]),
    &Of::<catalog::price_list::Row>::new("price_list", "price-lists", "name").also(&["archived"]),
    &Of::<catalog::price::Row>::new("price", "prices", "productId").within(|id| PriceId::of(ProductId::new(id)).into()),
    &Of::<catalog::product::Row>::new("product", "products", "name").also(&["suppliers", "translations", "archived"]),
    &Of::<catalog::warehouse::Row>::new("warehouse", "warehouses", "name").also(&["archived"]),
    &Of::<catalog::stock_movement::Row>::new("stock", "stock", "productId")
        .each_alone()
        .within(|id| StockId::of(ProductId::new(id)).into()),
    &Plain("stock_policy", "stock-policies"),
    &Of::<production::bom::Row>::new("bom", "boms", "bomVersion").within(|id| BomId::of(ProductId::new(id)).into()),
    &Of::<production::production_order::Row>::new("production_order", "production-orders", "productionNumber"),
    &Of::<finance::invoice::Row>::new("invoice", "invoices", "invoiceNumber").also(&["state", "items"]),
    &Of::<finance::exchange_rate::Row>::new("exchange_rate", "exchange-rates", "currency"),
    &Of::<office::notification::Row>::new("notification", "notifications", "type")
        .also(&["role", "user_id", "read_by"]),
    &Of::<people::department::Row>::new("department", "departments", "name"),
    &Of::<people::employee::Row>::new("employee", "employees", "email"),
    &Plain("process", "processes"),
    &Plain("person", "people"),
    &Plain("external", "external-streams"),
];

/// The noun of a category; one that is not known here cannot be read either.
pub fn of_category(category: &str) -> Option<&'static dyn Noun> {
    NOUNS.iter().find(|noun| noun.category() == category).copied()
}

/// However it is called: `customers`, `customer`, `production_order`.
pub fn named(name: &str) -> Option<&'static dyn Noun> {
    let is = |noun: &&dyn Noun| [noun.resource(), noun.category()].contains(&name) || noun.table() == Some(name);
    NOUNS.iter().copied().find(is)
}

/// The fields of a category.
pub fn fields(category: &str) -> &'static [Field] {
    static FIELDS: LazyLock<BTreeMap<&'static str, Vec<Field>>> =
        LazyLock::new(|| NOUNS.iter().map(|noun| (noun.category(), noun.fields())).collect());
    FIELDS.get(category).map(Vec::as_slice).unwrap_or_default()
}

/// A noun that has a row.
struct Of<T> {
    category: &'static str,
    resource: &'static str,
    called: &'static str,
    /// Columns that lists do not show and a trail does.
    also: &'static [&'static str],
    /// Each event has a row of its own.
    each_alone: bool,
    stream: fn(Uuid) -> Uuid,
    row: PhantomData<fn() -> T>,
}

/// What changes with every event, or is told beside the changes.
const BESIDE: [&str; 4] = ["id", "version", "created_at", "updated_at"];

impl<T> Of<T> {
    const fn new(category: &'static str, resource: &'static str, called: &'static str) -> Self {
        Self {
            category,
            resource,
            called,
            also: &[],
            each_alone: false,
            stream: |id| id,
            row: PhantomData,
        }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn each_alone(self) -> Self {
        Self {
            each_alone: true,
            ..self
        }
    }

    const fn within(self, stream: fn(Uuid) -> Uuid) -> Self {
        Self { stream, ..self }
    }
}

impl<T: Table + JsonSchema> Noun for Of<T> {
    fn category(&self) -> &'static str {
        self.category
    }

    fn resource(&self) -> &'static str {
        self.resource
    }

    fn table(&self) -> Option<&'static str> {
        Some(T::NAME)
    }

    fn called(&self) -> &'static str {
        self.called
    }

    fn fields(&self) -> Vec<Field> {
        let schema = schema_for!(T).to_value();
        let columns = T::columns().into_iter().filter(|column| {
            let is_shown = column.kind != ColumnKind::Hidden || self.also.contains(&column.name);
            is_shown && !BESIDE.contains(&column.name)
        });
        let field = |column: projections::Column| {
            let name = camel_case(column.name);
            Field {
                is_money: is_money(&schema["properties"][&name]),
                is_own: column.kind == ColumnKind::Custom,
                column: column.name,
                rights: column.rights,
                name,
            }
        };
        columns.map(field).collect()
    }

    fn begin(&self) -> Option<Box<dyn Fold>> {
        Some(Box::new(Rows::<T>::default()))
    }

    fn remembers(&self) -> bool {
        !self.each_alone
    }

    fn stream(&self, id: Uuid) -> Uuid {
        (self.stream)(id)
    }
}

/// Whether the field's schema is an amount's, or an absent one's.
fn is_money(schema: &Value) -> bool {
    let one = |schema: &Value| {
        let named = schema["$ref"].as_str().and_then(|named| named.rsplit('/').next());
        matches!(named, Some("amount" | "total"))
    };
    one(schema) || schema["anyOf"].as_array().is_some_and(|any| any.iter().any(one))
}

/// A noun without a row.
struct Plain(&'static str, &'static str);

impl Noun for Plain {
    fn category(&self) -> &'static str {
        self.0
    }

    fn resource(&self) -> &'static str {
        self.1
    }

    fn table(&self) -> Option<&'static str> {
        None
    }

    fn called(&self) -> &'static str {
        ""
    }

    fn fields(&self) -> Vec<Field> {
        Vec::new()
    }

    fn begin(&self) -> Option<Box<dyn Fold>> {
        None
    }

    fn stream(&self, id: Uuid) -> Uuid {
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::fact::CATEGORIES;

    #[test]
    fn every_category_has_its_noun_and_no_other_has() {
        let told: Vec<_> = NOUNS.iter().map(|noun| noun.category()).collect();
        let known: Vec<_> = CATEGORIES.iter().map(|category| category.name()).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn amounts_are_known_and_what_is_kept_for_folding_is_not_told() {
        let money = |category| -> Vec<_> {
            let amounts = fields(category).iter().filter(|field| field.is_money);
            amounts.map(|field| field.name.as_str()).collect()
        };
        assert_eq!(money("deal"), ["finalAmount", "value"]);
        assert_eq!(money("product"), ["price", "cost"]);
        assert!(fields("product").iter().all(|field| field.name != "priceHistory"));
    }
}
