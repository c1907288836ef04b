//! What is known of a product: the one list of its fields, what stands in lists within it, and the checks that look at
//! several of them at once.

use super::{Images, ProductType, Status};
use crate::{
    Change, Changes, Check, Choice, Fields, Money, Percent, Quantity, Rule, Violations,
    catalog::stock::Tracking,
    finance::Currency,
    id::{CategoryId, ProductId, SupplierId},
    office::custom_field::Custom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most keys `specifications` may hold.
pub(super) const SPECIFICATIONS_MAX: usize = 100;
/// How deep `specifications` may nest: readers of JSON give up at 128, and the event wraps it.
pub(super) const DEPTH_MAX: usize = 110;
/// How long `specifications` may be: a page of a hundred products stays within two megabytes.
pub(super) const BYTES_MAX: usize = 16_384;
/// The most items that each of a product's lists may hold, for the same reason.
pub const LISTED_MAX: usize = 50;
const UNIT_DEFAULT: &str = "шт";

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
    /// A category of the tree, whose name is `category`.
    #[serde(default)]
    pub category_id: Option<CategoryId>,
    /// Further codes that a scanner may read of it, each unique in the workspace as `barcode` is.
    #[serde(default)]
    #[field(max = 50)]
    pub barcodes: Vec<String>,
    /// Other units it is counted in: a box of 12.
    #[serde(default)]
    pub units: Vec<Packing>,
    #[serde(default)]
    pub images: Images,
    #[serde(default)]
    pub suppliers: Vec<Supplier>,
    /// What it is called in other languages, each language once.
    #[serde(default)]
    pub translations: Vec<Translation>,
    /// What one of a bundle is made up of.
    #[serde(default)]
    pub parts: Vec<BundlePart>,
    /// How its pieces in stock are told apart; it is another only while nothing is there.
    #[serde(default)]
    pub tracking: Tracking,
    /// In the workspace's own fields.
    pub custom: Option<Custom>,
}

/// So many of another product are in one of the bundle.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct BundlePart {
    pub product_id: ProductId,
    #[field(positive)]
    pub quantity: Quantity,
}

/// So many of the product's own unit go into one of this unit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Packing {
    #[field(required, max = 20)]
    pub unit: String,
    #[field(positive)]
    pub factor: Quantity,
}

/// Who sells it to us, and on what terms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Supplier {
    #[serde(default)]
    pub supplier_id: Option<SupplierId>,
    #[field(required, max = 200)]
    pub supplier_name: String,
    /// Days from order to delivery.
    #[serde(default)]
    #[field(not_negative)]
    pub lead_time: Option<Quantity>,
    /// In the product's own unit.
    #[serde(default)]
    #[field(not_negative)]
    pub min_order_quantity: Option<Quantity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Kk,
    #[default]
    Ru,
    En,
}

/// The texts of a product in one language; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Translation {
    pub language: Language,
    #[serde(default)]
    #[field(max = 200)]
    pub name: Option<String>,
    #[serde(default)]
    #[field(max = 5_000)]
    pub description: Option<String>,
    #[serde(default)]
    #[field(max = 100)]
    pub category: Option<String>,
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
    pub(super) fn keeps_its_prices(&self, change: &Change) -> Result<(), Violations> {
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

    pub(super) fn verified(&self) -> Result<(), Violations> {
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
        self.lists_are_short(&mut check);
        self.names_each_once(&mut check);
        let has_parts = self.kind == ProductType::Bundle || self.parts.is_empty();
        check.that(has_parts, "parts", Rule::NotAllowed);
        let has_pieces = self.tracking == Tracking::None || self.kind.is_stocked();
        check.that(has_pieces, "tracking", Rule::NotAllowed);
        for (n, part) in self.parts.iter().enumerate() {
            let known = self.parts[..n].iter().any(|known| known.product_id == part.product_id);
            check.that(!known, format!("parts[{n}].productId"), Rule::NotUnique);
        }
        check.done()
    }

    fn lists_are_short(&self, check: &mut Check) {
        let max = LISTED_MAX;
        for (field, length) in [
            ("barcodes", self.barcodes.len()),
            ("units", self.units.len()),
            ("images", self.images.len()),
            ("suppliers", self.suppliers.len()),
            ("parts", self.parts.len()),
        ] {
            check.that(length <= max, field, Rule::TooMany { max });
        }
    }

    /// Nothing is said twice: a code, a unit, a language.
    fn names_each_once(&self, check: &mut Check) {
        let own = self.barcode.as_deref().filter(|code| !code.is_empty());
        let barcodes = self.barcodes.iter().map(String::as_str);
        each_once(own.as_slice(), barcodes, |n| format!("barcodes[{n}]"), check);
        let units = self.units.iter().map(|packing| packing.unit.as_str());
        each_once(&[&self.unit], units, |n| format!("units[{n}].unit"), check);
        let languages = self
            .translations
            .iter()
            .map(|translation| translation.language.as_str());
        each_once(&[], languages, |n| format!("translations[{n}].language"), check);
    }

    /// Every code that a scanner may read of it.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.barcode
            .as_deref()
            .into_iter()
            .chain(self.barcodes.iter().map(String::as_str))
    }

    /// How many of the product's own unit one of that unit is.
    pub fn factor(&self, unit: &str) -> Option<Quantity> {
        if unit == self.unit {
            return Some(Quantity::whole(1));
        }
        let known = self.units.iter().find(|packing| packing.unit == unit);
        known.map(|packing| packing.factor)
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
pub(super) fn size(value: &Value) -> usize {
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

/// Refuses every name that stands before it already, in the list or among the taken ones.
fn each_once<'a>(
    taken: &[&str],
    names: impl Iterator<Item = &'a str>,
    place: impl Fn(usize) -> String,
    check: &mut Check,
) {
    let mut known: Vec<&str> = Vec::new();
    for (n, name) in names.enumerate() {
        if taken.contains(&name) || known.contains(&name) {
            check.fail(place(n), Rule::NotUnique);
        }
        known.push(name);
    }
}
