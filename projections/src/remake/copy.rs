//! Rows by COPY: a quarter of what an insert costs. A row is serialized as it always is, under its fields' names; here its
//! members become the columns of a line, as texts.

use crate::{
    column::camel_case,
    table::{ProjectError, Table},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sqlx::{PgConnection, postgres::PgCopyIn};
use std::{borrow::Cow, collections::HashMap, fmt};

/// What is sent at a time.
const CHUNK: usize = 256 << 10;

pub(crate) struct Copy<'a> {
    table: &'static str,
    copy: PgCopyIn<&'a mut PgConnection>,
    columns: Columns,
    /// The row that is being written, as JSON.
    row: Vec<u8>,
    lines: Vec<u8>,
}

impl<'a> Copy<'a> {
    pub async fn begin<T: Table>(connection: &'a mut PgConnection, schema: &str) -> Result<Self, ProjectError> {
        let names: Vec<&str> = T::columns().iter().map(|column| column.name).collect();
        let table = format!("{schema}.{}", T::NAME);
        let json = "select attname::text from pg_attribute where attrelid = to_regclass($1)::oid and atttypid = 'jsonb'::regtype";
        let json: Vec<String> = sqlx::query_scalar(json)
            .bind(&table)
            .fetch_all(&mut *connection)
            .await?;
        let copy = format!("copy {table} ({}) from stdin", names.join(", "));
        Ok(Self {
            table: T::NAME,
            copy: connection.copy_in_raw(&copy).await?,
            columns: Columns::new(&names, &json),
            row: vec![],
            lines: Vec::with_capacity(CHUNK + (CHUNK >> 2)),
        })
    }

    pub async fn row<T: Table>(&mut self, row: &T) -> Result<(), ProjectError> {
        self.row.clear();
        serde_json::to_writer(&mut self.row, row)
            .and_then(|()| self.columns.line(&self.row, &mut self.lines))
            .map_err(|source| ProjectError::Row {
                table: self.table,
                source,
            })?;
        if self.lines.len() >= CHUNK {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), sqlx::Error> {
        self.copy.send(self.lines.as_slice()).await?;
        self.lines.clear();
        Ok(())
    }

    pub async fn end(mut self) -> Result<(), ProjectError> {
        self.send().await?;
        self.copy.finish().await?;
        Ok(())
    }
}

/// A table's columns, by the names of a row's fields.
struct Columns {
    columns: Vec<Column>,
    places: HashMap<String, usize>,
}

struct Column {
    field: String,
    is_json: bool,
}

impl Columns {
    fn new(names: &[&str], json: &[String]) -> Self {
        let column = |name: &&str| Column {
            field: camel_case(name),
            is_json: json.iter().any(|json| json == name),
        };
        let columns: Vec<_> = names.iter().map(column).collect();
        let place = |(nth, column): (usize, &Column)| (column.field.clone(), nth);
        Self {
            places: columns.iter().enumerate().map(place).collect(),
            columns,
        }
    }

    /// Adds a row to the lines.
    fn line(&self, row: &[u8], lines: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut values: Vec<Option<&str>> = vec![None; self.columns.len()];
        let mut next = 0;
        for (field, value) in serde_json::from_slice::<Members>(row)?.0 {
            if let Some(nth) = self.place(&field, next) {
                values[nth] = Some(value.get());
                next = nth + 1;
            }
        }
        for (nth, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if nth > 0 {
                lines.push(b'\t');
            }
            match value {
                None | Some("null") => lines.extend(b"\\N"),
                Some(text) if !column.is_json && text.starts_with('"') => {
                    escape(&serde_json::from_str::<Text>(text)?.0, lines);
                }
                Some(text) => escape(text, lines),
            }
        }
        lines.push(b'\n');
        Ok(())
    }

    /// Fields mostly follow one another as the columns do.
    fn place(&self, field: &str, next: usize) -> Option<usize> {
        match self.columns.get(next) {
            Some(column) if column.field == field => Some(next),
            _ => self.places.get(field).copied(),
        }
    }
}

/// A row's fields in their order, with what they hold as it is written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some((Text(field), value)) = map.next_entry()? {
                    members.push((field, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What COPY's text format reads as that text.
fn escape(text: &str, line: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r'))
    {
        line.extend_from_slice(&rest[..at]);
        line.extend(match rest[at] {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::{Columns, escape};

    #[test]
    fn a_field_becomes_the_column_of_its_name_wherever_it_stands() {
        let columns = Columns::new(&["id", "due_date", "tags", "note"], &["tags".to_owned()]);
        let mut lines = vec![];
        for row in [
            r#"{"id":"a","dueDate":"2026-11-28","tags":["x\ty"],"note":"1\t2"}"#,
            r#"{"note":null,"tags":"\"","other":1,"id":7}"#,
        ] {
            columns.line(row.as_bytes(), &mut lines).unwrap();
        }
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!(lines, "a\t2026-11-28\t[\"x\\\\ty\"]\t1\\t2\n7\t\\N\t\"\\\\\"\"\t\\N\n");
    }

    #[test]
    fn what_ends_a_value_or_a_line_is_escaped() {
        let mut line = vec![];
        escape("a\\N\tб\r\n\"", &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), "a\\\\N\\tб\\r\\n\"");
    }
}
