//! Merging customers: shown first, as the same rules decide it, then carried out, and taken back.

use super::{CustomerChanged, changed};
use crate::{
    envelope,
    extract::{Body, Caller, May, Within, Write, rights::CustomersUpdate},
    openapi::{parameter, told},
    problem::{Code, Problem},
    reply::Reply,
    state::App,
    view::as_reader_at,
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
    extract::{FromRequestParts, Query, State},
    http::request::Parts,
};
use chrono::Utc;
use commands::{
    Context,
    customer::{self, Joint, Merge},
};
use domain::{
    Fields, Permission, Rule, Total,
    field::FieldKind,
    id::CustomerId,
    sales::customer::{
        Profile,
        merging::{Choices, Pick, is_list},
    },
};
use projections::{
    finance::invoice,
    sales::{customer::Row, deal, interaction, order},
    view::{self, Part, Reader, Scope, View, ViewError},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeSet, convert::Infallible};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/customers/{id}/merge",
            get_with(
                preview,
                told("What merging another customer into this one comes to: which fields stay whose, and what is shown as this one's from then on"),
            )
            .post_with(
                merge,
                told("Merges another customer into this one; its deals, orders and invoices are found here from then on. It can be taken back"),
            ),
        )
        .api_route(
            "/customers/{id}/unmerge",
            post_with(
                unmerge,
                told("Takes a merge back: the other customer is there again with what is its own, and what was written of this one since stays"),
            ),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MergeBody {
    /// The other one.
    with: CustomerId,
    /// The version of the other one that was looked at; `If-Match` is about the one that stays.
    #[serde(default)]
    with_version: Option<u32>,
    /// By field, `custom.size` for one of the workspace's own. Where nothing is chosen, the own value stays, what is lacking is
    /// the other's, and of lists it is both.
    #[serde(default)]
    choices: Option<Choices>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UnmergeBody {
    /// The other one.
    with: CustomerId,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MergePreview {
    id: Uuid,
    /// For `If-Match`.
    version: i64,
    with: Uuid,
    /// For `withVersion`.
    with_version: i64,
    /// What either has something in, the same or not.
    fields: Vec<FieldMerged>,
    moves: Moves,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FieldMerged {
    field: String,
    survivor: Value,
    other: Value,
    /// As it will be unless something else is chosen.
    result: Value,
    from: Pick,
    /// Both have one, and not the same: somebody should choose.
    conflict: bool,
}

/// The other one's, which are shown as this one's afterwards; nothing where the caller has no right to see them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Moves {
    deals: Option<i64>,
    orders: Option<i64>,
    invoices: Option<i64>,
    interactions: Option<i64>,
    /// What was ordered.
    total_revenue: Total,
    /// What is to be paid.
    balance: Option<Total>,
}

/// What a customer's details say of money.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sums {
    total_revenue: Total,
    balance: Option<Total>,
}

async fn preview(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Within(id): Within<CustomerId>,
    With(with): With,
) -> Result<Reply<MergePreview>, Problem> {
    let context = Context::new(caller.workspace_id(), caller.actor(), Utc::now());
    customer::reach(&app.executor, id, &context).await?;
    let asked = Merge {
        with: with?,
        with_version: None,
        choices: Choices::new(),
    };
    let joint = customer::joint(&app.executor, id, &asked, &context).await?;
    let may_see_money = caller.standing.may(Permission::FinanceView);
    let fields = fields(&joint)?
        .into_iter()
        .filter(|merged| may_see_money || merged.field != "creditLimit");
    Ok(Reply::of(envelope::ok(MergePreview {
        id: id.into(),
        version: joint.version,
        with: asked.with.into(),
        with_version: joint.other_version,
        fields: fields.collect(),
        moves: moves(&app, &caller, asked.with.into()).await?,
    })))
}

async fn merge(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Within(id): Within<CustomerId>,
    write: Write,
    Body { value, hash }: Body<MergeBody>,
) -> Result<Reply<CustomerChanged>, Problem> {
    let context = write.context(&caller, hash);
    let asked = Merge {
        with: value.with,
        with_version: value.with_version.map(i64::from),
        choices: value.choices.unwrap_or_default(),
    };
    let done = customer::merge(&app.executor, id, &asked, &context).await?;
    Ok(changed(&app, &caller, &write, &done, None, "Customers merged").await)
}

async fn unmerge(
    State(app): State<App>,
    caller: May<CustomersUpdate>,
    Within(id): Within<CustomerId>,
    write: Write,
    Body { value, hash }: Body<UnmergeBody>,
) -> Result<Reply<CustomerChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = customer::unmerge(&app.executor, id, value.with, &context).await?;
    Ok(changed(&app, &caller, &write, &done, None, "Merge taken back").await)
}

/// Field by field, `custom` by its values.
fn fields(Joint { own, other, after, .. }: &Joint) -> Result<Vec<FieldMerged>, Problem> {
    let as_value = |profile: &Profile| serde_json::to_value(profile).map_err(|_| Problem::internal());
    let (own, other, after) = (as_value(own)?, as_value(other)?, as_value(after)?);
    let mut merged = Vec::new();
    for field in Profile::FIELDS {
        match field.name {
            // One type, and a name that goes with whom it names.
            "type" | "assignedToName" => {}
            "custom" => {
                let values = [&own, &other]
                    .into_iter()
                    .filter_map(|profile| profile["custom"].as_object());
                let keys: BTreeSet<&String> = values.flat_map(|values| values.keys()).collect();
                let of = |profile: &Value, key: &String| profile["custom"][key].clone();
                merged.extend(keys.into_iter().filter_map(|key| {
                    let values = [of(&own, key), of(&other, key), of(&after, key)];
                    field_merged(format!("custom.{key}"), FieldKind::Text, values)
                }));
            }
            name => {
                let values = [&own, &other, &after].map(|profile| profile[name].clone());
                merged.extend(field_merged(name.to_owned(), field.kind, values));
            }
        }
    }
    Ok(merged)
}

/// Nothing where neither has one.
fn field_merged(field: String, kind: FieldKind, [survivor, other, result]: [Value; 3]) -> Option<FieldMerged> {
    let is_empty = |value: &Value| value.is_null() || *value == json!([]);
    if is_empty(&survivor) && is_empty(&other) {
        return None;
    }
    let from = if result == survivor {
        Pick::Survivor
    } else if result == other {
        Pick::Other
    } else {
        Pick::Both
    };
    Some(FieldMerged {
        conflict: !is_list(kind) && !is_empty(&survivor) && !is_empty(&other) && survivor != other,
        field,
        survivor,
        other,
        result,
        from,
    })
}

async fn moves(app: &App, caller: &Caller, other: Uuid) -> Result<Moves, Problem> {
    let may = |permission| caller.standing.may(permission);
    as_reader_at(app, caller, None, async |reader: Reader<'_>| {
        let theirs = [("customerId".to_owned(), other.to_string())];
        let all = Scope::default();
        let said = interaction::Row::of(reader.schema, other);
        let sums = view::one::<Row>(reader, other).await?;
        let sums = sums
            .map(|one| serde_json::from_str::<Sums>(one.item.get()))
            .transpose()?;
        Ok::<_, ViewError>(Moves {
            deals: count::<deal::Row>(reader, &theirs, &all, may(Permission::DealsView)).await?,
            orders: count::<order::Row>(reader, &theirs, &all, may(Permission::OrdersView)).await?,
            invoices: count::<invoice::Row>(reader, &theirs, &all, may(Permission::FinanceView)).await?,
            interactions: count::<interaction::Row>(reader, &[], &said, true).await?,
            total_revenue: sums.as_ref().map(|sums| sums.total_revenue).unwrap_or_default(),
            balance: sums.and_then(|sums| sums.balance),
        })
    })
    .await
}

