//! The pages as PDF: each letter where the layout has put it, with its text beside it, so that what is seen can be searched and copied.

use crate::{
    Paper, PaperError,
    font::{self, Fonts, Weight},
    layout::Piece,
};
use krilla::{
    Document,
    geom::{PathBuilder, Point},
    metadata::Metadata,
    paint::Stroke,
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};

/// Those that are embedded.
struct Embedded {
    regular: Font,
    bold: Font,
}

pub fn pdf(paper: &Paper, fonts: &Fonts, pages: &[Vec<Piece>]) -> Result<Vec<u8>, PaperError> {
    let font = |data: &[u8]| Font::new(data.to_vec().into(), 0).ok_or(PaperError::Font);
    let embedded = Embedded {
        regular: font(font::REGULAR)?,
        bold: font(font::BOLD)?,
    };
    let mut document = Document::new();
    let metadata = Metadata::new().title(paper.title.clone());
    document.set_metadata(metadata.language(paper.language.clone()));
    for pieces in pages {
        let mut page = document.start_page();
        let mut surface = page.surface();
        for piece in pieces {
            draw(&mut surface, fonts, &embedded, piece);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| PaperError::Pdf(format!("{error:?}")))
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, embedded: &Embedded, piece: &Piece) {
    match piece {
        Piece::Text {
            x,
            y,
            weight,
            size,
            text,
        } => {
            let glyphs = glyphs(fonts, *weight, text);
            let font = match weight {
                Weight::Regular => &embedded.regular,
                Weight::Bold => &embedded.bold,
            };
            surface.set_stroke(None);
            surface.draw_glyphs(Point::from_xy(*x, *y), &glyphs, font.clone(), text, *size, false);
        }
        Piece::Rule { y, from, to } => {
            let mut path = PathBuilder::new();
            path.move_to(*from, *y);
            path.line_to(*to, *y);
            if let Some(path) = path.finish() {
                surface.set_stroke(Some(Stroke {
                    width: 0.5,
                    ..Stroke::default()
                }));
                surface.draw_path(&path);
            }
        }
    }
}

fn glyphs(fonts: &Fonts, weight: Weight, text: &str) -> Vec<KrillaGlyph> {
    let glyph = |(at, letter): (usize, char)| {
        let (glyph, advance) = fonts.glyph(weight, letter);
        let range = at..at + letter.len_utf8();
        KrillaGlyph::new(GlyphId::new(u32::from(glyph)), advance, 0.0, 0.0, 0.0, range, None)
    };
    text.char_indices().map(glyph).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_paper_is_the_same_bytes() {
        let paper = Paper {
            title: "Ұсыныс № 1".to_owned(),
            note: Some("12\u{a0}345,67\u{a0}₸".to_owned()),
            ..Paper::default()
        };
        let pdf = paper.pdf().unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        assert_eq!(pdf, paper.pdf().unwrap());
        let other = Paper {
            note: None,
            ..paper.clone()
        };
        assert_ne!(pdf, other.pdf().unwrap());
    }
}
