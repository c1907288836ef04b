//! Imports over HTTP. Each is its sender's own: others do not learn that it is there. What somebody may import they must be allowed to make and
//! to change, then and when it is carried out.

use super::{
    Table,
    columns::Columns,
    shown::{self, ImportShown, RowShown},
    store::{self, Import, State},
    upload::Upload,
};
use crate::{
    envelope::{self, Envelope, Listed},
    export::Sheet,
    extract::{Caller, Id, NoQuery, Within, Write},
    i18n::Language,
    openapi::{parameter, told},
    problem::{Code, Problem},
    reply::{Created, Reply},
    state::App,
};
use aide::{
    OperationInput,
    axum::{
        ApiRouter,
        routing::{get_with, post_with},
    },
    generate::GenContext,
    openapi::Operation,
};
use axum::{
    Json as Body,
    extract::{FromRequestParts, Query, State as Shared},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use chrono::Utc;
use domain::Rule;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use sheets::Format;
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// How many are listed, the newest first.
const LISTED_MAX: i64 = 100;
const ROWS_MAX: i64 = 1_000;
const ROWS_DEFAULT: i64 = 100;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/imports",
            get_with(list, told("The caller's imports, the newest first, a hundred at most; they are kept for a week")).post_with(
                upload,
                told("Makes products, customers, deals or orders of a file's rows, or changes those that are there: by `id`, by `externalId`, products by their code. `custom.size` is a field of the workspace's own. With `dryRun` nothing is done before `/start`"),
            ),
        )
        .api_route(
            "/imports/{id}",
            get_with(details, told("How far an import is, and what its rows come to")),
        )
        .api_route(
            "/imports/{id}/rows",
            get_with(rows, told("What each row comes to, in order: those behind `after`")),
        )
        .api_route(
            "/imports/{id}/errors",
            get_with(errors, told("The rows that something is wrong with, as a file, with the reason beside each")),
        )
        .api_route(
            "/imports/{id}/start",
            post_with(start, told("Carries out an import that is checked")),
        )
        .api_route(
            "/imports/{id}/cancel",
            post_with(cancel, told("Ends an import; what was carried out stays")),
        )
}

