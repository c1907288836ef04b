//! Fields of a workspace's own, on its customers, products, deals and orders: what each of them is called, what its values are.

use crate::{
    extract::rights::{WorkspacesUpdate, WorkspacesView},
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    reply::{Changed, Named},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use commands::custom_field;
use domain::{
    id::CustomFieldId,
    office::custom_field::{Change, CustomField, CustomFieldCommand, CustomFieldEvent, Details},
};
use projections::office::custom_field::Row;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/custom-fields",
            get_with(
                view::list::<Row, WorkspacesView>,
                told("The workspace's own fields, newest first: `resource=customers` those of customers"),
            )
            .post_with(
                noun::create::<CustomField, WorkspacesUpdate>,
                told(
                    "A new field. Its values are set as `custom` of what it is a field of, `{\"custom\": {\"size\": 5}}`: the keys that \
                     are named, null takes one away. Lists are filtered by them, `custom.size=5`, and sorted by them, `sort=custom.size`: \
                     numbers by their worth, days in their order, texts and words of a choice as texts are sorted",
                ),
            ),
        )
        .api_route(
            "/custom-fields/{id}",
            get_with(view::details::<Row, WorkspacesView>, told("A field of the workspace's own"))
                .patch_with(
                    noun::update::<CustomField, WorkspacesUpdate>,
                    told("Changes what a field is called, which words it takes and whether it is required; of what it is a field, its key and its type stay"),
                )
                .delete_with(
                    noun::archive::<CustomField, WorkspacesUpdate>,
                    told("Archives a field: its values are neither shown nor set any more. Defined again, they are there again"),
                ),
        )
}

impl Named for CustomField {
    const ANSWER: &'static str = "CustomFieldWritten";
}

impl Noun for CustomField {
    type Fields = Details;
    type Made = Changed<Self>;
    const UPDATED: &'static str = "Field updated";

    /// Its id follows from its key.
    async fn create(Asking { app, context, .. }: Asking<'_>, _: CustomFieldId, change: Change) -> Answer<Self> {
        Ok(custom_field::create(&app.executor, change, context).await?)
    }

    async fn update(Asking { app, context, .. }: Asking<'_>, id: CustomFieldId, change: Change) -> Answer<Self> {
        let command = CustomFieldCommand::Update(Box::new(change));
        Ok(custom_field::execute(&app.executor, id, &command, context).await?)
    }

    fn made(id: Uuid, version: i64, _event: CustomFieldEvent) -> Option<Changed<Self>> {
        Some(Changed::new(id, "Field defined", version))
    }
}

impl Archivable for CustomField {
    const ARCHIVE: CustomFieldCommand = CustomFieldCommand::Archive;
    const ARCHIVED: &'static str = "Field archived";

    /// It is not required any more, either.
    async fn archive(Asking { app, context, .. }: Asking<'_>, id: CustomFieldId) -> Answer<Self> {
        Ok(custom_field::execute(&app.executor, id, &Self::ARCHIVE, context).await?)
    }
}
