//! A product: what it is, what it costs, how it is coded. Its quantity is `stock`'s business, its making `bom`'s.

use crate::change::set;
use crate::{
    Aggregate, Check, Claim, Event, Kind, Money, Percent, Permission, Quantity, Rejection, Rule, Violation, Violations,
    id::ProductId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most keys `specifications` may hold.
const SPECIFICATIONS_MAX: usize = 100;
/// How deep `specifications` may nest: readers of JSON give up at 128, and the event wraps it.
const DEPTH_MAX: usize = 110;

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProductCommand {
    Create(Box<Details>),
    Update(Box<Change>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    #[default]
    Active,
    Inactive,
    Discontinued,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Unique in the workspace.
    pub code: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ProductType,
    pub status: Status,
    pub category: Option<String>,
    pub description: Option<String>,
    pub unit: String,
    pub price: Money,
    pub cost: Option<Money>,
    pub currency: String,
    /// The product's own rate; absent, the law's rate of the day.
    pub vat_rate: Option<Percent>,
    /// Whether `price` carries the tax inside.
    pub vat_included: bool,
    /// Unique in the workspace.
    pub barcode: Option<String>,
    pub min_stock: Option<Quantity>,
    pub max_stock: Option<Quantity>,
    pub specifications: Map<String, Value>,
}

/// The fields an update names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_rate: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_included: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_stock: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_stock: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specifications: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProductEvent {
    #[serde(rename = "product.created")]
    Created(Box<Details>),
    #[serde(rename = "product.updated")]
    Updated(Box<Change>),
}

impl Event for ProductEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProductRejection {
    #[error("no such product")]
    Missing,
    #[error("already created")]
    AlreadyCreated,
    #[error(transparent)]
    Invalid(#[from] Violations),
}

impl Rejection for ProductRejection {
    fn kind(&self) -> Kind {
        match self {
            Self::Missing => Kind::Missing,
            Self::AlreadyCreated => Kind::Exists,
            Self::Invalid(_) => Kind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "product.missing",
            Self::AlreadyCreated => "product.already_created",
            Self::Invalid(_) => "product.invalid",
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations.as_slice(),
            Self::Missing | Self::AlreadyCreated => &[],
        }
    }
}

// Rules

impl Aggregate for Product {
    const NAME: &'static str = "product";
    type Id = ProductId;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = ProductRejection;

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
                details.check()?;
                Ok(vec![ProductEvent::Created(details.clone())])
            }
            (Self::Unknown, C::Update(_)) => Err(ProductRejection::Missing),
            (Self::Known(_), C::Create(_)) => Err(ProductRejection::AlreadyCreated),
            (Self::Known(details), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.check()?;
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
            ProductEvent::Updated(change) => (change.code.as_deref().or(code), change.barcode.as_deref().or(barcode)),
        };
        let mut claims = Claim::moved("product.code", code, new_code);
        claims.extend(Claim::moved("product.barcode", barcode, new_barcode));
        claims
    }
}

impl Details {
    fn check(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        check.text("code", &self.code, 50);
        check.text("name", &self.name, 200);
        check.text("unit", &self.unit, 20);
        check.optional_text("category", self.category.as_ref(), 100);
        check.optional_text("description", self.description.as_ref(), 5_000);
        check.optional_text("barcode", self.barcode.as_ref(), 50);
        check.not_negative("price", self.price);
        check.not_negative("cost", self.cost.unwrap_or_default());
        check.currency("currency", &self.currency);
        check.percent("vatRate", self.vat_rate.unwrap_or_default());
        for (field, quantity) in [("minStock", self.min_stock), ("maxStock", self.max_stock)] {
            check.that(!quantity.unwrap_or_default().is_negative(), field, Rule::Negative);
        }
        check.that(
            self.specifications.len() <= SPECIFICATIONS_MAX,
            "specifications",
            Rule::TooMany {
                max: SPECIFICATIONS_MAX,
            },
        );
        let depth = self.specifications.values().map(depth).max().unwrap_or(0);
        check.that(depth <= DEPTH_MAX, "specifications", Rule::TooDeep { max: DEPTH_MAX });
        check.done()
    }

    pub fn apply(&mut self, change: &Change) {
        let Change {
            code,
            name,
            status,
            category,
            description,
            unit,
            price,
            cost,
            vat_rate,
            vat_included,
            barcode,
            min_stock,
            max_stock,
            specifications,
        } = change.clone();
        set(&mut self.code, code);
        set(&mut self.name, name);
        set(&mut self.status, status);
        set(&mut self.unit, unit);
        set(&mut self.price, price);
        set(&mut self.vat_included, vat_included);
        set(&mut self.specifications, specifications);
        self.category = category.or_else(|| self.category.take());
        self.description = description.or_else(|| self.description.take());
        self.barcode = barcode.or_else(|| self.barcode.take());
        self.cost = cost.or(self.cost);
        self.vat_rate = vat_rate.or(self.vat_rate);
        self.min_stock = min_stock.or(self.min_stock);
        self.max_stock = max_stock.or(self.max_stock);
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
mod tests {
    use super::*;
    use crate::testing::given;

    fn details() -> Details {
        Details {
            code: "PRD-001".into(),
            name: "Ноутбук".into(),
            unit: "шт".into(),
            currency: "KZT".into(),
            ..Details::default()
        }
    }

    #[test]
    fn a_new_code_gives_the_old_one_back() {
        let product = Product::Known(Box::new(details()));
        let change = Change {
            code: Some("PRD-002".into()),
            ..Change::default()
        };
        let claims = product.claims(&ProductEvent::Updated(Box::new(change)));
        assert_eq!(
            claims,
            [
                Claim::release("product.code", "PRD-001"),
                Claim::take("product.code", "PRD-002")
            ]
        );
    }

    #[test]
    fn a_negative_price_is_refused_by_name() {
        let change = Change {
            price: Some(Money::whole(-1)),
            ..Change::default()
        };
        let refused = ProductRejection::Invalid(Violations::one("price", Rule::Negative));
        given::<Product>([ProductEvent::Created(Box::new(details()))])
            .when(ProductCommand::Update(Box::new(change)))
            .then_rejected(refused);
    }
}
