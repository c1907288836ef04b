//! A product: what it is, what it costs, how it is coded. Its quantity is `stock`'s business, its making `bom`'s.
//! Deleting archives: its history stays, its codes are free for others.

mod details;

pub use details::{BundlePart, Change, Details, Image, LISTED_MAX, Language, Packing, Supplier, Translation};

use crate::{
    Aggregate, Changes, Choice, Claim, Event, Permission, Quantity, Rejection, Upcaster, Violations, id::ProductId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProductCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum ProductEvent {
    #[serde(rename = "product.created")]
    Created(Box<Details>),
    #[serde(rename = "product.updated")]
    Updated(Box<Change>),
    #[serde(rename = "product.archived")]
    Archived {},
}

impl Event for ProductEvent {
    /// Since 2, null empties a field of `product.updated`; since 2, what a product has in lists is in `product.created`.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("product.created", 1),
        Upcaster::null_was_absent("product.updated", 1),
    ];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum ProductRejection {
    #[error("no such product")]
    #[rejection(Missing, "product.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "product.already_created")]
    AlreadyCreated,
    #[error("{on_hand} are still in stock")]
    #[rejection(Conflict, "product.in_stock")]
    InStock { on_hand: Quantity },
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
            ProductCommand::Archive => Permission::ProductsDelete,
        }
    }

    fn decide(&self, command: &ProductCommand) -> Result<Vec<ProductEvent>, ProductRejection> {
        use ProductCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.verified()?;
                Ok(vec![ProductEvent::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived, C::Update(_) | C::Archive) => Err(ProductRejection::Missing),
            (Self::Known(_) | Self::Archived, C::Create(_)) => Err(ProductRejection::AlreadyCreated),
            (Self::Known(_), C::Archive) => Ok(vec![ProductEvent::Archived {}]),
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
            (unknown @ (Self::Unknown | Self::Archived), ProductEvent::Updated(_)) => unknown,
            (_, ProductEvent::Archived {}) => Self::Archived,
        }
    }

    fn claims(&self, event: &ProductEvent) -> Vec<Claim> {
        let after = self.clone().evolve(event);
        let code = |product: &Self| product.details().map(|details| details.code.clone());
        let mut claims = Claim::moved("product.code", code(self).as_deref(), code(&after).as_deref());
        let (before, after) = (self.barcodes(), after.barcodes());
        let gone = before.iter().filter(|barcode| !after.contains(barcode));
        claims.extend(gone.map(|barcode| Claim::release("product.barcode", *barcode)));
        let new = after.iter().filter(|barcode| !before.contains(barcode));
        claims.extend(new.map(|barcode| Claim::take("product.barcode", *barcode)));
        claims
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Product {
    #[default]
    Unknown,
    Known(Box<Details>),
    Archived,
}

impl Product {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) => Some(details),
            Self::Unknown | Self::Archived => None,
        }
    }

    fn barcodes(&self) -> Vec<&str> {
        self.details().into_iter().flat_map(Details::codes).collect()
    }
}

#[cfg(test)]
mod tests;
