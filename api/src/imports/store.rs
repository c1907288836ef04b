//! Imports and their lines as they stand in the database. Whoever works on one has a lease on it, and takes it anew with every step.

use super::resource::Resource;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, PgPool, Row, postgres::PgRow, types::Json};
use std::str::FromStr;
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

/// How long somebody works on without being heard of, in seconds: then it is anybody's.
const LEASE: i32 = 15;
/// Files that a workspace may have waiting and in hand.
const OPEN_MAX: i64 = 50;
/// How long they are kept, in days, with what became of their rows.
const DAYS: i32 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// Each row is looked at.
    Checking,
    /// Waits for somebody to say that it may be carried out.
    Ready,
    Running,
    Done,
    /// What was carried out until then stays.
    Cancelled,
    Failed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An import but for its file.
#[derive(Debug, Clone)]
pub struct Import {
    pub id: Uuid,
    pub workspace: Uuid,
    pub user: Uuid,
    pub key: Option<Uuid>,
    pub request_hash: Option<Vec<u8>>,
    pub resource: Resource,
    pub file_name: Option<String>,
    /// Each column of the file, and the field that it is of.
    pub heads: Vec<(String, Option<String>)>,
    pub lines: i32,
    pub is_dry: bool,
    pub state: State,
    pub problem: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, workspace_id, user_id, key_id, request_hash, resource, file_name, heads, lines, is_dry, state, problem, \
    created_at, started_at, ended_at";

impl FromRow<'_, PgRow> for Import {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let word = |name: &str| row.try_get::<String, _>(name);
        let unknown = |word: String| sqlx::Error::Decode(word.into());
        let (resource, state) = (word("resource")?, word("state")?);
        let Json(heads) = row.try_get("heads")?;
        Ok(Self {
            id: row.try_get("id")?,
            workspace: row.try_get("workspace_id")?,
            user: row.try_get("user_id")?,
            key: row.try_get("key_id")?,
            request_hash: row.try_get("request_hash")?,
            resource: Resource::parse(&resource).ok_or_else(|| unknown(resource))?,
            file_name: row.try_get("file_name")?,
            heads,
            lines: row.try_get("lines")?,
            is_dry: row.try_get("is_dry")?,
            state: State::from_str(&state).map_err(|_| unknown(state))?,
            problem: row.try_get("problem")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    Create,
    Update,
    Unchanged,
    Error,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone)]
pub struct Line {
    /// As a spreadsheet counts rows.
    pub nth: i32,
    pub outcome: Outcome,
    pub thing: Option<Uuid>,
    pub is_new: bool,
    /// In each language.
    pub error: Option<Value>,
}

impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let outcome: String = row.try_get("outcome")?;
        Ok(Self {
            nth: row.try_get("nth")?,
            outcome: Outcome::from_str(&outcome).map_err(|_| sqlx::Error::Decode(outcome.into()))?,
            thing: row.try_get("thing")?,
            is_new: row.try_get("is_new")?,
            error: row.try_get("error")?,
        })
    }
}

const OF_LINES: &str = "nth, outcome, thing, is_new, error";

/// How far it is, and what its lines came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub seen: i64,
    pub carried_out: i64,
    pub create: i64,
    pub update: i64,
    pub unchanged: i64,
    pub error: i64,
}

/// Enters a new one; answers whether it is new, and not the repeat of a request. Too many at once are none.
pub async fn enter(pool: &PgPool, import: &Import, file: &[u8]) -> Result<Option<bool>, sqlx::Error> {
    let enter = "insert into platform.imports \
            (id, workspace_id, user_id, key_id, request_hash, resource, file_name, heads, lines, is_dry, state, file) \
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
        where $13 > (select count(*) from platform.imports where workspace_id = $2 and state in ('checking', 'ready', 'running')) \
        on conflict (id) do nothing";
    let entered = sqlx::query(enter)
        .bind(import.id)
        .bind(import.workspace)
        .bind(import.user)
        .bind(import.key)
        .bind(&import.request_hash)
        .bind(import.resource.name())
        .bind(&import.file_name)
        .bind(Json(&import.heads))
        .bind(import.lines)
        .bind(import.is_dry)
        .bind(import.state.as_str())
        .bind(file)
        .bind(OPEN_MAX)
        .execute(pool)
        .await?;
    if entered.rows_affected() == 1 {
        return Ok(Some(true));
    }
    let there = "select exists (select from platform.imports where id = $1)";
    let there: bool = sqlx::query_scalar(there).bind(import.id).fetch_one(pool).await?;
    Ok(there.then_some(false))
}

