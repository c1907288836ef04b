//! Business papers as PDF: who offers or bills what to whom. A paper is words and places: whoever makes one has chosen its
//! language and written its amounts and days, so that nothing here knows money, time or a locale. The same paper is always the same
//! bytes: they hold no clock and no chance.

mod draw;
mod font;
mod layout;

use font::Fonts;

/// What stands on it, from top to bottom.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paper {
    /// Of the language, `kk`, for programs that read it aloud.
    pub language: String,
    pub title: String,
    /// A label and its words, such as who sells and who buys, and the days that count.
    pub facts: Vec<(String, String)>,
    pub columns: Vec<Column>,
    /// A text for each column.
    pub rows: Vec<Vec<String>>,
    /// Below the table, to the right; the last one is bold.
    pub totals: Vec<(String, String)>,
    pub note: Option<String>,
    /// What stands below before the number of the page: `Page`.
    pub page: String,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub title: String,
    /// What part of the table's width it takes, compared with the others.
    pub share: u16,
    /// Amounts end where the column does.
    pub is_amount: bool,
}

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error("the embedded font cannot be read")]
    Font,
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}

impl Paper {
    /// The bytes of the PDF, pages of A4.
    pub fn pdf(&self) -> Result<Vec<u8>, PaperError> {
        let fonts = Fonts::load()?;
        draw::pdf(self, &fonts, &layout::pages(self, &fonts))
    }
}
