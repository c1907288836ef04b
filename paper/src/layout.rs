//! Where everything stands: lines of text at places on pages, before anything is drawn, so that the last page's number is known
//! when the first one is. A page that begins within the table repeats the table's heading.

use crate::{
    Column, Paper,
    font::{Fonts, Weight},
};

/// A4 in points, as what draws it has it.
pub const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 42.0;
const RIGHT: f32 = PAGE.0 - MARGIN;
/// Nothing but the page's number stands below.
const BOTTOM: f32 = PAGE.1 - 60.0;
/// Of a line of text, as parts of its size.
const LEADING: f32 = 1.4;
const TITLE: f32 = 16.0;
const TEXT: f32 = 9.0;
/// Between two columns, and between two blocks.
const GAP: f32 = 6.0;
const BLOCK: f32 = 14.0;
/// Of what labels the facts.
const LABEL: f32 = 110.0;
/// Where the labels of totals begin and where their amounts do.
const TOTALS: (f32, f32) = (270.0, 410.0);

/// Something on a page. Places are points from the top left, those of text of its base line.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Text {
        x: f32,
        y: f32,
        weight: Weight,
        size: f32,
        text: String,
    },
    /// A line across.
    Rule { y: f32, from: f32, to: f32 },
}

/// A text and how it is to stand.
#[derive(Clone, Copy)]
struct Cell<'a> {
    text: &'a str,
    x: f32,
    width: f32,
    weight: Weight,
    size: f32,
    is_amount: bool,
}

struct Layout<'a> {
    fonts: &'a Fonts,
    pages: Vec<Vec<Piece>>,
    /// Where the next line begins.
    y: f32,
}

/// The pages, one at least.
pub fn pages(paper: &Paper, fonts: &Fonts) -> Vec<Vec<Piece>> {
    let mut layout = Layout {
        fonts,
        pages: vec![Vec::new()],
        y: MARGIN,
    };
    layout.block(&paper.title, Weight::Bold, TITLE);
    layout.y += GAP;
    for (label, words) in &paper.facts {
        layout.fact(label, words);
    }
    layout.y += BLOCK;
    layout.table(paper);
    layout.totals(&paper.totals);
    if let Some(note) = &paper.note {
        layout.y += BLOCK;
        layout.block(note, Weight::Regular, TEXT);
    }
    layout.number(&paper.page);
    layout.pages
}

