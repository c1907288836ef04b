//! The SQL of a page and of one resource. A page is found in two steps within one statement: first the ids, in an order
//! that an index serves where there is one, so that nothing wide is sorted or skipped; then their rows, in full.

use super::{Computed, Reader, View};
use crate::{
    column::{Column, ColumnKind, camel_case},
    counts::total_of,
    list::{COUNT_MAX, Field, Grammar, ListError, Query},
};
use sqlx::{
    AssertSqlSafe, FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};

/// The most that a nested list shows.
pub const NEWEST: i64 = 20;

/// Some of a table's rows. `{1}`, `{2}`, … stand for the values.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Conditions of which each row fulfils at most one, each with an index of its own; none: all rows.
    pub alternatives: Vec<String>,
    /// A condition on all of them.
    pub condition: Option<String>,
    pub values: Vec<String>,
    /// SQL for the number of rows, where it is known.
    pub total: Option<String>,
}

/// SQL and the values that it binds, as text.
#[derive(Debug)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<String>,
    /// A query for the rows that have to be counted, bound after the values, and how many of these it uses.
    pub count: Option<(String, usize)>,
}

/// A page's statement, and the query that it answers.
pub struct Asked {
    pub statement: Statement,
    pub query: Query,
}

impl Statement {
    /// Not kept by the connection: filters and schemas make too many of them.
    pub fn query<O>(&self) -> QueryAs<'_, Postgres, O, PgArguments>
    where
        O: for<'r> FromRow<'r, PgRow>,
    {
        let mut query = sqlx::query_as(AssertSqlSafe(self.sql.clone())).persistent(false);
        for value in &self.values {
            query = query.bind(value);
        }
        if let Some((count, uses)) = &self.count {
            query = query.bind(count).bind(&self.values[..*uses]);
        }
        query
    }
}

pub fn page<V: View>(reader: Reader<'_>, pairs: &[(String, String)], scope: &Scope) -> Result<Asked, ListError> {
    let mut query = grammar::<V>(reader).parse(pairs)?;
    let placed = place(&mut query, scope);
    let wanted: Vec<String> = [V::VISIBLE.to_owned()]
        .into_iter()
        .filter(|condition| condition != "true")
        .chain(placed.condition)
        .chain(query.conditions.clone())
        .collect();
    let (total, count) = total::<V>(reader, &query, &placed.alternatives, placed.total, &wanted);
    let offset = match query.after {
        Some(_) => 0,
        None => (query.page - 1) * query.limit,
    };
    let beyond = query.beyond();
    let wanted: Vec<String> = wanted.into_iter().chain(beyond).collect();
    let ids = ids::<V>(reader, &query, &placed.alternatives, &wanted, offset);
    let (schema, table, limit) = (reader.schema, V::NAME, query.limit);
    let total = total.replace("{offset}", &offset.to_string());
    // One row more than the page tells whether there is another.
    let sql = format!(
        "select p.items, p.last, p.found > {limit}, {total} from ( \
           select coalesce(json_agg(r.item order by r.nth) filter (where r.nth <= {limit}), '[]')::text as items, \
           (json_agg(r.keys order by r.nth desc) filter (where r.nth <= {limit})->0)::text as last, count(*) as found from ( \
             select row_to_json(x) as item, k.keys, k.nth from \
               (select i.id, i.keys, row_number() over () as nth from ({ids}) i) k join {schema}.{table} t on t.id = k.id, \
             lateral (select {shown}) x) r) p",
        shown = shown::<V>(reader).join(", ")
    );
    let values = query.values.clone();
    Ok(Asked {
        statement: Statement { sql, values, count },
        query,
    })
}

