//! Instances as people look at them. They are written down behind the folding (memory.rs): what is shown may be a moment old.

use crate::{Owed, all, memory::process, saga};
use chrono::{DateTime, Utc};
use domain::id::{ProcessId, derive};
use log::{Log, ReadError, Recorded};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{Error, FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Process")]
pub struct Instance {
    pub workspace_id: Uuid,
    pub saga: String,
    /// What it is about.
    #[serde(rename = "id")]
    pub instance: Uuid,
    /// As `Standing::name` has it.
    pub status: String,
    pub reason: Option<String>,
    /// Something is to be done at once.
    pub owes: bool,
    /// When something is to be done next, by the database's clock.
    pub due_at: Option<DateTime<Utc>>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// What it does next by itself.
    pub steps: Vec<Step>,
    /// Steps that wait for an operator's word.
    pub refused: Vec<String>,
    /// As it is stored, which is the saga's own business.
    #[schemars(extend("type" = ["object", "string"]))]
    pub state: Value,
}

/// With what was refused of it and decided on it, in order.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ProcessInFull")]
pub struct Full {
    #[serde(flatten)]
    pub instance: Instance,
    pub story: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ProcessStep")]
pub struct Step {
    pub step: String,
    /// Absent: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
}

/// An event of an instance's own stream: a refusal, or what was decided on it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProcessEvent")]
pub struct Told {
    pub position: i64,
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    #[serde(rename = "type")]
    pub event_type: String,
    pub data: Map<String, Value>,
}

/// How many wait for an operator's word, and since when the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    pub count: i64,
    pub since: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Instance {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            workspace_id: row.try_get("workspace_id")?,
            saga: row.try_get("saga")?,
            instance: row.try_get("instance")?,
            status: row.try_get("status")?,
            reason: row.try_get("reason")?,
            owes: row.try_get("owes")?,
            due_at: row.try_get("due_at")?,
            started_at: row.try_get("started_at")?,
            updated_at: row.try_get("updated_at")?,
            steps: vec![],
            refused: vec![],
            state: row.try_get("state")?,
        })
    }
}

impl Instance {
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "done" | "abandoned")
    }

    /// Where its own events are.
    pub(crate) fn stream(&self) -> ProcessId {
        stream(self.instance, &self.saga)
    }

    /// What its state says; a saga of another version keeps that to itself.
    fn read(mut self, processes: &[Box<dyn saga::Process>]) -> Self {
        if let Some(process) = process(processes, &self.saga) {
            let mut state = self.state.clone();
            veil(&mut state);
            let owed = process.wake(state, self.instance);
            self.steps = owed.map_or(vec![], |(_, owed)| owed.into_iter().map(Step::from).collect());
            self.refused = process.refused(&self.state).unwrap_or_default();
        }
        self
    }
}

/// What is sealed stays so: which steps are owed does not hang on it.
fn veil(state: &mut Value) {
    match state {
        Value::Object(mark) if mark.contains_key("$sealed") => {
            mark.remove("$sealed");
            mark.insert("$erased".to_owned(), true.into());
        }
        Value::Object(fields) => fields.values_mut().for_each(veil),
        Value::Array(items) => items.iter_mut().for_each(veil),
        _ => {}
    }
}

impl From<Owed> for Step {
    fn from(Owed { step, due, .. }: Owed) -> Self {
        Self { step, due }
    }
}

pub(crate) fn stream(instance: Uuid, saga: &str) -> ProcessId {
    ProcessId::new(derive(instance, saga))
}

/// Those that have not come to their end, the oldest first.
pub async fn unfinished(
    pool: &PgPool,
    workspace: Option<Uuid>,
    status: Option<&str>,
    limit: i64,
) -> Result<Vec<Instance>, Error> {
    let unfinished = "select * from sagas.instances where status not in ('done', 'abandoned') \
        and ($1::uuid is null or workspace_id = $1) and ($2::text is null or status = $2) order by started_at, instance limit $3";
    let unfinished = sqlx::query_as(unfinished).bind(workspace).bind(status).bind(limit);
    Ok(read(unfinished.fetch_all(pool).await?))
}

/// All that are about that, those that have not come to their end first.
pub async fn instances(pool: &PgPool, workspace: Option<Uuid>, about: Uuid) -> Result<Vec<Instance>, Error> {
    let about = sqlx::query_as(
        "select * from sagas.instances where instance = $1 and ($2::uuid is null or workspace_id = $2) \
        order by status in ('done', 'abandoned'), saga",
    )
    .bind(about)
    .bind(workspace);
    Ok(read(about.fetch_all(pool).await?))
}

fn read(rows: Vec<Instance>) -> Vec<Instance> {
    let processes = all();
    rows.into_iter().map(|row| row.read(&processes)).collect()
}

/// The same, each with its story.
pub async fn full(log: &Log, pool: &PgPool, workspace: Option<Uuid>, about: Uuid) -> Result<Vec<Full>, ReadError> {
    let found = instances(pool, workspace, about).await?;
    let mut full = Vec::with_capacity(found.len());
    for instance in found {
        let (workspace, stream) = (instance.workspace_id, instance.stream().uuid());
        let events = log.read_stream(workspace, stream, 0).await?;
        let story = events.iter().map(told).collect();
        full.push(Full { instance, story });
    }
    Ok(full)
}

pub async fn parked(pool: &PgPool) -> Result<Parked, Error> {
    let parked = "select count(*), min(updated_at) from sagas.instances where status = 'parked'";
    let (count, since): (i64, Option<DateTime<Utc>>) = sqlx::query_as(parked).fetch_one(pool).await?;
    Ok(Parked { count, since })
}

fn told(event: &Recorded) -> Told {
    Told {
        position: event.position,
        at: event.recorded_at,
        actor: event.meta().actor,
        event_type: event.event_type.clone(),
        data: serde_json::from_str(&event.data).unwrap_or_default(),
    }
}
