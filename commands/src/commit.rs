//! How a unit gets into the log, and what this node knows afterwards: what is left is remembered, what was overtaken is not used
//! any more. Several streams have their turns together, so that commands on the same ones follow each other without a race.

use crate::{Answer, Context, Error, Executor, Loaded, Unit, executor::append_span, lanes::Turns, states::Key};
use domain::{Aggregate, fact::CATEGORIES, id::WorkspaceId};
use log::{AppendError, Appended, Submitted};
use std::collections::BTreeMap;
use tracing::Instrument;
use uuid::Uuid;

impl Executor {
    /// Turns of all these streams, for one append to all of them.
    pub(crate) async fn turns(&self, streams: impl IntoIterator<Item = Uuid>) -> Turns<'_> {
        self.lanes.turns(streams).await
    }

    /// What a command whose turn it is on that stream is decided on: the state that its append will find if nobody else
    /// writes, or, before a "no", what the log says now.
    pub(crate) async fn in_turn<A: Aggregate, R>(
        &self,
        workspace: WorkspaceId,
        id: A::Id,
        fresh: bool,
    ) -> Result<Loaded<A>, Error<R>> {
        let expected = match fresh {
            true => None,
            false => self.expected::<A>(self.lanes.of(id.into()), workspace, id).await,
        };
        match expected {
            Some((live, builds_on)) => Ok(Loaded {
                builds_on,
                ..live.into()
            }),
            None => self.load(workspace, id).await,
        }
    }

    /// Appends a unit. One without events still enters its command id, so that the answer stays the same.
    pub async fn commit(&self, unit: Unit, context: &Context, answer: &Answer) -> Result<Appended, AppendError> {
        self.commit_in_turn(unit, Turns::default(), context, answer).await
    }

    /// The same where some of its streams have their turn, which ends as soon as the append has its place in the line.
    pub(crate) async fn commit_in_turn(
        &self,
        mut unit: Unit,
        turns: Turns<'_>,
        context: &Context,
        answer: &Answer,
    ) -> Result<Appended, AppendError> {
        let mut left = unit.left();
        let append = async {
            let submitted = self.submit(unit, context, answer).await?;
            if let Some(promise) = submitted.promise() {
                for one in left.iter().filter(|one| turns.has(one.stream())) {
                    one.go_ahead(&self.lanes, context.workspace, promise.clone());
                }
            }
            drop(turns);
            submitted.answer().await
        };
        let appended = append.instrument(append_span()).await;
        let is_new = appended.as_ref().is_ok_and(|appended| appended.repeated.is_none());
        if !is_new {
            left.clear();
        }
        let appended = self.heed(context.workspace, appended).await?;
        for one in &left {
            one.arrived(self, context.workspace, &appended).await;
        }
        // Of what nobody knows what was left, what was remembered before is behind.
        let written = appended.events.iter();
        let written = written.filter(|event| left.iter().all(|one| one.stream() != event.stream_id));
        let written = written.map(|event| (event.stream_id, event.version));
        for (stream, version) in written.collect::<BTreeMap<_, _>>() {
            self.overtaken(context.workspace, stream, version).await;
        }
        Ok(appended)
    }

    pub(crate) async fn submit(
        &self,
        mut unit: Unit,
        context: &Context,
        answer: &Answer,
    ) -> Result<Submitted, AppendError> {
        if self.rehearses || unit.is_empty() && context.command.is_none() {
            let position = self.log.head(context.workspace.into()).await?;
            return Ok(Submitted::from(Appended {
                position,
                events: Vec::new(),
                repeated: None,
            }));
        }
        let answer = serde_json::to_string(answer).map_err(|_| AppendError::Malformed("an answer"))?;
        let keys = match unit.has_personal_claims() {
            true => Some(self.log.claim_keys(context.workspace.into()).await?),
            false => None,
        };
        let builds_on = unit.builds_on();
        let append = unit.into_append(context, answer, keys.as_ref());
        self.log.submit_on(append, builds_on).await
    }

    /// Whoever looks again is to see what this append met.
    pub(crate) async fn heed(
        &self,
        workspace: WorkspaceId,
        appended: Result<Appended, AppendError>,
    ) -> Result<Appended, AppendError> {
        if let Err(AppendError::Guard { stream_id, actual, .. } | AppendError::Version { stream_id, actual, .. }) =
            &appended
        {
            self.overtaken(workspace, *stream_id, *actual).await;
        }
        appended
    }

    /// What is remembered of a stream is behind that version.
    pub(crate) async fn overtaken(&self, workspace: WorkspaceId, stream: Uuid, version: i64) {
        for category in CATEGORIES {
            let key = Key {
                workspace: workspace.into(),
                category: category.name(),
                stream,
            };
            self.states.overtaken(key, version).await;
        }
    }
}
