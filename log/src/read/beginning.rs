//! Where things came to be: the position of a stream's first event, wherever that event is kept now.

use super::ReadError;
use crate::Log;
use std::collections::HashMap;
use uuid::Uuid;

impl Log {
    /// The stream of that category that begins at that position, if one does.
    pub async fn begun_at(&self, workspace: Uuid, category: &str, position: i64) -> Result<Option<Uuid>, ReadError> {
        let here = "select stream_id from log.events \
            where workspace_id = $1 and position = $2 and stream_category = $3 and version = 1";
        let here: Option<Uuid> = sqlx::query_scalar(here)
            .bind(workspace)
            .bind(position)
            .bind(category)
            .fetch_optional(&self.pool)
            .await?;
        if here.is_some() || !self.is_away(workspace, position).await? {
            return Ok(here);
        }
        let read = self.read(workspace, position - 1, 1).await?;
        let begins = read
            .iter()
            .find(|event| event.position == position && event.version == 1 && event.category == category);
        Ok(begins.map(|event| event.stream_id))
    }

    /// Where each of these streams begins; one that does not exist is not among them.
    pub async fn beginnings(&self, workspace: Uuid, streams: &[Uuid]) -> Result<HashMap<Uuid, i64>, ReadError> {
        let here = "select stream_id, position from log.events where workspace_id = $1 and stream_id = any($2) and version = 1";
        let here: Vec<(Uuid, i64)> = sqlx::query_as(here)
            .bind(workspace)
            .bind(streams)
            .fetch_all(&self.pool)
            .await?;
        let mut beginnings: HashMap<Uuid, i64> = here.into_iter().collect();
        for stream in streams {
            if !beginnings.contains_key(stream) {
                let events = self.read_stream(workspace, *stream, 0).await?;
                beginnings.extend(events.first().map(|event| (*stream, event.position)));
            }
        }
        Ok(beginnings)
    }

    /// Whether that position was put away into a file.
    async fn is_away(&self, workspace: Uuid, position: i64) -> Result<bool, sqlx::Error> {
        let away = "select exists (select from log.archives where workspace_id = $1 and last_position >= $2)";
        sqlx::query_scalar(away)
            .bind(workspace)
            .bind(position)
            .fetch_one(&self.pool)
            .await
    }
}
