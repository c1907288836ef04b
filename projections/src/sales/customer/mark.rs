//! What customers are recognised by, a row each, and who is like somebody. The database finds candidates by an index; what
//! they have in common the domain says, so that there is one truth about it.

use super::OWNED;
use crate::{
    column::{Column, ColumnKind as K},
    readers::Session,
    table::{Seen, Table},
    view::{Reader, reached_users},
};
use domain::{
    Changes, Fact,
    sales::customer::{
        CustomerEvent, Profile,
        likeness::{NAMES_ALIKE, Sign, core_name, marks, signs},
    },
};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::cmp::Reverse;
use uuid::Uuid;

/// Candidates that are looked at, by marks and by name each.
const CANDIDATES_MAX: u32 = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub customer_number: String,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub bin: Option<String>,
    pub iin: Option<String>,
    pub assigned_to: Option<Uuid>,
    /// As names are compared.
    pub core_name: String,
    /// What it is found by.
    pub marks: Vec<String>,
}

impl Table for Row {
    const NAME: &'static str = "customer_marks";
    const SQL: &'static str = include_str!("../../../../migrations/tenant/customer_marks.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("customer_number", K::Text),
            Column::new("name", K::Text),
            Column::new("phone", K::Text).nullable(),
            Column::new("email", K::Text).nullable(),
            Column::new("bin", K::Text).nullable(),
            Column::new("iin", K::Text).nullable(),
            Column::new("assigned_to", K::Uuid).nullable(),
            Column::new("core_name", K::Hidden),
            Column::new("marks", K::Hidden),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Customer(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Customer(fact) = &event.fact else { return };
        match fact {
            CustomerEvent::Created {
                customer_number,
                profile,
                ..
            } => *row = Some(Self::of(key, customer_number.to_string(), profile)),
            CustomerEvent::Updated(change) => {
                if let Some(known) = row {
                    let mut profile = known.profile();
                    profile.apply(change);
                    *row = Some(Self::of(key, known.customer_number.clone(), &profile));
                }
            }
            CustomerEvent::StatusChanged { .. } => {}
            CustomerEvent::Archived {} => *row = None,
        }
    }
}

impl Row {
    fn of(id: Uuid, customer_number: String, profile: &Profile) -> Self {
        Self {
            id,
            customer_number,
            name: profile.name.clone(),
            phone: profile.phone.clone(),
            email: profile.email.clone(),
            bin: profile.bin.clone(),
            iin: profile.iin.clone(),
            assigned_to: profile.assigned_to.map(Uuid::from),
            core_name: core_name(&profile.name),
            marks: marks(profile),
        }
    }

    /// As far as likeness goes.
    pub fn profile(&self) -> Profile {
        Profile {
            name: self.name.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            bin: self.bin.clone(),
            iin: self.iin.clone(),
            assigned_to: self.assigned_to.map(Into::into),
            ..Profile::default()
        }
    }
}

/// A customer, and what somebody has in common with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    pub row: Row,
    /// At least one.
    pub signs: Vec<Sign>,
}

/// Among whom is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those that have a mark of theirs, whosever they are.
    All,
    /// Those that the reader may see. Names are compared as well, which takes longer.
    Seen,
}

/// Whom one is like, the likest first.
pub async fn alike(reader: Reader<'_>, profile: &Profile, among: Among) -> Result<Vec<Alike>, sqlx::Error> {
    let whose: Option<Vec<Uuid>> = match among {
        Among::All => None,
        Among::Seen => reached_users(reader, OWNED).map(|users| users.into_iter().map(Uuid::from).collect()),
    };
    let mut session = reader.enter().await?;
    let mut found = by_marks(&mut session, reader.schema, &marks(profile), whose.as_deref()).await?;
    if among == Among::Seen {
        let name = core_name(&profile.name);
        found.extend(by_names(&mut session, reader.schema, &name, whose.as_deref()).await?);
    }
    session.leave();
    found.sort_by_key(|row| row.id);
    found.dedup_by_key(|row| row.id);
    let alike = found.into_iter().map(|row| Alike {
        signs: signs(profile, &row.profile()),
        row,
    });
    let mut alike: Vec<Alike> = alike.filter(|alike| !alike.signs.is_empty()).collect();
    alike.sort_by_key(|alike| (alike.signs.first().copied(), Reverse(alike.signs.len()), alike.row.id));
    Ok(alike)
}

/// That customer's row.
pub async fn of(reader: Reader<'_>, id: Uuid) -> Result<Option<Row>, sqlx::Error> {
    let sql = format!("{} where t.id = $1", select(reader.schema));
    let mut session = reader.enter().await?;
    let found: Option<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut *session)
        .await?;
    session.leave();
    Ok(found.map(Row::from))
}

/// Whose they may be: of these, or of anybody.
const WHOSE: &str = "($2::uuid[] is null or t.assigned_to = any($2))";

async fn by_marks(
    session: &mut Session,
    schema: &str,
    marks: &[String],
    whose: Option<&[Uuid]>,
) -> Result<Vec<Row>, sqlx::Error> {
    if marks.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!(
        "{} where t.marks ?| $1 and {WHOSE} order by t.id limit {CANDIDATES_MAX}",
        select(schema)
    );
    let rows: Vec<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(marks)
        .bind(whose)
        .fetch_all(&mut **session)
        .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

async fn by_names(
    session: &mut Session,
    schema: &str,
    core_name: &str,
    whose: Option<&[Uuid]>,
) -> Result<Vec<Row>, sqlx::Error> {
    if core_name.is_empty() {
        return Ok(vec![]);
    }
    // Whoever made the extension before us may have put it elsewhere. What it takes for alike is set to what we do, so that
    // its index finds no others.
    let trigrams: String = sqlx::query_scalar(
        "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace, \
         set_config('pg_trgm.similarity_threshold', $1, false) where e.extname = 'pg_trgm'",
    )
    .bind(format!("0.{NAMES_ALIKE}"))
    .fetch_one(&mut **session)
    .await?;
    let sql = format!(
        "{} where t.core_name operator({trigrams}.%) $1 and {WHOSE} order by {trigrams}.similarity(t.core_name, $1) desc, t.id limit {CANDIDATES_MAX}",
        select(schema)
    );
    let rows: Vec<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(core_name)
        .bind(whose)
        .fetch_all(&mut **session)
        .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

fn select(schema: &str) -> String {
    format!(
        "select t.id, t.customer_number, t.name, t.phone, t.email, t.bin, t.iin, t.assigned_to from {schema}.customer_marks t"
    )
}

type Columns = (
    Uuid,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Uuid>,
);

impl From<Columns> for Row {
    fn from((id, customer_number, name, phone, email, bin, iin, assigned_to): Columns) -> Self {
        let profile = Profile {
            name,
            phone,
            email,
            bin,
            iin,
            assigned_to: assigned_to.map(Into::into),
            ..Profile::default()
        };
        Self::of(id, customer_number, &profile)
    }
}