/// One of somebody's own.
pub async fn find(pool: &PgPool, workspace: Uuid, user: Uuid, id: Uuid) -> Result<Option<Import>, sqlx::Error> {
    let find = format!("select {COLUMNS} from platform.imports where id = $1 and workspace_id = $2 and user_id = $3");
    let found = sqlx::query_as(AssertSqlSafe(find)).bind(id).bind(workspace).bind(user);
    found.fetch_optional(pool).await
}

/// All of somebody's own, the newest first.
pub async fn of(pool: &PgPool, workspace: Uuid, user: Uuid, most: i64) -> Result<Vec<Import>, sqlx::Error> {
    let of = format!(
        "select {COLUMNS} from platform.imports where workspace_id = $1 and user_id = $2 order by created_at desc, id desc limit $3"
    );
    let of = sqlx::query_as(AssertSqlSafe(of)).bind(workspace).bind(user).bind(most);
    of.fetch_all(pool).await
}

pub async fn file(pool: &PgPool, id: Uuid) -> Result<Vec<u8>, sqlx::Error> {
    let file = "select file from platform.imports where id = $1";
    sqlx::query_scalar(file).bind(id).fetch_one(pool).await
}

pub async fn counts(pool: &PgPool, id: Uuid) -> Result<Counts, sqlx::Error> {
    let counts = "select count(*), count(*) filter (where carried_out or outcome = 'error'), \
            count(*) filter (where outcome = 'create'), count(*) filter (where outcome = 'update'), \
            count(*) filter (where outcome = 'unchanged'), count(*) filter (where outcome = 'error') \
        from platform.import_lines where import_id = $1";
    let (seen, carried_out, create, update, unchanged, error): (i64, i64, i64, i64, i64, i64) =
        sqlx::query_as(counts).bind(id).fetch_one(pool).await?;
    Ok(Counts {
        seen,
        carried_out,
        create,
        update,
        unchanged,
        error,
    })
}

/// Some lines in order, from behind that one; only those that are wrong, if they are asked for.
pub async fn lines(
    pool: &PgPool,
    id: Uuid,
    after: i32,
    only: Option<Outcome>,
    most: i64,
) -> Result<Vec<Line>, sqlx::Error> {
    let lines = format!(
        "select {OF_LINES} from platform.import_lines where import_id = $1 and nth > $2 and ($3::text is null or outcome = $3) \
         order by nth limit $4"
    );
    let lines = sqlx::query_as(AssertSqlSafe(lines)).bind(id).bind(after);
    let lines = lines.bind(only.map(Outcome::as_str)).bind(most);
    lines.fetch_all(pool).await
}

