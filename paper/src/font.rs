//! Noto Sans, in two weights, with the letters of Latin and Cyrillic (all of Kazakh's among them) and the signs of currencies. What
//! it has no letter for is a replacement mark: a reader sees that something was there.

use crate::PaperError;
use ttf_parser::{Face, GlyphId};
use unicode_normalization::UnicodeNormalization;

pub const REGULAR: &[u8] = include_bytes!("../fonts/NotoSans-Regular.ttf");
pub const BOLD: &[u8] = include_bytes!("../fonts/NotoSans-Bold.ttf");

/// Stands for a letter that the font does not have.
const MISSING: char = '\u{FFFD}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

pub struct Fonts {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Fonts {
    pub fn load() -> Result<Self, PaperError> {
        let face = |data| Face::parse(data, 0).map_err(|_| PaperError::Font);
        Ok(Self {
            regular: face(REGULAR)?,
            bold: face(BOLD)?,
        })
    }

    fn face(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// The glyph of a letter and how far it goes, in parts of the font's size.
    pub fn glyph(&self, weight: Weight, letter: char) -> (u16, f32) {
        let face = self.face(weight);
        let glyph = face.glyph_index(letter).unwrap_or(GlyphId(0));
        let advance = face.glyph_hor_advance(glyph).unwrap_or_default();
        (glyph.0, f32::from(advance) / f32::from(face.units_per_em()))
    }

    /// In points.
    pub fn width(&self, weight: Weight, size: f32, text: &str) -> f32 {
        text.chars().map(|letter| self.glyph(weight, letter).1 * size).sum()
    }

    /// The same text in letters that the font has, each of them one character.
    fn written(&self, weight: Weight, text: &str) -> String {
        let written = |letter: char| match letter {
            letter if letter.is_control() => ' ',
            letter if self.face(weight).glyph_index(letter).is_some() => letter,
            _ => MISSING,
        };
        text.nfc().map(written).collect()
    }

    /// Lines that are no wider than that, of one letter at least; there is always one, if an empty one.
    pub fn wrapped(&self, weight: Weight, size: f32, width: f32, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            // Not at the blanks inside of an amount, which do not break.
            for word in self.written(weight, paragraph).split(' ') {
                let longer = if line.is_empty() {
                    word.to_owned()
                } else {
                    format!("{line} {word}")
                };
                if self.width(weight, size, &longer) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line = self.broken(weight, size, width, word, &mut lines);
            }
            lines.push(line);
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
        lines
    }

    /// Breaks a word that may be wider than a line; what is left of it.
    fn broken(&self, weight: Weight, size: f32, width: f32, word: &str, lines: &mut Vec<String>) -> String {
        let (mut line, mut wide) = (String::new(), 0.0);
        for letter in word.chars() {
            let advance = self.glyph(weight, letter).1 * size;
            if !line.is_empty() && wide + advance > width {
                lines.push(std::mem::take(&mut line));
                wide = 0.0;
            }
            line.push(letter);
            wide += advance;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_three_languages_has_a_glyph() {
        let fonts = Fonts::load().unwrap();
        let letters = "ӘәҒғҚқҢңӨөҰұҮүҺһІіЁёЙйAz09№«»—–₸₽€$\u{a0}\u{202f}";
        for weight in [Weight::Regular, Weight::Bold] {
            assert_eq!(fonts.written(weight, letters), letters);
        }
    }

    #[test]
    fn what_the_font_has_not_is_seen_to_be_missing() {
        let fonts = Fonts::load().unwrap();
        assert_eq!(fonts.written(Weight::Regular, "a字\tи\u{306}"), "a\u{FFFD} й");
        assert_ne!(fonts.glyph(Weight::Regular, MISSING).0, 0);
    }

    #[test]
    fn lines_break_between_words_and_inside_of_what_is_too_long() {
        let fonts = Fonts::load().unwrap();
        let wrapped = |width, text: &str| fonts.wrapped(Weight::Regular, 10.0, width, text);
        assert_eq!(wrapped(500.0, "one two\n\nthree"), ["one two", "", "three"]);
        assert_eq!(wrapped(30.0, "one two"), ["one", "two"]);
        let long = "Ұ".repeat(40);
        let lines = wrapped(100.0, &long);
        assert!(lines.len() > 1 && lines.concat() == long, "{lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| fonts.width(Weight::Regular, 10.0, line) <= 100.0)
        );
        assert_eq!(wrapped(0.0, "ab"), ["a", "b"]);
        assert_eq!(wrapped(50.0, ""), [""]);
    }
}
