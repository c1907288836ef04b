//! A product: what it is, what it costs, how it is coded. Its quantity is `stock`'s business, its making `bom`'s.

use crate::{
    Aggregate, Change, Changes, Check, Choice, Claim, Event, Fields, Money, Percent, Permission, Quantity, Rejection,
    Rule, Upcaster, Violations, finance::Currency, id::ProductId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most keys `specifications` may hold.
const SPECIFICATIONS_MAX: usize = 100;
/// How deep `specifications` may nest: readers of JSON give up at 128, and the event wraps it.
const DEPTH_MAX: usize = 110;
/// How long `specifications` may be: a page of a hundred products stays within two megabytes.
const BYTES_MAX: usize = 16_384;
const UNIT_DEFAULT: &str = "шт";

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProductCommand {
    Create(Box<Details>),
    Update(Box<Change>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("x-extensible" = true))]
pub enum ProductType {
    #[default]
    Product,
    Material,
    Service,
    Manufactured,
    Bundle,
    Digital,
}

impl ProductType {
    /// Whether there can be any of it on a shelf.
    pub fn is_stocked(self) -> bool {
        match self {
            Self::Product | Self::Material | Self::Manufactured => true,
            Self::Service | Self::Bundle | Self::Digital => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    #[default]
    Active,
    Inactive,
    Discontinued,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Unique in the workspace.
    #[field(required, max = 50)]
    pub code: String,
    #[field(required, max = 200)]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ProductType,
    pub status: Status,
    #[field(max = 100)]
    pub category: Option<String>,
    #[field(max = 5_000)]
    pub description: Option<String>,
    /// `шт` when none is named.
    #[field(required, filled, max = 20)]
    pub unit: String,
    #[field(not_negative)]
    pub price: Money,
    #[field(not_negative)]
    pub cost: Option<Money>,
    #[field(currency)]
    pub currency: Currency,
    /// The product's own rate; absent, the law's rate of the day.
    #[field(range(0, 100))]
    pub vat_rate: Option<Percent>,
    /// Whether `price` carries the tax inside.
    pub vat_included: bool,
    /// Unique in the workspace.
    #[field(max = 50)]
    pub barcode: Option<String>,
    #[field(not_negative)]
    pub min_stock: Option<Quantity>,
    #[field(not_negative)]
    pub max_stock: Option<Quantity>,
    pub specifications: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProductEvent {
    #[serde(rename = "product.created")]
    Created(Box<Details>),
    #[serde(rename = "product.updated")]
    Updated(Box<Change>),
}

impl Event for ProductEvent {
    /// Since 2, null empties a field.
    const UPCASTERS: &'static [Upcaster] = &[Upcaster::null_was_absent("product.updated", 1)];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ProductRejection {
    #[error("no such product")]
    #[rejection(Missing, "product.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "product.already_created")]
    AlreadyCreated,
    #[error(transparent)]
    #[rejection(Invalid, "product.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Product {
    const NAME: &'static str = "product";
    type Id = ProductId;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = ProductRejection;
    const CLAIMS: &'static [&'static str] = &["product.code", "product.barcode"];

    fn permission(command: &ProductCommand) -> Permission {
        match command {
            ProductCommand::Create(_) => Permission::ProductsCreate,
            ProductCommand::Update(_) => Permission::ProductsUpdate,
        }
    }

    fn decide(&self, command: &ProductCommand) -> Result<Vec<ProductEvent>, ProductRejection> {
        use ProductCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.verified()?;
                Ok(vec![ProductEvent::Created(details.clone())])
            }
            (Self::Unknown, C::Update(_)) => Err(ProductRejection::Missing),
            (Self::Known(_), C::Create(_)) => Err(ProductRejection::AlreadyCreated),
            (Self::Known(details), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.verified()?;
                details.keeps_its_prices(change)?;
                let changed = after != **details;
                Ok(changed
                    .then(|| ProductEvent::Updated(change.clone()))
                    .into_iter()
                    .collect())
            }
        }
    }

    fn evolve(self, event: &ProductEvent) -> Self {
        match (self, event) {
            (_, ProductEvent::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), ProductEvent::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (Self::Unknown, ProductEvent::Updated(_)) => Self::Unknown,
        }
    }

    fn claims(&self, event: &ProductEvent) -> Vec<Claim> {
        let (code, barcode) = match self {
            Self::Known(details) => (Some(details.code.as_str()), details.barcode.as_deref()),
            Self::Unknown => (None, None),
        };
        let (new_code, new_barcode) = match event {
            ProductEvent::Created(details) => (Some(details.code.as_str()), details.barcode.as_deref()),
            ProductEvent::Updated(change) => (
                change.code.as_set().map(String::as_str).or(code),
                change.barcode.as_set().map_or(barcode, Option::as_deref),
            ),
        };
        let mut claims = Claim::moved("product.code", code, new_code);
        claims.extend(Claim::moved("product.barcode", barcode, new_barcode));
        claims
    }
}

impl Details {
    /// A new product: what was named, the rest as usual.
    pub fn new(change: &Change) -> Self {
        let mut details = Self::begin(change);
        if change.unit.is_keep() {
            details.unit = UNIT_DEFAULT.to_owned();
        }
        details
    }

    /// A price that stays would be taken for one of the new currency.
    fn keeps_its_prices(&self, change: &Change) -> Result<(), Violations> {
        let another = change
            .currency
            .as_set()
            .is_some_and(|currency| *currency != self.currency);
        let price_stays = change.price.is_keep() && !self.price.is_zero();
        let cost_stays = change.cost.is_keep() && self.cost.is_some_and(|cost| !cost.is_zero());
        let mut check = Check::default();
        check.that(
            !(another && (price_stays || cost_stays)),
            "currency",
            Rule::OtherCurrency,
        );
        check.done()
    }

    fn verified(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        let max = SPECIFICATIONS_MAX;
        check.that(
            self.specifications.len() <= max,
            "specifications",
            Rule::TooMany { max },
        );
        let depth = self.specifications.values().map(depth).max().unwrap_or(0);
        check.that(depth <= DEPTH_MAX, "specifications", Rule::TooDeep { max: DEPTH_MAX });
        let bytes = self
            .specifications
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum::<usize>();
        check.that(bytes <= BYTES_MAX, "specifications", Rule::TooLong { max: BYTES_MAX });
        check.done()
    }
}

/// How deep a value is nested; a plain one is 1.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => None,
    };
    inner.unwrap_or(0) + 1
}

/// About as many bytes as the value has in JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(name, value)| name.len() + size(value) + 4)
                .sum::<usize>()
                + 2
        }
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Product {
    #[default]
    Unknown,
    Known(Box<Details>),
}

impl Product {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests;
