//! Customers that are likely one: whoever enters one hears of it and may say that it is another; and anybody may ask. All
//! customers are compared before one is entered, and only those are named that whoever asks may see. What is known of
//! somebody is asked with in a body: addresses of requests are written down in many places.

use crate::{
    envelope::{self, Listed},
    extract::{Body, Caller, Id, May, rights::CustomersView},
    openapi::told,
    problem::Problem,
    reply::Reply,
    state::App,
    view::as_reader_at,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::Error;
use domain::{
    Belongs, Fields, Permission,
    id::CustomerId,
    sales::customer::{
        CustomerRejection, Profile,
        likeness::{Description, Sign, likeness},
    },
};
use projections::{
    sales::customer::{
        Row,
        mark::{self, Alike, Among},
    },
    view::{self, Reader},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/customers/duplicates",
            post_with(
                of_description,
                told("Whom a customer of that name, phone, e-mail, BIN or IIN is likely to be"),
            ),
        )
        .api_route(
            "/customers/{id}/duplicates",
            get_with(of_customer, told("Other customers that are likely the same")),
        )
}

/// A customer that is likely the one in question.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Duplicate {
    id: Uuid,
    customer_number: String,
    name: String,
    phone: Option<String>,
    email: Option<String>,
    bin: Option<String>,
    iin: Option<String>,
    /// What is the same, the most telling first; of names, that they are alike.
    signs: Vec<Sign>,
    /// Of the names, in per cent.
    likeness: u32,
}

type Duplicates = Reply<Listed<Vec<Duplicate>>>;

async fn of_description(
    State(app): State<App>,
    caller: May<CustomersView>,
    Body { value: known, .. }: Body<Description>,
) -> Result<Duplicates, Problem> {
    known
        .checked()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let profile = Profile::from(known);
    let alike = alike(&app, &caller, &profile, Among::Seen).await?;
    Ok(listed(&profile, alike))
}

async fn of_customer(
    State(app): State<App>,
    caller: May<CustomersView>,
    Id(id): Id<CustomerId>,
) -> Result<Duplicates, Problem> {
    let id = id.uuid();
    let there = async |reader: Reader<'_>| view::is_there::<Row>(reader, id).await;
    if !as_reader_at(&app, &caller, None, there).await? {
        return Err(Problem::missing("customer.missing"));
    }
    let row = as_reader_at(&app, &caller, None, async |reader: Reader<'_>| {
        mark::of(reader, id).await
    });
    let profile = row
        .await?
        .ok_or_else(|| Problem::missing("customer.missing"))?
        .profile();
    let mut alike = alike(&app, &caller, &profile, Among::Seen).await?;
    alike.retain(|alike| alike.row.id != id);
    Ok(listed(&profile, alike))
}

/// Those that a new customer may not be entered beside without somebody's word. What is not valid is refused anyway.
pub async fn likely(app: &App, caller: &Caller, profile: &Profile) -> Result<Vec<Alike>, Problem> {
    let is_reached = profile.iin.is_some() || profile.phone.is_some() || profile.email.is_some();
    if !is_reached || profile.checked().is_err() {
        return Ok(vec![]);
    }
    let mut alike = alike(app, caller, profile, Among::All).await?;
    alike.retain(|alike| alike.signs.iter().any(|sign| sign.wants_confirming()));
    Ok(alike)
}

/// The refusal, and which customers it is about, as far as the caller may see them.
pub fn named(error: Error<CustomerRejection>, caller: &Caller, likely: &[Alike]) -> Problem {
    let is_likely = matches!(error, Error::Rejected(CustomerRejection::LikelyDuplicate));
    let problem = Problem::from(error);
    if !is_likely {
        return problem;
    }
    let seen = likely.iter().filter(|alike| is_seen(caller, alike));
    let seen = seen.map(|alike| {
        let mark::Row {
            id,
            customer_number,
            name,
            ..
        } = &alike.row;
        json!({ "id": id, "customerNumber": customer_number, "name": name, "signs": alike.signs })
    });
    problem.fact("duplicates", seen.collect::<Vec<Value>>())
}

async fn alike(app: &App, caller: &Caller, profile: &Profile, among: Among) -> Result<Vec<Alike>, Problem> {
    let read = async |reader: Reader<'_>| mark::alike(reader, profile, among).await;
    as_reader_at(app, caller, None, read).await
}

fn is_seen(caller: &Caller, alike: &Alike) -> bool {
    let record = Belongs {
        user: alike.row.assigned_to.map(Into::into),
        department: None,
    };
    caller.standing.may_on(Permission::CustomersView, record)
}

fn listed(profile: &Profile, alike: Vec<Alike>) -> Duplicates {
    let shown = alike.into_iter().map(|Alike { row, signs }| Duplicate {
        likeness: likeness(&profile.name, &row.name),
        id: row.id,
        customer_number: row.customer_number,
        name: row.name,
        phone: row.phone,
        email: row.email,
        bin: row.bin,
        iin: row.iin,
        signs,
    });
    Reply::of(envelope::ok(Listed::<Duplicate>::all(shown.collect())))
}
