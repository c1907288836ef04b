//! Rows by COPY: a quarter of what an insert costs. A row is serialized as it always is, under its fields' names; here its
//! members become the columns of a line, as texts.

use crate::{
    column::camel_case,
    table::{ProjectError, Table},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{PgConnection, postgres::PgCopyIn};
use std::{borrow::Cow, collections::HashMap};

/// What is sent at a time.
const CHUNK: usize = 256 << 10;

pub(crate) struct Copy<'a> {
    table: &'static str,
    copy: PgCopyIn<&'a mut PgConnection>,
    /// By the names of fields: which column it is, and whether that holds JSON.
    columns: HashMap<String, (usize, bool)>,
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
        let columns = names.iter().enumerate().map(|(nth, name)| {
            let is_json = json.iter().any(|json| json == name);
            (camel_case(name), (nth, is_json))
        });
        let columns = columns.collect();
        let copy = format!("copy {table} ({}) from stdin", names.join(", "));
        Ok(Self {
            table: T::NAME,
            copy: connection.copy_in_raw(&copy).await?,
            columns,
            lines: Vec::with_capacity(CHUNK + (CHUNK >> 2)),
        })
    }

    pub async fn row<T: Table>(&mut self, row: &T) -> Result<(), ProjectError> {
        let broken = |source| ProjectError::Row {
            table: self.table,
            source,
        };
        let text = serde_json::to_string(row).map_err(broken)?;
        let members: HashMap<Cow<str>, &RawValue> = serde_json::from_str(&text).map_err(broken)?;
        let mut values: Vec<Option<(&str, bool)>> = vec![None; self.columns.len()];
        for (name, value) in &members {
            if let Some((nth, is_json)) = self.columns.get(name.as_ref()) {
                values[*nth] = Some((value.get(), *is_json));
            }
        }
        for (nth, value) in values.into_iter().enumerate() {
            if nth > 0 {
                self.lines.push(b'\t');
            }
            match value {
                None | Some(("null", _)) => self.lines.extend(b"\\N"),
                Some((text, false)) if text.starts_with('"') => {
                    let text =
                        Cow::<str>::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(broken)?;
                    escape(&text, &mut self.lines);
                }
                Some((text, _)) => escape(text, &mut self.lines),
            }
        }
        self.lines.push(b'\n');
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

/// What COPY's text format reads as that text.
fn escape(text: &str, line: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => line.extend(b"\\\\"),
            b'\t' => line.extend(b"\\t"),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            byte => line.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_ends_a_value_or_a_line_is_escaped() {
        let mut line = vec![];
        escape("a\\N\tб\r\n\"", &mut line);
        assert_eq!(String::from_utf8(line).unwrap(), "a\\\\N\\tб\\r\\n\"");
    }
}