/// Lets it be carried out; or ends it. Answers whether it was in a state for that.
pub async fn go(pool: &PgPool, id: Uuid, from: &[State], to: State) -> Result<bool, sqlx::Error> {
    let go = "update platform.imports set state = $3, \
            leased_until = case when state = 'ready' then '-infinity' else leased_until end, \
            started_at = case when $3 = 'running' then log.clock() else started_at end, \
            ended_at = case when $3 in ('done', 'cancelled', 'failed') then log.clock() end \
        where id = $1 and state = any($2)";
    let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
    let gone = sqlx::query(go)
        .bind(id)
        .bind(from)
        .bind(to.as_str())
        .execute(pool)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// Ends it for good, with the reason.
pub async fn fail(pool: &PgPool, id: Uuid, problem: &Value) -> Result<(), sqlx::Error> {
    let fail = "update platform.imports set state = 'failed', problem = $2, ended_at = log.clock() \
        where id = $1 and state in ('checking', 'running')";
    sqlx::query(fail).bind(id).bind(problem).execute(pool).await.map(drop)
}

/// The one that has waited longest, if there is one that nobody works on: it is the caller's for a while.
pub async fn take(pool: &PgPool) -> Result<Option<Import>, sqlx::Error> {
    let take = format!(
        "update platform.imports set leased_until = log.clock() + $1 * interval '1 second' \
         where id = (select id from platform.imports where state in ('checking', 'running') and leased_until < log.clock() \
             order by created_at limit 1 for update skip locked) \
         returning {COLUMNS}"
    );
    sqlx::query_as(AssertSqlSafe(take))
        .bind(LEASE)
        .fetch_optional(pool)
        .await
}

/// For a while longer; false when it is not in that state any more.
pub async fn hold(pool: &PgPool, id: Uuid, state: State) -> Result<bool, sqlx::Error> {
    let hold = "update platform.imports set leased_until = log.clock() + $3 * interval '1 second' where id = $1 and state = $2";
    let held = sqlx::query(hold)
        .bind(id)
        .bind(state.as_str())
        .bind(LEASE)
        .execute(pool)
        .await?;
    Ok(held.rows_affected() == 1)
}

/// Somebody may try again after a pause, in seconds.
pub async fn let_go(pool: &PgPool, id: Uuid, pause: i32) -> Result<(), sqlx::Error> {
    let let_go = "update platform.imports set leased_until = log.clock() + $2 * interval '1 second' where id = $1";
    sqlx::query(let_go).bind(id).bind(pause).execute(pool).await.map(drop)
}

/// The last line that was looked at; 0: none.
pub async fn looked_at(pool: &PgPool, id: Uuid) -> Result<i32, sqlx::Error> {
    let last = "select coalesce(max(nth), 0) from platform.import_lines where import_id = $1";
    sqlx::query_scalar(last).bind(id).fetch_one(pool).await
}

/// Some of the lines that are still to be carried out.
pub async fn left(pool: &PgPool, id: Uuid, most: i64) -> Result<Vec<Line>, sqlx::Error> {
    let left = format!(
        "select {OF_LINES} from platform.import_lines where import_id = $1 and not carried_out and outcome <> 'error' \
         order by nth limit $2"
    );
    sqlx::query_as(AssertSqlSafe(left))
        .bind(id)
        .bind(most)
        .fetch_all(pool)
        .await
}

/// What lines would come to, or what they came to.
pub async fn note(pool: &PgPool, id: Uuid, lines: &[Line], carried_out: bool) -> Result<(), sqlx::Error> {
    let note = "insert into platform.import_lines (import_id, nth, outcome, thing, is_new, error, carried_out) \
        select $1, u.nth, u.outcome, u.thing, u.is_new, u.error, $2 \
        from unnest($3::int[], $4::text[], $5::uuid[], $6::boolean[], $7::jsonb[]) u(nth, outcome, thing, is_new, error) \
        on conflict (import_id, nth) do update set outcome = excluded.outcome, error = excluded.error, carried_out = excluded.carried_out";
    let nths: Vec<i32> = lines.iter().map(|line| line.nth).collect();
    let outcomes: Vec<&str> = lines.iter().map(|line| line.outcome.as_str()).collect();
    let things: Vec<Option<Uuid>> = lines.iter().map(|line| line.thing).collect();
    let are_new: Vec<bool> = lines.iter().map(|line| line.is_new).collect();
    let errors: Vec<Option<Value>> = lines.iter().map(|line| line.error.clone()).collect();
    let note = sqlx::query(note).bind(id).bind(carried_out).bind(nths).bind(outcomes);
    let note = note.bind(things).bind(are_new).bind(errors);
    note.execute(pool).await.map(drop)
}

/// What may tell of somebody who is erased in that workspace.
pub async fn forget(pool: &PgPool, workspace: Uuid) -> Result<(), sqlx::Error> {
    let forget = "delete from platform.imports where workspace_id = $1";
    sqlx::query(forget).bind(workspace).execute(pool).await.map(drop)
}

/// Those that are old are gone.
pub async fn lapse(pool: &PgPool) -> Result<(), sqlx::Error> {
    let lapse = "delete from platform.imports where created_at < log.clock() - $1 * interval '1 day'";
    sqlx::query(lapse).bind(DAYS).execute(pool).await.map(drop)
}
