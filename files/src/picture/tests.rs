//! Pictures as they are written, and what only looks like one.

use super::*;
use image::{ImageFormat, Rgba, RgbaImage};

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn red(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([255, 0, 0]))
}

/// The same with another size in its head, whose checksum is made good again.
fn with_size(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1));
    !bytes
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[test]
fn it_is_what_its_content_says() {
    for (format, kind) in [
        (ImageFormat::Png, Kind::Png),
        (ImageFormat::Jpeg, Kind::Jpeg),
        (ImageFormat::WebP, Kind::Webp),
    ] {
        let picture = Picture::read(&written(red(640, 480), format)).unwrap();
        assert_eq!((picture.kind, picture.width, picture.height), (kind, 640, 480));
        let small = Picture::read(&picture.thumbnail).unwrap();
        assert_eq!((small.kind, small.width, small.height), (Kind::Jpeg, 320, 240));
    }
}

#[test]
fn a_small_one_stays_as_small_and_what_is_transparent_is_white() {
    let clear = RgbaImage::from_pixel(8, 6, Rgba([255, 0, 0, 0]));
    let picture = Picture::read(&written(clear, ImageFormat::Png)).unwrap();
    let small = image::load_from_memory(&picture.thumbnail).unwrap().to_rgb8();
    assert_eq!(small.dimensions(), (8, 6));
    assert!(
        small
            .pixels()
            .all(|Rgb(colours)| colours.iter().all(|colour| *colour > 250))
    );
}

#[test]
fn what_is_none_is_refused_and_so_is_what_breaks_off() {
    let png = written(red(64, 64), ImageFormat::Png);
    let gif = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec();
    let page = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    for (bytes, refused) in [
        (vec![], Unreadable::UnknownType),
        (page, Unreadable::UnknownType),
        (gif, Unreadable::UnknownType),
        (png[..png.len() / 2].to_vec(), Unreadable::Broken),
        (png[..20].to_vec(), Unreadable::Broken),
    ] {
        assert_eq!(Picture::read(&bytes).unwrap_err(), refused);
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let png = written(red(1, 1), ImageFormat::Png);
    assert_eq!(Picture::read(&with_size(png.clone(), 1, 1)).map(drop), Ok(()));
    // The last one is within the limits of each side, and not of both.
    for (width, height) in [(SIDE_MAX + 1, 1), (1, u32::MAX / 2), (SIDE_MAX, 2_501)] {
        let refused = Picture::read(&with_size(png.clone(), width, height)).unwrap_err();
        assert_eq!(refused, Unreadable::TooManyPixels, "{width} × {height}");
    }
}
