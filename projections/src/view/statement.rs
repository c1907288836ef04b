//! The SQL of a page and of one resource: rows in an order that an index serves where there is one, each as one array of
//! texts.

use super::{
    Computed, Reader, View, called,
    merged::{led, newest},
    owned::{limit, limit_within},
    shown::Shown,
};
use crate::{
    column::{Column, ColumnKind, camel_case},
    counts::total_of,
    list::{Field, Grammar, ListError, Query},
};
use sqlx::{
    AssertSqlSafe, FromRow, Postgres,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use uuid::Uuid;

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

impl Scope {
    /// All of it as conditions.
    fn conditions(&self) -> impl Iterator<Item = String> {
        any(&self.alternatives).into_iter().chain(self.condition.clone())
    }
}

/// That a row is one of these.
fn any(alternatives: &[String]) -> Option<String> {
    (!alternatives.is_empty()).then(|| format!("({})", alternatives.join(" or ")))
}

/// SQL that answers rows of texts, the values that it binds, and what each text is.
#[derive(Debug)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<String>,
    pub fields: Vec<Shown>,
    /// Planned for these values, and not once for all: of what is seldom, the database should not look for as for what is common.
    pub is_particular: bool,
}

/// A page's statement, the query that it answers, and where its total comes from.
pub struct Asked {
    pub statement: Statement,
    pub query: Query,
    pub offset: i64,
    pub total: Total,
}

/// SQL for a number of rows.
#[derive(Debug)]
pub enum Total {
    /// It stands in a line that is kept; the page answers it beside its rows.
    Kept(String),
    /// These rows are to be counted, with the first values of the page.
    Counted { rows: String, values: usize },
}

impl Statement {
    pub fn query<O>(&self) -> QueryAs<'_, Postgres, O, PgArguments>
    where
        O: for<'r> FromRow<'r, PgRow>,
    {
        // A statement that is kept gets a plan for any values after a few times.
        let query = sqlx::query_as(AssertSqlSafe(self.sql.clone())).persistent(!self.is_particular);
        self.values.iter().fold(query, |query, value| query.bind(value))
    }
}

/// A page: of each row its fields' texts, its sort keys, and the total where that is kept. `most` rows, where it is not the
/// query that says how many.
pub fn page<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
    most: Option<i64>,
) -> Result<Asked, ListError> {
    let (pairs, scope) = led::<V>(reader.schema, pairs, scope);
    let mut query = grammar::<V>(reader).parse(&pairs)?;
    query.limit = most.unwrap_or(query.limit);
    let placed = place(&mut query.values, &limited::<V>(reader, &scope));
    let wanted: Vec<String> = [V::VISIBLE.to_owned()]
        .into_iter()
        .filter(|condition| condition != "true")
        .chain(placed.condition)
        .chain(query.conditions.clone())
        .collect();
    let total = total::<V>(reader, &query, &placed.alternatives, placed.total, &wanted);
    let offset = match query.after {
        Some(_) => 0,
        None => (query.page - 1) * query.limit,
    };
    let kept = match &total {
        Total::Kept(kept) if query.after.is_none() => kept.as_str(),
        _ => "null::bigint", // a cursor brings it along
    };
    let beyond = query.beyond();
    let wanted: Vec<String> = wanted.into_iter().chain(beyond).collect();
    let found = found::<V>(reader, &query, &placed.alternatives, &wanted, offset);
    let fields = shown::<V>(reader);
    let sql = format!("select {}, t.keys, {kept} from {found}", texts(&fields));
    let values = query.values.clone();
    Ok(Asked {
        statement: Statement {
            sql,
            values,
            fields,
            is_particular: query.is_uneven,
        },
        query,
        offset,
        total,
    })
}

