//! `POST /products/batch`, document 2: many products, each made or refused alone. Each is a command of its own, and all of
//! them wait for their commit together, so that they come into the log in few commits; and each has an id of its own under
//! the request's key, so that what a crash left undone is done by the repeat, and nothing twice.

use crate::{
    envelope::Envelope,
    extract::{Asked, Body, Json, May, New, Nothing, With, Write, rights::ProductsCreate},
    i18n::Language,
    identity::once::{Kept, Once},
    problem::Problem,
    reply::Created,
    state::App,
};
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use commands::{Context, Done, product};
use domain::{
    Rule,
    catalog::product::{Details, ProductEvent},
    check::ITEMS_MAX,
    id::derive,
};
use futures::future::join_all;
use log::CommandId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use std::{collections::HashSet, iter::Peekable};
use uuid::Uuid;

/// How many wait for their commit at once.
const AT_ONCE: usize = 128;
const LIST: &str = "products";

/// What is to be made, read one by one: what is wrong with one is that one's refusal.
pub struct Batch(Vec<Item>);

impl Asked for Batch {
    fn read(json: Json) -> Result<Self, Problem> {
        let Json::Object(fields) = json else {
            return Err(Problem::malformed());
        };
        let mut items = None;
        for (name, value) in fields {
            match (name.as_str(), value) {
                (LIST, Json::List(list)) if list.len() > ITEMS_MAX => {
                    return Err(Problem::invalid_field(LIST, Rule::TooMany { max: ITEMS_MAX }));
                }
                (LIST, Json::List(list)) => items = Some(list),
                (LIST, Json::Null) => {}
                (LIST, _) => return Err(Problem::invalid_field(LIST, Rule::WrongType)),
                _ => return Err(Problem::invalid_field(name, Rule::no_such_field([LIST]))),
            }
        }
        let items = items.ok_or_else(|| Problem::invalid_field(LIST, Rule::Required))?;
        Ok(Self(items.into_iter().map(New::<Details, Nothing>::read).collect()))
    }

    /// An item may be anything, for what is wrong with it is answered and does not refuse the others.
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let product = New::<Details, Nothing>::schema(generator);
        json_schema!({
            "type": "object",
            "required": [LIST],
            "additionalProperties": false,
            "properties": { LIST: {
                "type": "array",
                "maxItems": ITEMS_MAX,
                "items": { "anyOf": [product, true] },
            } },
        })
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchDone {
    /// How many were made, …
    created: usize,
    /// … and how many were not.
    failed: usize,
    products: Vec<MadeProduct>,
    errors: Vec<FailedProduct>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct MadeProduct {
    id: Uuid,
    code: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FailedProduct {
    /// Its place in the request, from 0.
    index: usize,
    /// As it was asked for; absent where there was none to be read.
    code: Option<String>,
    error: FailedFor,
}

/// As the error of a request for this one alone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FailedFor {
    code: String,
    message: String,
    #[schemars(with = "serde_json::Map<String, Value>")]
    details: Value,
}

pub async fn create(
    State(app): State<App>,
    caller: May<ProductsCreate>,
    language: Language,
    write: Write,
    Body {
        value: Batch(items),
        hash,
    }: Body<Batch>,
) -> Result<Created<BatchDone>, Problem> {
    // The same key in another workspace is another request.
    let who = format!("{} in {}", caller.name(), caller.workspace.id);
    let once = Once::new(&app.pepper, &write, &who, hash);
    if let Some(first) = once.first(&app.pool).await? {
        return Ok(Created::of(first.into_response()));
    }
    let context = write.context(&caller, hash);
    let mut made = Vec::with_capacity(items.len());
    let mut items = items.into_iter().enumerate().peekable();
    while items.peek().is_some() {
        let some = apart(&mut items).into_iter();
        made.extend(join_all(some.map(|(index, item)| make(&app, &context, index, item))).await);
    }
    let reached = made.iter().filter_map(|made| made.outcome.as_ref().ok());
    let reached = reached.map(|done| done.position).max();
    let position = match reached {
        Some(position) => position,
        None => app.log.head(context.workspace.into()).await?,
    };
    let written = write.settle_at(&app, context.workspace, position, None).await;
    // What failed by circumstances, and not by itself, is tried again by a repeat.
    let is_final = made.iter().all(Made::is_final);
    let done = told(made, language);
    if is_final {
        let answer = Kept::new(StatusCode::CREATED, &Envelope::of(&done))?.at(position);
        once.keep_done(&app.pool, answer).await?;
    }
    Ok(written.created(done))
}

type Item = Result<New<Details, Nothing>, Problem>;

/// The next ones that are made at once: no two of one code, for it is the first one's.
fn apart(items: &mut Peekable<impl Iterator<Item = (usize, Item)>>) -> Vec<(usize, Item)> {
    let (mut some, mut codes) = (Vec::new(), HashSet::new());
    let mut is_apart = |(_, item): &(usize, Item)| {
        let code = item.as_ref().ok().and_then(|With { change, .. }| change.code.as_set());
        code.is_none_or(|code| codes.insert(code.trim().to_lowercase()))
    };
    while some.len() < AT_ONCE
        && let Some(one) = items.next_if(&mut is_apart)
    {
        some.push(one);
    }
    some
}

/// What became of one of them.
struct Made {
    code: Option<String>,
    outcome: Result<Done<ProductEvent>, Problem>,
}

impl Made {
    fn is_final(&self) -> bool {
        let refused = self.outcome.as_ref().err();
        refused.is_none_or(|problem| !problem.code().status().is_server_error())
    }
}

async fn make(app: &App, context: &Context, index: usize, item: Item) -> Made {
    let With { change, .. } = match item {
        Ok(item) => item,
        Err(problem) => {
            return Made {
                code: None,
                outcome: Err(problem),
            };
        }
    };
    let code = change.code.as_set().cloned();
    let context = Context {
        command: context.command.map(|command| CommandId {
            id: derive(command.id, &index.to_string()),
            ..command
        }),
        ..context.clone()
    };
    let id = Uuid::now_v7().into();
    let outcome = product::create(&app.executor, id, change, &context).await;
    Made {
        code,
        outcome: outcome.map_err(Problem::from),
    }
}

fn told(made: Vec<Made>, language: Language) -> BatchDone {
    let (mut products, mut errors) = (Vec::new(), Vec::new());
    for (index, Made { code, outcome }) in made.into_iter().enumerate() {
        match outcome {
            Ok(done) => products.push(MadeProduct {
                id: done.id,
                code: code.unwrap_or_default(),
            }),
            Err(problem) => errors.push(FailedProduct {
                index,
                code,
                error: failed_for(&problem, language),
            }),
        }
    }
    BatchDone {
        created: products.len(),
        failed: errors.len(),
        products,
        errors,
    }
}

fn failed_for(problem: &Problem, language: Language) -> FailedFor {
    let mut error = problem.envelope(language)["error"].take();
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    FailedFor {
        code: text(error["code"].take()),
        message: text(error["message"].take()),
        details: error["details"].take(),
    }
}