/// One resource by its id, `$1`.
pub fn one<V: View>(reader: Reader<'_>) -> String {
    let (schema, table) = (reader.schema, V::NAME);
    let mut fields = shown::<V>(reader);
    fields.push("true as \"fullDetails\"".to_owned());
    fields.extend(V::DETAILS.iter().filter_map(|field| computed(field, reader)));
    let mut from = String::new();
    let mut more = Vec::new();
    for (n, nested) in V::NESTED.iter().enumerate() {
        let Some(item) = (if nested.rights.allow(reader.may) {
            Some(nested.item)
        } else {
            nested.otherwise
        }) else {
            continue;
        };
        let (by, of) = (nested.by, nested.table);
        from += &format!(
            ", lateral (select coalesce(json_agg(n.item order by n.nth) filter (where n.nth <= {NEWEST}), '[]') as items, \
             count(*) > {NEWEST} as more from (select {item} as item, row_number() over () as nth from \
             (select * from {schema}.{of} n where n.{by} = t.id order by n.created_at desc, n.id desc limit {NEWEST} + 1) n) n) n{n}"
        );
        fields.push(format!("n{n}.items as \"{}\"", nested.name));
        if let Some(path) = nested.rest {
            more.push(format!(
                "'{}', case when n{n}.more then '{path}' || t.id end",
                nested.name
            ));
        }
    }
    if !more.is_empty() {
        fields.push(format!(
            "json_strip_nulls(json_build_object({})) as \"more\"",
            more.join(", ")
        ));
    }
    format!(
        "select t.version, row_to_json(x)::text from {schema}.{table} t{from}, lateral (select {}) x where t.id = $1 and {}",
        fields.join(", "),
        V::VISIBLE
    )
}

/// A scope's conditions with their values bound.
fn place(query: &mut Query, scope: &Scope) -> Scope {
    let first = query.values.len();
    query.values.extend(scope.values.iter().cloned());
    let place = |sql: &String| {
        (1..=scope.values.len()).fold(sql.clone(), |sql, n| {
            sql.replace(&format!("{{{n}}}"), &format!("${}", first + n))
        })
    };
    Scope {
        alternatives: scope.alternatives.iter().map(place).collect(),
        condition: scope.condition.as_ref().map(place),
        values: Vec::new(),
        total: scope.total.as_ref().map(place),
    }
}

/// SQL for the number of rows on all pages: kept, or known from the page itself, or counted; and the query to count by.
fn total<V: View>(
    reader: Reader<'_>,
    query: &Query,
    alternatives: &[String],
    kept: Option<String>,
    wanted: &[String],
) -> (String, Option<(String, usize)>) {
    if query.after.is_some() {
        return ("0::bigint".to_owned(), None); // the cursor knows
    }
    let (schema, table, limit) = (reader.schema, V::NAME, query.limit);
    match (&query.only, kept) {
        (_, Some(kept)) if query.conditions.is_empty() => return (kept, None),
        (None, None) if query.conditions.is_empty() && alternatives.is_empty() => {
            return (total_of(schema, table, "", &[]), None);
        }
        (Some((column, values)), None) if alternatives.is_empty() => {
            return (total_of(schema, table, column, values), None);
        }
        _ => {}
    }
    let any = (!alternatives.is_empty()).then(|| format!("({})", alternatives.join(" or ")));
    let conditions: Vec<String> = any.into_iter().chain(wanted.iter().cloned()).collect();
    let rows = format!("select 1 from {schema}.{table} t{}", conditions_sql(&conditions));
    let uses = query.values.len();
    let sql = format!(
        "case when p.found between 1 and {limit} or p.found = 0 and {{offset}} = 0 then p.found + {{offset}} \
         else reading.total(${}, ${}, {COUNT_MAX}) end",
        uses + 1,
        uses + 2
    );
    (sql, Some((as_array_items(&rows), uses)))
}

/// `$7` → `($1)[7]`: the counting query takes all values as one array.
fn as_array_items(sql: &str) -> String {
    let mut parts = sql.split('$');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        format!("{out}($1)[{}]{}", &part[..digits], &part[digits..])
    })
}

fn conditions_sql(conditions: &[String]) -> String {
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}

