//! Customers that are one: who asks to be forgotten is forgotten as all of them, and by the one as whom they are found.

use crate::state::App;
use uuid::Uuid;

/// Those that are merged into that person, and into those.
pub(super) async fn into(app: &App, workspace: Uuid, person: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let merged = "with told as (select position, type, data::jsonb as data from log.events where workspace_id = $1 and stream_id = $2 \
        and type in ('customer.absorbed', 'customer.released')), \
        here as (select data from told a where type = 'customer.absorbed' and not exists \
        (select from told r where r.type = 'customer.released' and r.data->>'other' = a.data->>'other' and r.position > a.position)) \
        select (data->>'other')::uuid from here union select w.id::uuid from here, jsonb_array_elements_text(data->'with') w(id) order by 1";
    sqlx::query_scalar(merged)
        .bind(workspace)
        .bind(person)
        .fetch_all(&app.pool)
        .await
}

/// The one that the person is merged into.
pub(super) async fn out_of(app: &App, workspace: Uuid, person: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    let newest = "select case when type = 'customer.merged' then (data->>'into')::uuid end from log.events \
        where workspace_id = $1 and stream_id = $2 and type in ('customer.merged', 'customer.unmerged') order by position desc limit 1";
    let newest: Option<Option<Uuid>> = sqlx::query_scalar(newest)
        .bind(workspace)
        .bind(person)
        .fetch_optional(&app.pool)
        .await?;
    Ok(newest.flatten())
}
