//! A deal's documents: by their address, and under an id of their own.

use super::{DealChanged, answer};
use crate::{
    extract::{Body, BodyHash, Id, May, New, Nothing, Param, Write, rights::DealsUpdate},
    problem::Problem,
    reply::{Created, Reply},
    state::App,
};
use axum::extract::State;
use commands::deal;
use domain::{
    Changes,
    id::{DealId, DocumentId},
    sales::deal::{DealCommand, DealEvent, Document},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
pub struct DocumentAttached {
    id: Uuid,
    message: &'static str,
    /// The deal's.
    version: i64,
}

pub async fn attach(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<New<Document, Nothing>>,
) -> Result<Created<DocumentAttached>, Problem> {
    let context = write.context(&caller, hash);
    let command = DealCommand::Attach {
        id: Uuid::now_v7().into(),
        document: Box::new(Document::begin(&value.change)),
    };
    let done = deal::execute(&app.executor, id, command, &context).await?;
    let said = |_deal, version, event| match event {
        DealEvent::DocumentAttached { document_id, .. } => Some(DocumentAttached {
            id: document_id.into(),
            message: "Document added to deal",
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
}

pub async fn detach(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    Param(document): Param<DocumentId>,
    write: Write,
) -> Result<Reply<DealChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let done = deal::execute(&app.executor, id, DealCommand::Remove { document }, &context).await?;
    answer(&app, &write, &caller, &done, None, "Document removed from deal").await
}
