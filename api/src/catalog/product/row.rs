//! Products made of rows.

use crate::{
    extract::{Asked, Edit, Json, New, Nothing},
    imports::{Entered, Entry, Rowed},
    problem::Problem,
};
use commands::product;
use domain::{
    catalog::product::{Details, Product},
    field::FieldKind,
    id::ProductId,
};

impl Rowed for Product {
    type Fields = Details;
    const BESIDE: &'static [(&'static str, FieldKind)] = &[];

    async fn enter(entry: Entry<'_>, id: ProductId, fields: Json, is_new: bool) -> Result<Entered, Problem> {
        let Entry { executor, context, .. } = entry;
        let done = if is_new {
            let asked = New::<Details, Nothing>::read(fields)?;
            product::create(executor, id, asked.change, context).await?
        } else {
            let asked = Edit::<Details, Nothing>::read(fields)?;
            product::update(executor, id, asked.change, context).await?
        };
        Ok(done.into())
    }
}
