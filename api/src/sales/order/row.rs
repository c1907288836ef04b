//! Orders made of rows; the items of one are a list in JSON.

use super::around;
use crate::{
    extract::{Asked, Edit, Json, New},
    imports::{Entered, Entry, Rowed},
    problem::Problem,
};
use commands::order::{self, Beside};
use domain::{
    Choice,
    field::FieldKind,
    id::OrderId,
    sales::order::{Details, Order, Status},
};

impl Rowed for Order {
    type Fields = Details;
    const BESIDE: &'static [(&'static str, FieldKind)] =
        &[("status", FieldKind::Choice(Status::WORDS)), ("items", FieldKind::Json)];

    async fn enter(entry: Entry<'_>, id: OrderId, fields: Json, is_new: bool) -> Result<Entered, Problem> {
        let Entry {
            app,
            executor,
            caller,
            context,
        } = entry;
        let done = if is_new {
            let New { change, beside }: New<Details, Beside> = New::read(fields)?;
            let around = around(app, caller, id, &change, beside.status.as_set().copied()).await?;
            order::create(executor, id, change, beside, &around, context).await?
        } else {
            let Edit { change, beside }: Edit<Details, Beside> = Edit::read(fields)?;
            let around = around(app, caller, id, &change, beside.status.as_set().copied()).await?;
            order::update(executor, id, change, beside, &around, context).await?
        };
        Ok(done.into())
    }
}
