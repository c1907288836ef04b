//! How many rows there are, kept with the rows: one line for a table and one for each value that its rows are counted
//! under; and what they come to, where a table says so (`Table::summed`). The runner knows a row before and after, so the lines are
//! exact, and a list's total costs nothing.

use crate::table::Table;
use std::collections::BTreeMap;

/// Their table.
pub(crate) const COUNTS: &str = "counts";
/// The line of a whole table: of no column, of no value.
const WHOLE: (&str, &str) = ("", "");

/// What a batch adds and takes away.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<(&'static str, String), i128>);

impl Counts {
    pub(crate) fn note<T: Table>(&mut self, before: Option<&T>, after: Option<&T>) {
        for (row, by) in [(before, -1), (after, 1)] {
            let Some(row) = row.filter(|row| row.visible()) else {
                continue;
            };
            let whole = (WHOLE.0, WHOLE.1.to_owned());
            for line in row.counted().into_iter().chain([whole]) {
                *self.0.entry(line).or_default() += by;
            }
            for (field, value, amount) in row.summed() {
                *self.0.entry((field, value)).or_default() += by * i128::from(amount);
            }
        }
    }

    /// The lines that change; nothing when none does.
    pub(crate) fn changed(self) -> Option<Changed> {
        let changed = self.0.into_iter().filter(|(_, by)| *by != 0);
        let (lines, by): (Vec<_>, Vec<String>) = changed.map(|(line, by)| (line, by.to_string())).unzip();
        let (fields, values) = lines.into_iter().unzip();
        (!by.is_empty()).then_some(Changed { fields, values, by })
    }
}

/// Lines and what is added to each.
pub(crate) struct Changed {
    pub(crate) fields: Vec<&'static str>,
    pub(crate) values: Vec<String>,
    /// Whole numbers of any length.
    pub(crate) by: Vec<String>,
}

impl Changed {
    /// Nothing is taken away, so no line comes to nothing: none is ever below it.
    pub(crate) fn grows(&self) -> bool {
        self.by.iter().all(|by| !by.starts_with('-'))
    }
}

/// SQL for the number of rows of a table, or of those with one of these values; `placeholders` stand for them.
pub(crate) fn total_of(schema: &str, table: &str, field: &str, placeholders: &[String]) -> String {
    let values = if placeholders.is_empty() {
        format!("'{}'", WHOLE.1)
    } else {
        placeholders.join(", ")
    };
    format!(
        "coalesce((select sum(c.total)::bigint from {schema}.{COUNTS} c where c.name = '{table}' and c.field = '{field}' and c.value in ({values})), 0)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{column::Column, table::Seen};
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Thing {
        stage: String,
        gone: bool,
    }

    impl Table for Thing {
        const NAME: &'static str = "things";

        fn columns() -> Vec<Column> {
            vec![]
        }

        fn keys(_: &Seen) -> Vec<Uuid> {
            vec![]
        }

        fn project(_: &mut Option<Self>, _: Uuid, _: &Seen) {}

        fn visible(&self) -> bool {
            !self.gone
        }

        fn counted(&self) -> Vec<(&'static str, String)> {
            vec![("stage", self.stage.clone())]
        }
    }

    #[test]
    fn a_row_is_counted_where_it_is_and_while_it_is_there() {
        let thing = |stage: &str, gone| Thing {
            stage: stage.into(),
            gone,
        };
        let (lead, won, gone) = (thing("LEAD", false), thing("WON", false), thing("WON", true));
        let mut counts = Counts::default();
        counts.note(None, Some(&lead));
        counts.note(None, Some(&lead));
        counts.note(Some(&lead), Some(&won));
        let line = |counts: &Counts, field, value: &str| counts.0[&(field, value.to_owned())];
        let lines = |counts: &Counts| {
            (
                line(counts, "", ""),
                line(counts, "stage", "LEAD"),
                line(counts, "stage", "WON"),
            )
        };
        assert_eq!(lines(&counts), (2, 1, 1));
        counts.note(Some(&won), Some(&gone));
        assert_eq!(lines(&counts), (1, 1, 0), "readers do not see it any more");
        counts.note(Some(&gone), None);
        counts.note(Some(&lead), None);
        assert_eq!(lines(&counts), (0, 0, 0));
    }
}
