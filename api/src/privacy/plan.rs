//! What erasing a person comes to, in each log that knows of them: shown before, and carried out as it was shown.

use super::{Scope, merged};
use crate::state::App;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use domain::{fact::CATEGORIES, id::WorkspaceId, personal::document_key, time::YEARS};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How many whole years documents are kept after that of their date (Kazakhstan: primary documents, five).
const KEPT_YEARS: i32 = 5;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub person_id: Uuid,
    /// Their account goes too: they cannot sign in any more.
    pub account: bool,
    pub workspaces: Vec<InWorkspace>,
}

/// What one log says of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InWorkspace {
    /// The nil id is the platform's own log: accounts.
    pub workspace_id: Uuid,
    /// Their key there was destroyed before.
    pub erased: bool,
    /// Events that say something of them, which nobody will be able to read.
    pub events: i64,
    /// Events that say where they wrote from.
    pub addresses: i64,
    /// Of before values were sealed: those stay readable, for events are never changed.
    pub in_the_clear: i64,
    /// Unique keys, such as a mail address, that will be free.
    pub claims: i64,
    /// What the law has kept.
    pub kept: Vec<Kept>,
    /// What tells of them and was written before it was known to be theirs, as what was done about a deal without a customer: deals
    /// and activities, each under a key of its own, which goes with theirs. And the customers that were merged into them.
    pub before: Vec<Uuid>,
    /// The people at a customer: each is known under a key of their own as well, by which one can be erased alone, and which goes with the
    /// customer's.
    pub contacts: Vec<Uuid>,
    /// Of a contact, from before contacts had keys of their own: lists that have the customer's key, and stay readable until that is
    /// destroyed.
    pub with_their_customer: i64,
}

/// Documents of one year: their own copy stays readable until that day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    pub year: i32,
    /// Of those that are not put away.
    pub documents: i64,
    pub until: NaiveDate,
    /// Under this key, which is destroyed then.
    pub key_id: Uuid,
}

impl Kept {
    /// The first moment of that day.
    pub fn ends(&self) -> DateTime<Utc> {
        self.until.and_time(NaiveTime::MIN).and_utc()
    }
}

impl Plan {
    pub async fn make(app: &App, scope: &Scope) -> Result<Self, sqlx::Error> {
        let mut workspaces = Vec::with_capacity(scope.workspaces.len());
        for workspace in &scope.workspaces {
            workspaces.push(InWorkspace::look(app, (*workspace).into(), scope.person).await?);
        }
        let account = workspaces
            .iter()
            .any(|known| known.workspace_id == WorkspaceId::PLATFORM.uuid());
        Ok(Self {
            person_id: scope.person,
            account,
            workspaces,
        })
    }

    /// Until when the last document of theirs in that workspace is kept.
    pub fn kept_until(&self, workspace: WorkspaceId) -> Option<NaiveDate> {
        let mut known = self.workspaces.iter();
        let known = known.find(|known| known.workspace_id == workspace.uuid())?;
        known.kept.iter().map(|kept| kept.until).max()
    }
}

impl InWorkspace {
    async fn look(app: &App, workspace: Uuid, person: Uuid) -> Result<Self, sqlx::Error> {
        let personal = CATEGORIES.iter().flat_map(|category| category.personal());
        let personal: Vec<&str> = personal.map(|field| field.event_type).collect();
        let before = before(app, workspace, person).await?;
        let mut documents = kept(app, workspace, person).await?;
        for key in &before {
            documents.extend(kept(app, workspace, *key).await?);
        }
        let contacts = contacts(app, workspace, person, &before).await?;
        let look = "select coalesce((select wrapped is null from log.person_keys where workspace_id = $1 and person_id = $2), false), \
            count(*) filter (where data::text like any($5)), count(*) filter (where strpos(metadata::text, $3) > 0), \
            count(*) filter (where stream_id = $2 and type = any($4) and strpos(data::text, '\"$person\"') = 0), \
            (select count(*) from log.claims where workspace_id = $1 and stream_id = $2 and starts_with(key, 'hmac:')) \
            from log.events where workspace_id = $1";
        let (erased, events, addresses, in_the_clear, claims) = sqlx::query_as(look)
            .bind(workspace)
            .bind(person)
            .bind(mark(person))
            .bind(personal)
            .bind(telling(person, before.iter().chain(&contacts)))
            .fetch_one(&app.pool)
            .await?;
        Ok(Self {
            workspace_id: workspace,
            erased,
            events,
            addresses,
            in_the_clear,
            claims,
            kept: documents,
            before,
            contacts,
            with_their_customer: with_their_customer(app, workspace, person).await?,
        })
    }
}

/// What stands in the text of an event that says something of a person.
pub(super) fn mark(person: Uuid) -> String {
    format!(r#""$person":"{person}""#)
}

/// Patterns of the texts of events that say something under the person's key, or one of those.
pub(super) fn telling<'a>(person: Uuid, others: impl Iterator<Item = &'a Uuid>) -> Vec<String> {
    let keys = others.copied().chain([person]);
    keys.map(|key| format!("%{}%", mark(key))).collect()
}