impl Layout<'_> {
    fn put(&mut self, piece: Piece) {
        if let Some(page) = self.pages.last_mut() {
            page.push(piece);
        }
    }

    /// Whether another page was begun, for what would not fit on this one.
    fn make_room(&mut self, height: f32) -> bool {
        let is_full = self.y + height > BOTTOM && self.y > MARGIN;
        if is_full {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        is_full
    }

    /// Text over the whole width, which may go on overleaf.
    fn block(&mut self, text: &str, weight: Weight, size: f32) {
        for line in self.fonts.wrapped(weight, size, RIGHT - MARGIN, text) {
            self.row(&[Cell {
                text: &line,
                x: MARGIN,
                width: RIGHT - MARGIN,
                weight,
                size,
                is_amount: false,
            }]);
        }
    }

    fn fact(&mut self, label: &str, words: &str) {
        let cell = |text, x, width, weight| Cell {
            text,
            x,
            width,
            weight,
            size: TEXT,
            is_amount: false,
        };
        let beside = MARGIN + LABEL + GAP;
        self.row(&[
            cell(label, MARGIN, LABEL, Weight::Bold),
            cell(words, beside, RIGHT - beside, Weight::Regular),
        ]);
    }

    fn table(&mut self, paper: &Paper) {
        let titles: Vec<&str> = paper.columns.iter().map(|column| column.title.as_str()).collect();
        let heading = cells(&paper.columns, &titles, Weight::Bold);
        self.heading(&heading);
        for row in &paper.rows {
            let texts: Vec<&str> = row.iter().map(String::as_str).collect();
            let row = cells(&paper.columns, &texts, Weight::Regular);
            self.line_of_table(&heading, &row);
        }
        self.rule();
    }

    fn heading(&mut self, heading: &[Cell<'_>]) {
        self.rule();
        self.row(heading);
        self.rule();
    }

    fn line_of_table(&mut self, heading: &[Cell<'_>], row: &[Cell<'_>]) {
        let wrapped = self.wrapped(row);
        if self.make_room(height(&wrapped, TEXT)) {
            self.heading(heading);
        }
        // What is taller than a page goes on overleaf, below the heading again.
        let tallest = wrapped.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..tallest {
            if self.make_room(TEXT * LEADING) {
                self.heading(heading);
            }
            self.line(row, &wrapped, line);
        }
    }

    fn totals(&mut self, totals: &[(String, String)]) {
        self.y += GAP;
        for (place, (label, amount)) in totals.iter().enumerate() {
            let weight = if place + 1 == totals.len() {
                Weight::Bold
            } else {
                Weight::Regular
            };
            let cell = |text, x, to, is_amount| Cell {
                text,
                x,
                width: to - x,
                weight,
                size: TEXT,
                is_amount,
            };
            self.row(&[
                cell(label.as_str(), TOTALS.0, TOTALS.1 - GAP, false),
                cell(amount.as_str(), TOTALS.1, RIGHT, true),
            ]);
        }
    }

    /// Beside each other; together on one page where they fit.
    fn row(&mut self, cells: &[Cell<'_>]) {
        let wrapped = self.wrapped(cells);
        let size = cells.first().map_or(TEXT, |cell| cell.size);
        self.make_room(height(&wrapped, size));
        let tallest = wrapped.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..tallest {
            self.make_room(size * LEADING);
            self.line(cells, &wrapped, line);
        }
    }

    fn wrapped(&self, cells: &[Cell<'_>]) -> Vec<Vec<String>> {
        let wrap = |cell: &Cell<'_>| self.fonts.wrapped(cell.weight, cell.size, cell.width, cell.text);
        cells.iter().map(wrap).collect()
    }

    /// That line of each cell that has so many.
    fn line(&mut self, cells: &[Cell<'_>], wrapped: &[Vec<String>], line: usize) {
        let size = cells.first().map_or(TEXT, |cell| cell.size);
        for (cell, lines) in cells.iter().zip(wrapped) {
            let Some(text) = lines.get(line).filter(|text| !text.is_empty()) else {
                continue;
            };
            let free = cell.width - self.fonts.width(cell.weight, cell.size, text);
            let x = if cell.is_amount { cell.x + free } else { cell.x };
            self.put(Piece::Text {
                x,
                y: self.y + cell.size,
                weight: cell.weight,
                size: cell.size,
                text: text.clone(),
            });
        }
        self.y += size * LEADING;
    }

    fn rule(&mut self) {
        let y = self.y + GAP / 2.0;
        self.put(Piece::Rule {
            y,
            from: MARGIN,
            to: RIGHT,
        });
        self.y += GAP;
    }

    /// At the foot of each page: `Page 1 / 3`.
    fn number(&mut self, word: &str) {
        let count = self.pages.len();
        for (page, pieces) in self.pages.iter_mut().enumerate() {
            let text = format!("{word} {} / {count}", page + 1);
            pieces.push(Piece::Text {
                x: RIGHT - self.fonts.width(Weight::Regular, TEXT, &text),
                y: PAGE.1 - MARGIN,
                weight: Weight::Regular,
                size: TEXT,
                text,
            });
        }
    }
}

fn height(wrapped: &[Vec<String>], size: f32) -> f32 {
    let tallest = u16::try_from(wrapped.iter().map(Vec::len).max().unwrap_or_default());
    f32::from(tallest.unwrap_or(u16::MAX)) * size * LEADING
}

/// The texts in their columns, side by side over the whole width.
fn cells<'a>(columns: &[Column], texts: &[&'a str], weight: Weight) -> Vec<Cell<'a>> {
    let shares: f32 = columns.iter().map(|column| f32::from(column.share)).sum();
    let mut x = MARGIN;
    let cell = |(column, &text): (&Column, &&'a str)| {
        let width = (RIGHT - MARGIN) * f32::from(column.share) / shares.max(1.0);
        let cell = Cell {
            text,
            x,
            width: width - GAP,
            weight,
            size: TEXT,
            is_amount: column.is_amount,
        };
        x += width;
        cell
    };
    columns.iter().zip(texts).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(rows: usize, name: &str) -> Paper {
        let column = |title: &str, share, is_amount| Column {
            title: title.to_owned(),
            share,
            is_amount,
        };
        Paper {
            language: "kk".to_owned(),
            title: "Ұсыныс № 1".to_owned(),
            facts: vec![("Сатушы".to_owned(), "«Қазына» ЖШС".to_owned())],
            columns: vec![column("Атауы", 3, false), column("Сомасы", 1, true)],
            rows: vec![vec![name.to_owned(), "12\u{a0}345,67\u{a0}₸".to_owned()]; rows],
            totals: vec![("Барлығы".to_owned(), "12\u{a0}345,67\u{a0}₸".to_owned())],
            note: Some("Жеткізумен".to_owned()),
            page: "Бет".to_owned(),
        }
    }

    fn laid_out(paper: &Paper) -> Vec<Vec<Piece>> {
        pages(paper, &Fonts::load().unwrap())
    }

    fn texts(page: &[Piece]) -> Vec<&str> {
        page.iter()
            .filter_map(|piece| match piece {
                Piece::Text { text, .. } => Some(text.as_str()),
                Piece::Rule { .. } => None,
            })
            .collect()
    }

    #[test]
    fn everything_stands_on_it_in_its_order() {
        let pages = laid_out(&paper(1, "Кәбіл"));
        let amount = "12\u{a0}345,67\u{a0}₸";
        let expected = [
            "Ұсыныс № 1",
            "Сатушы",
            "«Қазына» ЖШС",
            "Атауы",
            "Сомасы",
            "Кәбіл",
            amount,
            "Барлығы",
            amount,
            "Жеткізумен",
            "Бет 1 / 1",
        ];
        assert_eq!((pages.len(), texts(&pages[0])), (1, expected.to_vec()));
    }

    #[test]
    fn a_table_goes_on_overleaf_below_its_heading() {
        let pages = laid_out(&paper(200, "Кәбіл"));
        assert!(pages.len() > 2);
        for (number, page) in pages.iter().enumerate() {
            let texts = texts(page);
            assert!(texts.contains(&"Атауы"), "{number}");
            let foot = format!("Бет {} / {}", number + 1, pages.len());
            assert_eq!(texts.last(), Some(&foot.as_str()));
        }
        let rows = pages
            .iter()
            .flat_map(|page| texts(page))
            .filter(|text| *text == "Кәбіл");
        assert_eq!(rows.count(), 200);
    }

    #[test]
    fn nothing_stands_outside_of_the_page_whatever_is_written() {
        let fonts = Fonts::load().unwrap();
        for name in ["Ұзын атау ".repeat(2_000), "Ұ".repeat(5_000), "\n".repeat(300)] {
            let mut paper = paper(2, &name);
            paper.note = Some(name.clone());
            paper.title = name.chars().take(300).collect();
            for piece in laid_out(&paper).iter().flatten() {
                let Piece::Text {
                    x,
                    y,
                    weight,
                    size,
                    text,
                } = piece
                else {
                    continue;
                };
                let end = x + fonts.width(*weight, *size, text);
                assert!(*x >= MARGIN - 0.1 && end <= RIGHT + 0.1, "{x} {end} {text}");
                assert!(*y > MARGIN && *y <= PAGE.1 - MARGIN, "{y} {text}");
            }
        }
    }
}