/// One resource by its id: its version and its fields' texts.
pub fn one<V: View>(reader: Reader<'_>, id: Uuid, scope: &Scope) -> Statement {
    let (schema, table) = (reader.schema, V::NAME);
    let mut values = vec![id.to_string()];
    let placed = place(&mut values, &limited::<V>(reader, scope));
    let mut fields = shown::<V>(reader);
    fields.push(Shown::new("fullDetails", "true", ColumnKind::Bool));
    for field in V::DETAILS {
        let Some(mut shown) = computed(field, reader) else {
            continue;
        };
        if field.owned.is_some() {
            let reached = limit(reader, field.owned, "c", |value| {
                values.push(value);
                format!("${}", values.len())
            });
            shown.sql = shown.sql.replace("{reached}", reached.as_deref().unwrap_or("true"));
        }
        fields.push(shown);
    }
    let names = called::shown::<V>(reader, |value| {
        values.push(value);
        format!("${}", values.len())
    });
    fields.extend(names);
    let mut from = String::new();
    let mut more = Vec::new();
    for (n, nested) in V::NESTED.iter().enumerate() {
        let allowed = nested.rights.allow(reader.may).then_some(nested.item);
        let Some(item) = allowed.or(nested.otherwise) else {
            continue;
        };
        let reached = limit(reader, nested.owned, "n", |value| {
            values.push(value);
            format!("${}", values.len())
        });
        let reached = reached.map(|condition| format!(" and {condition}")).unwrap_or_default();
        from += &format!(
            ", lateral (select coalesce(json_agg(n.item order by n.nth) filter (where n.nth <= {NEWEST}), '[]') as items, \
             count(*) > {NEWEST} as more from (select {item} as item, row_number() over () as nth from \
             ({}) n) n) n{n}",
            newest::<V>(schema, nested, &reached)
        );
        fields.push(Shown::new(nested.name, format!("n{n}.items"), ColumnKind::Json));
        if let Some(path) = nested.rest {
            more.push(format!(
                "'{}', case when n{n}.more then '{path}' || t.id end",
                nested.name
            ));
        }
    }
    if !more.is_empty() {
        let more = format!("json_strip_nulls(json_build_object({}))", more.join(", "));
        fields.push(Shown::new("more", more, ColumnKind::Json));
    }
    // What is said last of a field holds: details may show more of it than the list does.
    let told: Vec<Shown> = fields
        .iter()
        .enumerate()
        .filter(|(n, field)| fields[n + 1..].iter().all(|later| later.name != field.name))
        .map(|(_, field)| field.clone())
        .collect();
    let wanted = ["t.id = $1::uuid".to_owned(), V::VISIBLE.to_owned()];
    let wanted: Vec<String> = wanted.into_iter().chain(placed.conditions()).collect();
    let sql = format!(
        "select t.version, {} from {schema}.{table} t{from}{}",
        texts(&told),
        conditions_sql(&wanted)
    );
    Statement {
        sql,
        values,
        fields: told,
        is_particular: false,
    }
}

/// The version of one resource, without its fields: for whoever only has to know that it is there.
pub fn there<V: View>(reader: Reader<'_>, id: Uuid) -> Statement {
    let (schema, table) = (reader.schema, V::NAME);
    let mut values = vec![id.to_string()];
    let placed = place(&mut values, &limited::<V>(reader, &Scope::default()));
    let wanted = ["t.id = $1::uuid".to_owned(), V::VISIBLE.to_owned()];
    let wanted: Vec<String> = wanted.into_iter().chain(placed.conditions()).collect();
    Statement {
        sql: format!(
            "select t.version, array[]::text[] from {schema}.{table} t{}",
            conditions_sql(&wanted)
        ),
        values,
        fields: vec![],
        is_particular: false,
    }
}

/// Those rows of the scope that the reader's right reaches to.
fn limited<V: View>(reader: Reader<'_>, scope: &Scope) -> Scope {
    let mut scope = scope.clone();
    let values = &mut scope.values;
    let mut bind = |value| {
        values.push(value);
        format!("{{{}}}", values.len())
    };
    let own = limit(reader, V::OWNED, "t", &mut bind);
    let within = limit_within(reader, V::WITHIN, "t", &mut bind);
    for reached in own.into_iter().chain(within) {
        scope.total = None;
        match scope.alternatives.is_empty() {
            true => scope.alternatives.push(reached),
            false => {
                scope.condition = Some(
                    scope
                        .condition
                        .into_iter()
                        .chain([reached])
                        .collect::<Vec<_>>()
                        .join(" and "),
                )
            }
        }
    }
    scope
}