pub(super) async fn kept(app: &App, workspace: Uuid, person: Uuid) -> Result<Vec<Kept>, sqlx::Error> {
    let invoices = "select (data->>'issueDate')::date, count(*) from log.events where workspace_id = $1 \
        and type = 'invoice.created' and data->>'customerId' = $2::text group by 1";
    let invoices: Vec<(NaiveDate, i64)> = sqlx::query_as(invoices)
        .bind(workspace)
        .bind(person)
        .fetch_all(&app.pool)
        .await?;
    let mut years: BTreeMap<i32, i64> = BTreeMap::new();
    for (date, count) in invoices {
        *years.entry(date.year()).or_default() += count;
    }
    // Their events may have been put away: where there is a key, there were documents.
    let keys: BTreeMap<Uuid, i32> = YEARS.map(|year| (document_key(person, year), year)).collect();
    let there =
        "select person_id from log.person_keys where workspace_id = $1 and person_id = any($2) and wrapped is not null";
    let there: Vec<Uuid> = sqlx::query_scalar(there)
        .bind(workspace)
        .bind(keys.keys().copied().collect::<Vec<_>>())
        .fetch_all(&app.pool)
        .await?;
    for year in there.iter().filter_map(|key| keys.get(key)) {
        years.entry(*year).or_default();
    }
    let kept = |(year, documents): (i32, i64)| {
        Some(Kept {
            year,
            documents,
            until: NaiveDate::from_ymd_opt(year + KEPT_YEARS + 1, 1, 1)?,
            key_id: document_key(person, year),
        })
    };
    Ok(years.into_iter().filter_map(kept).collect())
}

/// The streams that say something under a key of their own, having named nobody then, and are about the person: they named them
/// later, or their deal did; and the same of those that were merged into the person, themselves first.
pub(super) async fn before(app: &App, workspace: Uuid, person: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut all = merged::into(app, workspace, person).await?;
    let persons: Vec<Uuid> = [person].into_iter().chain(all.iter().copied()).collect();
    for theirs in persons {
        all.extend(about(app, workspace, theirs).await?);
    }
    Ok(all)
}

async fn about(app: &App, workspace: Uuid, person: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let before = "with theirs as materialized (select distinct stream_id from log.events \
        where workspace_id = $1 and data->>'customerId' = $2::text) \
        select distinct e.stream_id from log.events e where e.workspace_id = $1 \
        and strpos(e.data::text, '\"$person\":\"' || e.stream_id || '\"') > 0 \
        and (e.stream_id in (select stream_id from theirs) \
        or e.data->>'dealId' in (select stream_id::text from theirs)) order by 1";
    sqlx::query_scalar(before)
        .bind(workspace)
        .bind(person)
        .fetch_all(&app.pool)
        .await
}

/// What has a list of contacts.
const LISTS: &str = "('customer.created', 'customer.updated', 'customer.absorbed', 'customer.released')";

/// Each contact in customers' events, where the list of them is one that names whose each is.
fn listed() -> String {
    format!(
        "log.events e cross join lateral json_array_elements( \
            case when json_typeof(e.data->'contacts') = 'array' then e.data->'contacts' else '[]' end) c(contact) \
        where e.workspace_id = $1 and e.type in {LISTS}"
    )
}

/// The keys of the people at a customer, and at those that go with it. Whom another one gave that was merged into it, and has come back
/// since, goes with that one.
pub(super) async fn contacts(
    app: &App,
    workspace: Uuid,
    customer: Uuid,
    before: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let listed = listed();
    let theirs = format!(
        "with theirs as materialized (select e.type, e.data->>'other' as other, contact->>'$person' as id from {listed} \
        and e.stream_id = any($2)) \
        select id::uuid from theirs where id <> all($2::text[]) \
        except select id::uuid from theirs where type = 'customer.absorbed' and other <> all($2::text[]) order by 1"
    );
    let customers: Vec<Uuid> = before.iter().copied().chain([customer]).collect();
    sqlx::query_scalar(AssertSqlSafe(theirs))
        .bind(workspace)
        .bind(customers)
        .fetch_all(&app.pool)
        .await
}

/// How many lists of their customer's contacts have that one's key alone.
async fn with_their_customer(app: &App, workspace: Uuid, contact: Uuid) -> Result<i64, sqlx::Error> {
    let listed = listed();
    let with = format!(
        "select count(*) from log.events o where o.workspace_id = $1 and o.stream_id <> $2 \
        and o.type in {LISTS} and json_typeof(o.data->'contacts') = 'object' \
        and o.stream_id in (select e.stream_id from {listed} and strpos(e.data::text, $3) > 0 and contact->>'$person' = $2::text)"
    );
    sqlx::query_scalar(AssertSqlSafe(with))
        .bind(workspace)
        .bind(contact)
        .bind(mark(contact))
        .fetch_one(&app.pool)
        .await
}