async fn upload(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    write: Write,
    upload: Upload,
) -> Result<Created<ImportShown>, Problem> {
    let Upload {
        file,
        file_name,
        resource,
        mapping,
        dry_run,
        hash,
    } = upload;
    for right in resource.rights() {
        caller.require(right)?;
    }
    let bytes = file.clone();
    let table = spawn_blocking(move || Table::read(&bytes)).await;
    let table = table.map_err(|_| Problem::internal())?.map_err(shown::unreadable)?;
    let columns = Columns::of(&table.heads, &mapping, &resource.targets_of(&app, &caller).await?)?;
    if table.lines.is_empty() {
        return Err(Problem::invalid_field("file", Rule::Required).because("import.no_rows"));
    }
    let command = write.context(&caller, hash).command;
    let names = columns.names().map(|name| name.map(str::to_owned));
    let import = Import {
        id: command.map_or_else(Uuid::now_v7, |command| command.id),
        workspace: caller.workspace.id,
        user: caller.user_id.uuid(),
        key: caller.key.as_ref().map(|key| key.id.uuid()),
        request_hash: command.map(|command| command.request_hash.to_vec()),
        resource,
        file_name,
        heads: table.heads.iter().cloned().zip(names).collect(),
        lines: i32::try_from(table.lines.len()).unwrap_or(i32::MAX),
        is_dry: dry_run,
        state: State::Checking,
        problem: None,
        created_at: Utc::now(),
        started_at: None,
        ended_at: None,
    };
    match store::enter(&app.pool, &import, &file).await? {
        Some(true) => app.importing.notify_one(),
        Some(false) => {}
        None => return Err(Problem::new(Code::Conflict).because("import.too_many")),
    }
    let entered = own(&app, &caller, import.id).await?;
    if entered.request_hash != import.request_hash {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    let shown = shown::import(&app, entered, language).await?;
    Ok(Created::of(
        (StatusCode::CREATED, Body(Envelope::of(shown))).into_response(),
    ))
}

/// Of whoever asks; of others' it is not told that they are there.
async fn own(app: &App, caller: &Caller, id: Uuid) -> Result<Import, Problem> {
    let found = store::find(&app.pool, caller.workspace.id, caller.user_id.uuid(), id).await?;
    found.ok_or_else(|| Problem::missing("import.missing"))
}

async fn list(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    _: NoQuery,
) -> Result<Reply<Listed<Vec<ImportShown>>>, Problem> {
    let found = store::of(&app.pool, caller.workspace.id, caller.user_id.uuid(), LISTED_MAX).await?;
    let mut items = Vec::with_capacity(found.len());
    for import in found {
        items.push(shown::import(&app, import, language).await?);
    }
    Ok(Reply::of(envelope::ok(Listed::<ImportShown>::all(items))))
}

async fn details(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    Id(id): Id<Uuid>,
) -> Result<Reply<ImportShown>, Problem> {
    told_of(&app, &caller, id, language).await
}

async fn told_of(app: &App, caller: &Caller, id: Uuid, language: Language) -> Result<Reply<ImportShown>, Problem> {
    let import = own(app, caller, id).await?;
    let shown = shown::import(app, import, language).await?;
    Ok(Reply::of(envelope::ok(shown)))
}

async fn start(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    Id(id): Id<Uuid>,
) -> Result<Reply<ImportShown>, Problem> {
    let import = own(&app, &caller, id).await?;
    for right in import.resource.rights() {
        caller.require(right)?;
    }
    if store::go(&app.pool, id, &[State::Ready], State::Running).await? {
        app.importing.notify_one();
    } else if !matches!(own(&app, &caller, id).await?.state, State::Running | State::Done) {
        return Err(Problem::new(Code::InvalidTransition).because("import.not_ready"));
    }
    told_of(&app, &caller, id, language).await
}

async fn cancel(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    Id(id): Id<Uuid>,
) -> Result<Reply<ImportShown>, Problem> {
    own(&app, &caller, id).await?;
    let open = [State::Checking, State::Ready, State::Running];
    let cancelled = store::go(&app.pool, id, &open, State::Cancelled).await?;
    if !cancelled && own(&app, &caller, id).await?.state != State::Cancelled {
        return Err(Problem::new(Code::InvalidTransition).because("import.over"));
    }
    told_of(&app, &caller, id, language).await
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Rows {
    items: Vec<RowShown>,
    /// For `?after=`; none when these are the last ones.
    next_after: Option<i32>,
}

async fn rows(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    Within(id): Within<Uuid>,
    Behind { after, limit }: Behind,
) -> Result<Reply<Rows>, Problem> {
    own(&app, &caller, id).await?;
    let lines = store::lines(&app.pool, id, after, None, limit).await?;
    let is_full = i64::try_from(lines.len()).is_ok_and(|found| found == limit);
    let next_after = lines.last().map(|line| line.nth).filter(|_| is_full);
    let items = lines.into_iter().map(|line| shown::row(line, language)).collect();
    Ok(Reply::of(envelope::ok(Rows { items, next_after })))
}

async fn errors(
    Shared(app): Shared<App>,
    caller: Caller,
    language: Language,
    Within(id): Within<Uuid>,
    As(format): As,
) -> Result<Sheet, Problem> {
    own(&app, &caller, id).await?;
    let file = shown::wrong_ones(&app, id, format, language).await?;
    Ok(Sheet::named("errors", format, file.into()))
}

/// `?after=&limit=`, of rows.
struct Behind {
    after: i32,
    limit: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Behind {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut behind = Self {
            after: 0,
            limit: ROWS_DEFAULT,
        };
        for (name, value) in pairs(parts)? {
            let rule = Rule::OutOfRange { min: 1, max: ROWS_MAX };
            let number: Option<i32> = value.parse().ok().filter(|number| *number >= 0);
            let taken = match (name.as_str(), number) {
                ("after", Some(after)) => {
                    behind.after = after;
                    Ok(())
                }
                ("after", None) => Err(Rule::WrongType),
                ("limit", Some(limit)) if (1..=ROWS_MAX).contains(&i64::from(limit)) => {
                    behind.limit = limit.into();
                    Ok(())
                }
                ("limit", _) => Err(rule),
                _ => Err(Rule::Unknown),
            };
            taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        Ok(behind)
    }
}

impl OperationInput for Behind {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        for (name, schema, told) in [
            (
                "after",
                json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX }),
                "The row behind which they begin",
            ),
            (
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": ROWS_DEFAULT }),
                "How many",
            ),
        ] {
            parameter(
                operation,
                json!({ "name": name, "in": "query", "schema": schema, "description": told }),
            );
        }
    }
}

/// `?format=`; CSV when none is named.
struct As(Format);

impl<S: Send + Sync> FromRequestParts<S> for As {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut format = Format::Csv;
        for (name, value) in pairs(parts)? {
            let known = || Rule::not_one_of(Format::ALL.map(Format::name));
            let taken = match name.as_str() {
                "format" => Format::parse(&value).ok_or_else(known),
                _ => Err(Rule::Unknown),
            };
            format = taken.map_err(|rule| Problem::invalid_field(name, rule))?;
        }
        Ok(Self(format))
    }
}

impl OperationInput for As {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let schema = json!({ "type": "string", "enum": Format::ALL.map(Format::name), "default": Format::Csv.name() });
        parameter(
            operation,
            json!({ "name": "format", "in": "query", "schema": schema, "description": "What file it is to be" }),
        );
    }
}

fn pairs(parts: &Parts) -> Result<Vec<(String, String)>, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(pairs) = pairs.map_err(|_| Problem::invalid_field("?", Rule::Unknown))?;
    Ok(pairs)
}