/// How many there are, as their list would tell.
async fn count<V: View>(
    reader: Reader<'_>,
    pairs: &[(String, String)],
    scope: &Scope,
    may: bool,
) -> Result<Option<i64>, ViewError> {
    if !may {
        return Ok(None);
    }
    let page = view::page_of::<V>(reader, pairs, scope).await?;
    Ok(Some(page.total.rows))
}

/// `?with=`, and nothing else. What is wrong with it is told after whether the customer is there.
struct With(Result<CustomerId, Problem>);

const WITH: &str = "with";

impl<S: Send + Sync> FromRequestParts<S> for With {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        Ok(Self(query.map_err(|_| Problem::new(Code::ValidationFailed)).and_then(
            |Query(pairs)| {
                let mut with = None;
                for (name, value) in pairs {
                    if name != WITH {
                        return Err(Problem::invalid_field(name, Rule::Unknown));
                    }
                    with = Some(Uuid::parse_str(&value).map_err(|_| Problem::invalid_field(WITH, Rule::NotAUuid))?);
                }
                let with = with.ok_or_else(|| Problem::invalid_field(WITH, Rule::Required))?;
                Ok(with.into())
            },
        )))
    }
}

impl OperationInput for With {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        parameter(
            operation,
            json!({
                "name": WITH, "in": "query", "required": true, "schema": { "type": "string", "format": "uuid" },
                "description": "The customer that would be merged into this one",
            }),
        );
    }
}
