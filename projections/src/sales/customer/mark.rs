//! What customers are recognised by, a row each, and who is like somebody. The database finds candidates by an index; what
//! they have in common the domain says, so that there is one truth about it. One that was merged into another is still
//! recognised, and the other is told of.

use super::{OWNED, concerned};
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
use std::{cmp::Reverse, collections::BTreeSet};
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
    /// The one that is told of in its place.
    pub merged_into: Option<Uuid>,
    /// As names are compared.
    pub core_name: String,
    /// What it is found by.
    pub marks: Vec<String>,
}

impl Table for Row {
    const NAME: &'static str = "customer_marks";
    const SQL: &'static str = include_str!("../../../../migrations/tenant/customer_marks.sql");
    const FOLD: u32 = 2;

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
            Column::new("merged_into", K::Hidden),
            Column::new("core_name", K::Hidden),
            Column::new("marks", K::Hidden),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Customer(fact) => concerned(event.id(), fact),
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
            CustomerEvent::Updated(change) | CustomerEvent::Released { change, .. } => {
                revise(row, |profile| profile.apply(change));
            }
            CustomerEvent::Absorbed { given, .. } => revise(row, |profile| profile.absorb(given)),
            CustomerEvent::StatusChanged { .. } => {}
            CustomerEvent::Archived {} => *row = None,
            CustomerEvent::Merged { into, .. } => {
                if let Some(known) = row {
                    known.merged_into = Some((*into).into());
                }
            }
            CustomerEvent::Unmerged { .. } => {
                if let Some(known) = row {
                    known.merged_into = (key != event.id()).then_some(event.id());
                }
            }
        }
    }
}

/// A change of one that is not merged into another: those take none.
fn revise(row: &mut Option<Row>, change: impl FnOnce(&mut Profile)) {
    if let Some(known) = row {
        let mut profile = known.profile();
        change(&mut profile);
        *known = Row::of(known.id, known.customer_number.clone(), &profile);
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
            merged_into: None,
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
    let alike = found.into_iter().map(|Found { row, as_known }| Alike {
        signs: signs(profile, &as_known),
        row,
    });
    let mut alike: Vec<Alike> = alike.filter(|alike| !alike.signs.is_empty()).collect();
    alike.sort_by_key(|alike| (alike.signs.first().copied(), Reverse(alike.signs.len()), alike.row.id));
    // Found by its name as well, or as one that was merged into it: the most telling counts.
    let mut told = BTreeSet::new();
    alike.retain(|alike| told.insert(alike.row.id));
    Ok(alike)
}

/// That customer's row.
pub async fn of(reader: Reader<'_>, id: Uuid) -> Result<Option<Row>, sqlx::Error> {
    let sql = format!("{} where m.id = $1", select(reader.schema));
    let mut session = reader.enter().await?;
    let found: Option<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut *session)
        .await?;
    session.leave();
    Ok(found.map(|found| Found::from(found).row))
}

/// Whose they may be: of these, or of anybody.
const WHOSE: &str = "($2::uuid[] is null or t.assigned_to = any($2))";

async fn by_marks(
    session: &mut Session,
    schema: &str,
    marks: &[String],
    whose: Option<&[Uuid]>,
) -> Result<Vec<Found>, sqlx::Error> {
    if marks.is_empty() {
        return Ok(vec![]);
    }
    let sql = format!(
        "{} where m.marks ?| $1 and {WHOSE} order by t.id, m.id limit {CANDIDATES_MAX}",
        select(schema)
    );
    let rows: Vec<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(marks)
        .bind(whose)
        .fetch_all(&mut **session)
        .await?;
    Ok(rows.into_iter().map(Found::from).collect())
}

async fn by_names(
    session: &mut Session,
    schema: &str,
    core_name: &str,
    whose: Option<&[Uuid]>,
) -> Result<Vec<Found>, sqlx::Error> {
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
        "{} where m.core_name operator({trigrams}.%) $1 and {WHOSE} order by {trigrams}.similarity(m.core_name, $1) desc, t.id limit {CANDIDATES_MAX}",
        select(schema)
    );
    let rows: Vec<Columns> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(core_name)
        .bind(whose)
        .fetch_all(&mut **session)
        .await?;
    Ok(rows.into_iter().map(Found::from).collect())
}

fn select(schema: &str) -> String {
    format!(
        "select t.id, t.customer_number, t.name, t.phone, t.email, t.bin, t.iin, t.assigned_to, m.name, m.phone, m.email, m.bin, m.iin \
         from {schema}.customer_marks m join {schema}.customer_marks t on t.id = coalesce(m.merged_into, m.id)"
    )
}

/// One that was found, and as what: it was known so itself, or somebody was who was merged into it.
struct Found {
    row: Row,
    as_known: Profile,
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
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl From<Columns> for Found {
    fn from(found: Columns) -> Self {
        let (id, number, name, phone, email, bin, iin, assigned_to, ..) = found;
        let (.., known_name, known_phone, known_email, known_bin, known_iin) = found;
        let of = |name, phone, email, bin, iin| Profile {
            name,
            phone,
            email,
            bin,
            iin,
            assigned_to: assigned_to.map(Into::into),
            ..Profile::default()
        };
        Self {
            row: Row::of(id, number, &of(name, phone, email, bin, iin)),
            as_known: of(known_name, known_phone, known_email, known_bin, known_iin),
        }
    }
}
