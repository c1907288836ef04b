//! What shows a product, in one list: addresses that people give by hand, and files that were sent. An update of the list orders it, says which is
//! the primary one, and replaces the addresses; a file leaves it by its own command alone, so that whoever knows of no files loses none.

use super::details::LISTED_MAX;
use crate::{
    Check, Choice, Fields, Rule, Violations,
    field::{Field, FieldKind, FieldValue, Limits, Place},
    id::ImageId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// A picture, kept elsewhere or here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    #[field(required, max = 500)]
    pub url: String,
    /// Shown where there is room for one; of several the first.
    #[serde(default)]
    pub is_primary: bool,
    /// Of a file that was sent; its `url` is where it is had from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<ImageId>,
}

/// What it is by its content, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-extensible" = true))]
pub enum ImageType {
    Jpeg,
    Png,
    Webp,
}

impl ImageType {
    /// `image/png`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

/// A file that was sent. Its bytes never change: another picture is another file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct ImageFile {
    pub image_id: ImageId,
    /// Where it is had from, below the API's own address.
    #[field(required, max = 500)]
    pub url: String,
    /// Of its bytes, in hex.
    #[field(required, max = 64)]
    pub sha256: String,
    #[serde(rename = "type")]
    pub kind: ImageType,
    pub bytes: u32,
    /// In pixels, as it is shown.
    pub width: u32,
    pub height: u32,
    /// As whoever sent it calls the file.
    #[field(max = 200)]
    pub name: Option<String>,
}

/// In the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Images(Vec<Image>);

impl Images {
    /// Those that are meant by their id are files of the product, each once.
    pub(super) fn refer_to(&self, files: &[ImageFile]) -> Result<(), Violations> {
        let mut check = Check::default();
        for (n, image) in self.iter().enumerate() {
            let Some(id) = image.image_id else { continue };
            let field = || format!("images[{n}].imageId");
            check.that(files.iter().any(|file| file.image_id == id), field(), Rule::Unknown);
            let is_first = self[..n].iter().all(|other| other.image_id != Some(id));
            check.that(is_first, field(), Rule::NotUnique);
        }
        check.done()
    }

    pub(super) fn have_room(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        let max = LISTED_MAX;
        check.that(self.len() < max, "images", Rule::TooMany { max });
        check.done()
    }

    pub(super) fn have_primary(&self) -> bool {
        self.iter().any(|image| image.is_primary)
    }

    /// A file comes last; the primary one is the only one.
    pub fn add(&mut self, file: &ImageFile, is_primary: bool) {
        for image in &mut self.0 {
            image.is_primary &= !is_primary;
        }
        self.0.push(Image {
            url: file.url.clone(),
            is_primary,
            image_id: Some(file.image_id),
        });
    }

    /// Where the primary one goes, the first of the others takes its place.
    pub fn remove(&mut self, id: ImageId) {
        let had = self.have_primary();
        self.0.retain(|image| image.image_id != Some(id));
        let has = self.have_primary();
        if let Some(first) = self.0.first_mut().filter(|_| had && !has) {
            first.is_primary = true;
        }
    }
}

impl Deref for Images {
    type Target = [Image];

    fn deref(&self) -> &[Image] {
        &self.0
    }
}

impl FromIterator<Image> for Images {
    fn from_iter<I: IntoIterator<Item = Image>>(images: I) -> Self {
        Self(images.into_iter().collect())
    }
}

/// As a list of them.
impl FieldValue for Images {
    const KIND: FieldKind = <Vec<Image> as FieldValue>::KIND;
    const PARTS: &'static [Field] = <Vec<Image> as FieldValue>::PARTS;

    fn check(&self, at: Place<'_>, limits: &Limits, check: &mut Check) {
        self.0.check(at, limits, check);
    }

    fn tidy(self) -> Self {
        Self(self.0.tidy())
    }

    /// Files are known by their id, or by the address they are had from; those that are not named stay behind the others.
    fn keep(&mut self, before: Option<Self>) {
        let mut files: Vec<Image> = before.unwrap_or_default().0;
        files.retain(|image| image.image_id.is_some());
        for image in &mut self.0 {
            let meant = files.iter().position(|file| match image.image_id {
                Some(_) => file.image_id == image.image_id,
                None => file.url == image.url,
            });
            if let Some(meant) = meant {
                let is_primary = image.is_primary;
                *image = Image {
                    is_primary,
                    ..files.remove(meant)
                };
            }
        }
        self.0.extend(files);
    }
}

#[cfg(test)]
mod tests;