/// The page's ids in their order, each with its sort keys as text. Alternatives are each read in that order, as far as
/// the page needs, and put together.
fn ids<V: View>(reader: Reader<'_>, query: &Query, alternatives: &[String], wanted: &[String], offset: i64) -> String {
    let (schema, table, most) = (reader.schema, V::NAME, query.limit + 1);
    let keys: Vec<String> = query.order.iter().map(|key| as_text(&key.sql, key.kind)).collect();
    let order: Vec<String> = query
        .order
        .iter()
        .map(|key| format!("{} {}", key.sql, key.direction()))
        .collect();
    let (keys, order) = (keys.join(", "), order.join(", "));
    if alternatives.is_empty() {
        let wanted = conditions_sql(wanted);
        return format!(
            "select t.id, array[{keys}] as keys from {schema}.{table} t{wanted} order by {order} limit {most} offset {offset}"
        );
    }
    let sorted: Vec<String> = query
        .order
        .iter()
        .enumerate()
        .map(|(n, key)| format!("{} as o{n}", key.sql))
        .collect();
    let sorted = sorted.join(", ");
    let each = |alternative: &String| {
        let wanted: Vec<String> = [alternative.clone()]
            .into_iter()
            .chain(wanted.iter().cloned())
            .collect();
        let (wanted, deep) = (conditions_sql(&wanted), most + offset);
        format!(
            "(select t.id, array[{keys}] as keys, {sorted} from {schema}.{table} t{wanted} order by {order} limit {deep})"
        )
    };
    let all: Vec<String> = alternatives.iter().map(each).collect();
    let order: Vec<String> = query
        .order
        .iter()
        .enumerate()
        .map(|(n, key)| format!("u.o{n} {}", key.direction()))
        .collect();
    format!(
        "select u.id, u.keys from ({}) u order by {} limit {most} offset {offset}",
        all.join(" union all "),
        order.join(", ")
    )
}

/// A value as text. Instants are written as commands answer them: in UTC, with a Z.
fn as_text(sql: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Time => format!("reading.instant({sql})"),
        _ => format!("({sql})::text"),
    }
}

/// What a list shows of a row, as the select list of a lateral query over `t`.
fn shown<V: View>(reader: Reader<'_>) -> Vec<String> {
    let columns = V::columns();
    let columns = columns
        .iter()
        .filter(|column| column.kind != ColumnKind::Hidden && column.rights.allow(reader.may));
    let columns = columns.map(|column| {
        let (sql, field) = (format!("t.{}", column.name), camel_case(column.name));
        match column.kind {
            ColumnKind::Time => format!("{} as \"{field}\"", as_text(&sql, column.kind)),
            _ => format!("{sql} as \"{field}\""),
        }
    });
    columns
        .chain(V::SHOWN.iter().filter_map(|field| computed(field, reader)))
        .collect()
}

fn computed(field: &Computed, reader: Reader<'_>) -> Option<String> {
    let sql = if field.rights.allow(reader.may) {
        field.sql
    } else {
        field.otherwise?
    };
    Some(format!("{} as \"{}\"", sql.replace("{s}", reader.schema), field.name))
}

/// What the reader may filter and sort by.
fn grammar<V: View>(reader: Reader<'_>) -> Grammar {
    let counted = |name: &str| V::COUNTED.iter().copied().find(|counted| *counted == name);
    let column = |column: &Column| Field {
        nullable: column.nullable,
        counted: counted(column.name),
        ..Field::new(camel_case(column.name), format!("t.{}", column.name), column.kind)
    };
    let computed = |field: &Computed| Field {
        nullable: field.nullable,
        cases: field.cases,
        ..Field::new(field.name, field.sql.replace("{s}", reader.schema), field.kind)
    };
    let columns = V::columns();
    let columns = columns.iter().filter(|column| column.rights.allow(reader.may));
    let shown = V::SHOWN.iter().filter(|field| field.rights.allow(reader.may));
    let related = V::RELATED.iter().flat_map(|other| {
        let (schema, table, by) = (reader.schema, other.table, other.by);
        let within = format!("t.{by} in (select r.id from {schema}.{table} r where {{}})");
        other.fields.iter().map(move |(name, kind)| Field {
            within: Some(within.clone()),
            ..Field::new(
                format!("{}.{}", other.name, camel_case(name)),
                format!("r.{name}"),
                *kind,
            )
        })
    });
    Grammar {
        fields: columns.map(column).chain(shown.map(computed)).chain(related).collect(),
        aliases: V::ALIASES,
        search: V::SEARCH,
    }
}

#[cfg(test)]
mod tests {
    use super::as_array_items;

    #[test]
    fn the_counting_query_takes_its_values_from_one_array() {
        assert_eq!(
            as_array_items("a = $1::text and b in ($2::uuid, $13::uuid)"),
            "a = ($1)[1]::text and b in (($1)[2]::uuid, ($1)[13]::uuid)"
        );
        assert_eq!(as_array_items("true"), "true");
    }
}
