//! What a picture is by its content, read to its end so that what is broken is refused, within limits that are known before a pixel is unpacked; and a
//! small one of it, made at once.

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder,
    metadata::Orientation,
};
use std::io::Cursor;

/// Of a file.
pub const BYTES_MAX: usize = 10 << 20;
/// Pixels, across and down.
pub const SIDE_MAX: u32 = 10_000;
/// In all: unpacked they are a hundred megabytes.
pub const PIXELS_MAX: u64 = 25_000_000;
/// Bytes of a picture that is unpacked.
const UNPACKED_MAX: u64 = 4 * PIXELS_MAX;
/// Pixels of a thumbnail, across or down, at most.
pub const THUMBNAIL_SIDE: u32 = 320;
/// Of a hundred.
const THUMBNAIL_QUALITY: u8 = 80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Jpeg,
    Png,
    Webp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is no JPEG, PNG or WebP")]
    UnknownType,
    #[error("it has too many pixels")]
    TooManyPixels,
    #[error("it is broken")]
    Broken,
}

#[derive(Debug, Clone)]
pub struct Picture {
    pub kind: Kind,
    /// Pixels, as it is to be shown: cameras say beside a picture how it is to be turned.
    pub width: u32,
    pub height: u32,
    /// A JPEG; what is transparent is white there.
    pub thumbnail: Bytes,
}

impl Picture {
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let mut reader = reader.map_err(|_| Unreadable::Broken)?;
        let kind = match reader.format() {
            Some(ImageFormat::Jpeg) => Kind::Jpeg,
            Some(ImageFormat::Png) => Kind::Png,
            Some(ImageFormat::WebP) => Kind::Webp,
            _ => return Err(Unreadable::UnknownType),
        };
        reader.limits(limits());
        let mut decoder = reader.into_decoder().map_err(unreadable)?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if width.max(height) > SIDE_MAX || pixels > PIXELS_MAX || decoder.total_bytes() > UNPACKED_MAX {
            return Err(Unreadable::TooManyPixels);
        }
        let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
        let (width, height) = match is_on_its_side(turned) {
            true => (height, width),
            false => (width, height),
        };
        Ok(Self {
            kind,
            width,
            height,
            thumbnail: thumbnail(&picture, turned)?,
        })
    }
}

fn is_on_its_side(turned: Orientation) -> bool {
    use Orientation as O;
    matches!(
        turned,
        O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH
    )
}

/// Turned as it is to be shown; a small picture stays as small as it is.
fn thumbnail(picture: &DynamicImage, turned: Orientation) -> Result<Bytes, Unreadable> {
    let side = picture.width().max(picture.height()).min(THUMBNAIL_SIDE);
    let mut small = picture.thumbnail(side, side);
    small.apply_orientation(turned);
    let small = on_white(&small);
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, THUMBNAIL_QUALITY).encode_image(&small);
    written.map_err(unreadable)?;
    Ok(bytes.into())
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u16::from);
        let over = |colour: u16| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8; // at most 255
        Rgb([red, green, blue].map(over))
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(UNPACKED_MAX);
    limits
}

fn unreadable(error: ImageError) -> Unreadable {
    match error {
        ImageError::Limits(_) => Unreadable::TooManyPixels,
        _ => Unreadable::Broken,
    }
}

#[cfg(test)]
mod tests;
