//! Customers made of rows. A row that seems to be a customer who is there is refused, unless it says that it is another.

use super::{Beside, BesideNew, duplicates, with_ids};
use crate::{
    extract::{Asked, Edit, Json, New},
    imports::{Entered, Entry, Rowed},
    problem::Problem,
};
use commands::customer;
use domain::{
    Changes, Choice,
    field::FieldKind,
    id::CustomerId,
    sales::customer::{Customer, Profile, Status},
};

const ALLOW_DUPLICATE: &str = "allowDuplicate";

impl Rowed for Customer {
    type Fields = Profile;
    const BESIDE: &'static [(&'static str, FieldKind)] = &[
        ("status", FieldKind::Choice(Status::WORDS)),
        (ALLOW_DUPLICATE, FieldKind::Bool),
    ];

    async fn enter(entry: Entry<'_>, id: CustomerId, fields: Json, is_new: bool) -> Result<Entered, Problem> {
        if is_new {
            made(entry, id, fields).await
        } else {
            changed(entry, id, fields).await
        }
    }
}

async fn made(entry: Entry<'_>, id: CustomerId, fields: Json) -> Result<Entered, Problem> {
    let Entry {
        app,
        executor,
        caller,
        context,
    } = entry;
    let New { change, beside }: New<Profile, BesideNew> = New::read(fields)?;
    let change = with_ids(change);
    let likely = match beside.allow_duplicate {
        true => vec![],
        false => duplicates::likely(app, caller, &Profile::begin(&change)).await?,
    };
    let beside = customer::Beside {
        status: beside.status.set().unwrap_or_default(),
        seems_known: !likely.is_empty(),
    };
    let done = customer::create(executor, id, change, beside, context).await;
    let done = done.map_err(|error| duplicates::named(error, caller, &likely))?;
    Ok(done.into())
}

async fn changed(entry: Entry<'_>, id: CustomerId, mut fields: Json) -> Result<Entered, Problem> {
    if let Json::Object(fields) = &mut fields {
        fields.retain(|(name, _)| name != ALLOW_DUPLICATE);
    }
    let Edit { change, beside }: Edit<Profile, Beside> = Edit::read(fields)?;
    let Entry { executor, context, .. } = entry;
    let done = customer::update(executor, id, with_ids(change), beside.status.set(), context).await?;
    Ok(done.into())
}
