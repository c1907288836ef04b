//! What is told of an import: how far it is, what its rows come to, and what is wrong with them, in the reader's language. The file with the
//! reasons is the file as it came, with a column more, and only the rows that something is wrong with: put right, it can be sent again.

use super::{
    Table,
    store::{self, Counts, Import, Line, Outcome, State},
};
use crate::{
    i18n::{self, Language},
    problem::Problem,
    state::App,
};
use chrono::{DateTime, Utc};
use domain::Rule;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sheets::{Cell, Format, ReadError, WriteError, Writer};
use std::collections::HashMap;
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// So many rows with something wrong are told with the import itself.
const ERRORS: i64 = 100;
/// So many are read at once for the file of them.
const PAGE: i64 = 1_000;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportShown {
    id: Uuid,
    resource: &'static str,
    file_name: Option<String>,
    /// `checking`, `ready`, `running`, `done`, `cancelled` or `failed`.
    state: &'static str,
    /// It waits to be started when it is checked.
    dry_run: bool,
    /// What each column of the file is.
    columns: Vec<ColumnShown>,
    /// The file's, but for the first one and for empty ones.
    rows: i32,
    /// Of those, how many are checked, or carried out once it runs.
    done: i64,
    /// The same in per cent.
    progress: i64,
    /// Rows that make something new, or would.
    created: i64,
    updated: i64,
    /// Rows that say nothing new.
    unchanged: i64,
    failed: i64,
    /// The first hundred rows with something wrong; `/errors` has all of them, `/rows` all rows.
    errors: Vec<RowShown>,
    /// Why it failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Wrong>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ColumnShown {
    header: String,
    /// Null: it is passed over.
    field: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowShown {
    /// As a spreadsheet counts them: the first one with values is 2.
    pub row: i32,
    /// `create`, `update`, `unchanged` or `error`.
    pub outcome: &'static str,
    /// What it is about.
    pub id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Wrong>,
}

/// As the error of a request for this row alone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Wrong {
    code: String,
    message: String,
    #[schemars(with = "Map<String, Value>")]
    details: Value,
}

/// An import as it stands.
pub async fn import(app: &App, import: Import, language: Language) -> Result<ImportShown, Problem> {
    let counts = store::counts(&app.pool, import.id).await?;
    let wrong = store::lines(&app.pool, import.id, 0, Some(Outcome::Error), ERRORS).await?;
    Ok(told(import, counts, wrong, language))
}

fn told(import: Import, counts: Counts, wrong: Vec<Line>, language: Language) -> ImportShown {
    let done = match import.state {
        State::Checking | State::Ready => counts.seen,
        State::Cancelled | State::Failed if import.started_at.is_none() && import.is_dry => counts.seen,
        State::Running | State::Done | State::Cancelled | State::Failed => counts.carried_out,
    };
    let columns = import.heads.into_iter();
    ImportShown {
        id: import.id,
        resource: import.resource.name(),
        file_name: import.file_name,
        state: import.state.as_str(),
        dry_run: import.is_dry,
        columns: columns.map(|(header, field)| ColumnShown { header, field }).collect(),
        rows: import.lines,
        done,
        progress: match i64::from(import.lines) {
            0 => 100,
            rows => done * 100 / rows,
        },
        created: counts.create,
        updated: counts.update,
        unchanged: counts.unchanged,
        failed: counts.error,
        errors: wrong.into_iter().map(|line| row(line, language)).collect(),
        error: import.problem.map(|problem| said_in(language, problem)),
        created_at: import.created_at,
        started_at: import.started_at,
        ended_at: import.ended_at,
    }
}

pub fn row(line: Line, language: Language) -> RowShown {
    RowShown {
        row: line.nth,
        outcome: line.outcome.as_str(),
        id: line.thing,
        error: line.error.map(|error| said_in(language, error)),
    }
}

