//! Deals made of rows; the products of one are a list in JSON.

use crate::{
    extract::{Asked, Edit, Json, New},
    imports::{Entered, Entry, Rowed},
    problem::Problem,
};
use commands::deal::{self, Beside};
use domain::{
    Choice,
    field::FieldKind,
    id::DealId,
    sales::deal::{Deal, Details, Stage},
};

impl Rowed for Deal {
    type Fields = Details;
    const BESIDE: &'static [(&'static str, FieldKind)] = &[
        ("stage", FieldKind::Choice(Stage::WORDS)),
        ("pipelineId", FieldKind::Uuid),
        ("pipelineStageId", FieldKind::Uuid),
        ("products", FieldKind::Json),
    ];

    async fn enter(entry: Entry<'_>, id: DealId, fields: Json, is_new: bool) -> Result<Entered, Problem> {
        let Entry { executor, context, .. } = entry;
        let done = if is_new {
            let asked = New::<Details, Beside>::read(fields)?;
            deal::create(executor, id, asked.change, asked.beside, context).await?
        } else {
            let asked = Edit::<Details, Beside>::read(fields)?;
            deal::update(executor, id, asked.change, asked.beside, context).await?
        };
        Ok(done.into())
    }
}