/// A scope's conditions with their values bound.
fn place(values: &mut Vec<String>, scope: &Scope) -> Scope {
    let first = values.len();
    values.extend(scope.values.iter().cloned());
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

/// Where the number of rows on all pages comes from.
fn total<V: View>(
    reader: Reader<'_>,
    query: &Query,
    alternatives: &[String],
    kept: Option<String>,
    wanted: &[String],
) -> Total {
    let (schema, table) = (reader.schema, V::NAME);
    match (&query.only, kept) {
        (_, Some(kept)) if query.conditions.is_empty() => return Total::Kept(kept),
        (None, None) if query.conditions.is_empty() && alternatives.is_empty() => {
            return Total::Kept(total_of(schema, table, "", &[]));
        }
        (Some((column, values)), None) if alternatives.is_empty() => {
            return Total::Kept(total_of(schema, table, column, values));
        }
        _ => {}
    }
    let conditions: Vec<String> = any(alternatives).into_iter().chain(wanted.iter().cloned()).collect();
    let rows = format!("select 1 from {schema}.{table} t{}", conditions_sql(&conditions));
    Total::Counted {
        rows: as_array_items(&rows),
        values: query.values.len(),
    }
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

/// The page's rows `t` in their order, each with its sort keys as texts, and one row more, which tells whether there is
/// another page. A page further back is found by its ids first, so that nothing wide is skipped. Alternatives are each
/// read in that order, as far as the page needs, and put together.
fn found<V: View>(
    reader: Reader<'_>,
    query: &Query,
    alternatives: &[String],
    wanted: &[String],
    offset: i64,
) -> String {
    let (schema, table, most) = (reader.schema, V::NAME, query.limit + 1);
    let keys: Vec<String> = query.order.iter().map(|key| as_text(&key.sql, key.kind)).collect();
    let order: Vec<String> = query
        .order
        .iter()
        .map(|key| format!("{} {}", key.sql, key.direction()))
        .collect();
    let (keys, order) = (keys.join(", "), order.join(", "));
    let ids = if alternatives.is_empty() {
        let (wanted, what) = (conditions_sql(wanted), if offset == 0 { "t.*" } else { "t.id" });
        let rows = format!(
            "select {what}, array[{keys}] as keys from {schema}.{table} t{wanted} order by {order} limit {most} offset {offset}"
        );
        if offset == 0 {
            return format!("({rows}) t");
        }
        rows
    } else {
        either::<V>(reader, query, alternatives, wanted, (&keys, &order), offset)
    };
    format!(
        "(select t.*, i.keys, i.nth from (select i.*, row_number() over () as nth from ({ids}) i) i \
         join {schema}.{table} t on t.id = i.id order by i.nth) t"
    )
}

/// The ids of rows that fulfil one of the alternatives.
fn either<V: View>(
    reader: Reader<'_>,
    query: &Query,
    alternatives: &[String],
    wanted: &[String],
    (keys, order): (&str, &str),
    offset: i64,
) -> String {
    let (schema, table, most) = (reader.schema, V::NAME, query.limit + 1);
    let numbered = query.order.iter().enumerate();
    let sorted: Vec<String> = numbered
        .clone()
        .map(|(n, key)| format!("{} as o{n}", key.sql))
        .collect();
    let each = alternatives.iter().map(|alternative| {
        let wanted: Vec<String> = [alternative.clone()]
            .into_iter()
            .chain(wanted.iter().cloned())
            .collect();
        format!(
            "(select t.id, array[{keys}] as keys, {} from {schema}.{table} t{} order by {order} limit {})",
            sorted.join(", "),
            conditions_sql(&wanted),
            most + offset
        )
    });
    let each: Vec<String> = each.collect();
    let order: Vec<String> = numbered.map(|(n, key)| format!("u.o{n} {}", key.direction())).collect();
    format!(
        "select u.id, u.keys from ({}) u order by {} limit {most} offset {offset}",
        each.join(" union all "),
        order.join(", ")
    )
}

/// All fields of a row as one array of texts, which costs far less than JSON made by the database.
fn texts(fields: &[Shown]) -> String {
    let texts: Vec<String> = fields.iter().map(|field| as_text(&field.sql, field.kind)).collect();
    format!("array[{}]", texts.join(", "))
}

/// A value as text. Instants are written as commands answer them: in UTC, with a Z.
fn as_text(sql: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Time => format!("to_char({sql} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
        _ => format!("({sql})::text"),
    }
}

/// What a list shows of a row `t`.
fn shown<V: View>(reader: Reader<'_>) -> Vec<Shown> {
    let columns = V::columns();
    let columns = columns
        .iter()
        .filter(|column| column.kind != ColumnKind::Hidden && column.rights.allow(reader.may))
        .map(|column| Shown::new(camel_case(column.name), told::<V>(column, reader), column.kind));
    columns
        .chain(V::SHOWN.iter().filter_map(|field| computed(field, reader)))
        .collect()
}

/// A column, in the reader's language where it has one. Values of the workspace's own fields are told as long as there is
/// the field; they are kept beyond.
fn told<V: View>(column: &Column, reader: Reader<'_>) -> String {
    let name = column.name;
    if column.kind == ColumnKind::Custom {
        let (schema, table) = (reader.schema, V::NAME);
        return format!(
            "t.{name} - array(select f.key from {schema}.custom_fields f where f.resource = '{table}' and f.archived)"
        );
    }
    if let Some((_, sql)) = V::INSTEAD.iter().find(|(column, _)| *column == name) {
        return sql.replace("{s}", reader.schema);
    }
    match reader.language.filter(|_| V::TRANSLATED.contains(&name)) {
        // The language is one of ours, and no text of the reader's.
        Some(language) => format!(
            "case when jsonb_array_length(t.translations) = 0 then t.{name} else \
             coalesce((select x->>'{}' from jsonb_array_elements(t.translations) x where x->>'language' = '{language}'), t.{name}) end",
            camel_case(name)
        ),
        None => format!("t.{name}"),
    }
}

fn computed(field: &Computed, reader: Reader<'_>) -> Option<Shown> {
    let allowed = field.rights.allow(reader.may).then_some(field.sql);
    let sql = allowed.or(field.otherwise)?;
    Some(Shown::new(field.name, sql.replace("{s}", reader.schema), field.kind))
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
        // Ids stand in it, and no text of the reader's.
        let reached = limit(reader, other.owned, "r", |ids| format!("'{ids}'"));
        let reached = reached.map(|condition| format!(" and {condition}")).unwrap_or_default();
        let within = format!("t.{by} in (select r.id from {schema}.{table} r where {{}}{reached})");
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
