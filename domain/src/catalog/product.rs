//! A product: what it is, what it costs, how it is coded. Its quantity is `stock`'s business, its making `bom`'s.
//! Deleting archives: its history stays, its codes are free for others.

mod details;
mod image;

pub use details::{BundlePart, Change, Details, LISTED_MAX, Language, Packing, Supplier, Translation};
pub use image::{Image, ImageFile, ImageType, Images};

use crate::{
    Aggregate, Changes, Choice, Claim, Event, Fields, Permission, Quantity, Rejection, Upcaster, Violations,
    id::{ImageId, ProductId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Vocabulary

#[derive(Debug, Clone)]
pub enum ProductCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
    /// Its bytes are kept already.
    AddImage {
        file: Box<ImageFile>,
        is_primary: bool,
    },
    RemoveImage(ImageId),
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
    #[serde(rename = "product.image.added")]
    ImageAdded {
        is_primary: bool,
        #[serde(flatten)]
        file: Box<ImageFile>,
    },
    #[serde(rename = "product.image.removed")]
    ImageRemoved { image_id: ImageId, sha256: String },
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
    #[error("no such image")]
    #[rejection(Missing, "product.no_such_image")]
    NoSuchImage,
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
            ProductCommand::Update(_) | ProductCommand::AddImage { .. } | ProductCommand::RemoveImage(_) => {
                Permission::ProductsUpdate
            }
            ProductCommand::Archive => Permission::ProductsDelete,
        }
    }

    fn decide(&self, command: &ProductCommand) -> Result<Vec<ProductEvent>, ProductRejection> {
        use ProductCommand as C;
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.verified()?;
                details.images.refer_to(&[])?;
                Ok(vec![ProductEvent::Created(details.clone())])
            }
            (Self::Unknown | Self::Archived, C::Update(_) | C::Archive | C::AddImage { .. } | C::RemoveImage(_)) => {
                Err(ProductRejection::Missing)
            }
            (Self::Known(..) | Self::Archived, C::Create(_)) => Err(ProductRejection::AlreadyCreated),
            (Self::Known(..), C::Archive) => Ok(vec![ProductEvent::Archived {}]),
            (Self::Known(details, files), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.verified()?;
                after.images.refer_to(files)?;
                details.keeps_its_prices(change)?;
                let changed = after != **details;
                Ok(changed
                    .then(|| ProductEvent::Updated(change.clone()))
                    .into_iter()
                    .collect())
            }
            (Self::Known(_, files), C::AddImage { file, .. }) if is_among(files, file.image_id) => Ok(vec![]),
            (Self::Known(details, _), C::AddImage { file, is_primary }) => {
                file.checked()?;
                details.images.have_room()?;
                Ok(vec![ProductEvent::ImageAdded {
                    is_primary: *is_primary || !details.images.have_primary(),
                    file: file.clone(),
                }])
            }
            (Self::Known(_, files), C::RemoveImage(id)) => {
                let file = files.iter().find(|file| file.image_id == *id);
                let ImageFile { sha256, .. } = file.ok_or(ProductRejection::NoSuchImage)?;
                Ok(vec![ProductEvent::ImageRemoved {
                    image_id: *id,
                    sha256: sha256.clone(),
                }])
            }
        }
    }

    fn evolve(self, event: &ProductEvent) -> Self {
        use ProductEvent as E;
        match (self, event) {
            (_, E::Created(details)) => Self::Known(details.clone(), vec![]),
            (Self::Known(mut details, files), E::Updated(change)) => {
                details.apply(change);
                Self::Known(details, files)
            }
            (Self::Known(mut details, mut files), E::ImageAdded { is_primary, file }) => {
                details.images.add(file, *is_primary);
                files.push(file.as_ref().clone());
                Self::Known(details, files)
            }
            (Self::Known(mut details, mut files), E::ImageRemoved { image_id, .. }) => {
                details.images.remove(*image_id);
                files.retain(|file| file.image_id != *image_id);
                Self::Known(details, files)
            }
            (
                unknown @ (Self::Unknown | Self::Archived),
                E::Updated(_) | E::ImageAdded { .. } | E::ImageRemoved { .. },
            ) => unknown,
            (_, E::Archived {}) => Self::Archived,
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
    /// With the files that show it.
    Known(Box<Details>, Vec<ImageFile>),
    Archived,
}

impl Product {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details, _) => Some(details),
            Self::Unknown | Self::Archived => None,
        }
    }

    /// Files that were sent and are shown.
    pub fn files(&self) -> &[ImageFile] {
        match self {
            Self::Known(_, files) => files,
            Self::Unknown | Self::Archived => &[],
        }
    }

    fn barcodes(&self) -> Vec<&str> {
        self.details().into_iter().flat_map(Details::codes).collect()
    }
}

fn is_among(files: &[ImageFile], id: ImageId) -> bool {
    files.iter().any(|file| file.image_id == id)
}

#[cfg(test)]
mod tests;