/// What is wrong, for whoever reads it later.
pub fn in_each_language(problem: &Problem) -> Value {
    let said = Language::ALL.map(|language| {
        let error = problem.envelope(language)["error"].take();
        (language.code().to_owned(), error)
    });
    Value::Object(said.into_iter().collect())
}

fn said_in(language: Language, mut said: Value) -> Wrong {
    let mut error = said.get_mut(language.code()).map(Value::take).unwrap_or_default();
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    Wrong {
        code: text(error["code"].take()),
        message: text(error["message"].take()),
        details: error["details"].take(),
    }
}

/// In one line: what is wrong, and with which fields.
fn sentence(wrong: &Wrong) -> String {
    let fields = wrong.details["fields"].as_object().into_iter().flatten();
    let fields = fields.map(|(field, sentence)| format!("{field}: {}", sentence.as_str().unwrap_or_default()));
    [wrong.message.clone()]
        .into_iter()
        .chain(fields)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A file that is no table is refused as one of the request's fields.
pub fn unreadable(error: ReadError) -> Problem {
    let problem = match error {
        ReadError::TooManyRows(max) => Problem::invalid_field("file", Rule::TooMany { max }),
        ReadError::TooManyColumns(max) => Problem::invalid_field("file", Rule::TooMany { max }),
        ReadError::TooLarge => Problem::invalid_field("file", Rule::TooLarge),
        ReadError::NoTable | ReadError::Encoding | ReadError::Broken => Problem::invalid_field("file", Rule::WrongType),
    };
    problem.because(match error {
        ReadError::NoTable => "import.no_table",
        ReadError::Encoding => "import.encoding",
        ReadError::Broken => "import.broken",
        ReadError::TooManyRows(_) => "import.too_many_rows",
        ReadError::TooManyColumns(_) => "import.too_many_columns",
        ReadError::TooLarge => "import.too_large",
    })
}

/// The rows with something wrong, and the reason beside each.
pub async fn wrong_ones(app: &App, id: Uuid, format: Format, language: Language) -> Result<Vec<u8>, Problem> {
    let (mut reasons, mut after) = (HashMap::new(), 0);
    loop {
        let wrong = store::lines(&app.pool, id, after, Some(Outcome::Error), PAGE).await?;
        let Some(last) = wrong.last() else { break };
        after = last.nth;
        let told = wrong.into_iter().map(|line| row(line, language));
        reasons.extend(told.map(|row| (row.row, row.error.as_ref().map(sentence).unwrap_or_default())));
    }
    let file = store::file(&app.pool, id).await?;
    let written = spawn_blocking(move || {
        let table = Table::read(&file).map_err(unreadable)?;
        beside(&table, &reasons, format, language).map_err(|_| Problem::internal())
    });
    written.await.map_err(|_| Problem::internal())?
}

fn beside(
    table: &Table,
    reasons: &HashMap<i32, String>,
    format: Format,
    language: Language,
) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::begin(format)?;
    let width = table.heads.len();
    let mut write = |nth: &str, reason: &str, cells: &[String]| {
        let own = (0..width).map(|n| Cell::Text(cells.get(n).map_or("", String::as_str).into()));
        let row: Vec<Cell<'_>> = own.chain([Cell::Text(nth.into()), Cell::Text(reason.into())]).collect();
        writer.row(&row)
    };
    let words = ["import-row", "import-reason"].map(|key| i18n::plain(language, key));
    write(&words[0], &words[1], &table.heads)?;
    for (nth, cells) in &table.lines {
        if let Some(reason) = reasons.get(nth) {
            write(&nth.to_string(), reason, cells)?;
        }
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_in_one_line_and_in_the_readers_language() {
        let problem = Problem::invalid_field("price", Rule::Negative);
        let said = in_each_language(&problem);
        let told = |language| sentence(&said_in(language, said.clone()));
        assert!(told(Language::En).contains("price: "), "{}", told(Language::En));
        assert_ne!(told(Language::En), told(Language::Ru));
    }
}
