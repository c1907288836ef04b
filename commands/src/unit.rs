//! What one command writes: the events of one or more aggregates with the claims they take, ready to be appended
//! all or nothing.

use crate::{
    Context, Loaded,
    left::{Leaves, Left},
};
use domain::{Aggregate, Claim, ClaimAct, Event, Numbering, fact, time};
use log::{Append, ClaimKeys, ClientAddress, Guard, Metadata, NewEvent, Number, Promise, Stream, StreamAppend};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Default)]
pub struct Unit {
    streams: Vec<StreamAppend>,
    /// Whose they are.
    claims: Vec<(Claim, Uuid)>,
    guards: Vec<Guard>,
    /// What is known of what it leaves.
    left: Vec<Box<dyn Left>>,
    /// What has to be written so that it was decided on what is true.
    builds_on: Vec<Promise>,
}

impl Unit {
    /// Adds what was decided on a loaded state, which is remembered when it is written; answers the state afterwards, but for
    /// numbers.
    pub(crate) fn change<A: Aggregate>(
        &mut self,
        id: A::Id,
        on: &Loaded<A>,
        events: &[A::Event],
    ) -> Result<Arc<A>, serde_json::Error> {
        self.build_on(on.builds_on.clone());
        let after = Arc::new(self.add(id, on.state.as_ref(), on.version, events)?);
        let is_whole = self.streams.last().is_some_and(|stream| !is_numbered(stream));
        let known = is_whole.then(|| after.clone());
        self.left.push(Box::new(Leaves::new(id, on, events.len(), known)));
        Ok(after)
    }

    pub(crate) fn build_on(&mut self, promise: Option<Promise>) {
        self.builds_on.extend(promise);
    }

    pub(crate) fn builds_on(&mut self) -> Vec<Promise> {
        std::mem::take(&mut self.builds_on)
    }

    /// What it leaves, for whoever appends it.
    pub(crate) fn left(&mut self) -> Vec<Box<dyn Left>> {
        std::mem::take(&mut self.left)
    }

    /// Adds what an aggregate decided on the state it had at `version`; answers the state afterwards, but for numbers.
    pub fn add<A: Aggregate>(
        &mut self,
        id: A::Id,
        state: &A,
        version: i64,
        events: &[A::Event],
    ) -> Result<A, serde_json::Error> {
        let id: Uuid = id.into();
        let mut state = state.clone();
        let mut new = Vec::with_capacity(events.len());
        for event in events {
            let claims = state.claims(event).into_iter();
            self.claims.extend(claims.map(|claimed| (claimed, id)));
            let stored = fact::encode(event, id)?;
            let number = A::Event::numbering(&stored.event_type).map(number);
            new.push(NewEvent {
                id: Uuid::now_v7(),
                event_type: stored.event_type,
                schema: stored.schema,
                data: stored.data,
                number,
            });
            state = state.evolve(event);
        }
        self.streams.push(StreamAppend {
            stream: Stream { category: A::NAME, id },
            expected: Some(version),
            events: new,
        });
        Ok(state)
    }

    /// Whether the log has something to fill in.
    pub(crate) fn is_numbered(&self) -> bool {
        self.streams.iter().any(is_numbered)
    }

    /// The decision also read that stream at that version.
    pub fn guard(&mut self, guards: impl IntoIterator<Item = Guard>) {
        self.guards.extend(guards);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.streams.iter().all(|stream| stream.events.is_empty())
    }

    /// Whether it takes or gives back keys that are kept as hashes.
    pub(crate) fn has_personal_claims(&self) -> bool {
        self.claims.iter().any(|(claim, _)| claim.is_personal)
    }

    /// The keys that it takes, with who would own them; not those that are kept as hashes.
    pub(crate) fn keys_taken(&self) -> impl Iterator<Item = (&'static str, &str, Uuid)> {
        let taken = self.claims.iter();
        let taken = taken.filter(|(claim, _)| claim.act == ClaimAct::Take && !claim.is_personal);
        taken.map(|(claim, stream)| (claim.kind, claim.key.as_str(), *stream))
    }

    /// `keys` are those of the workspace's personal claims, if it has any.
    pub(crate) fn into_append(self, context: &Context, answer: String, keys: Option<&ClaimKeys>) -> Append {
        let claims = self.claims.into_iter();
        Append {
            workspace: context.workspace.into(),
            streams: self.streams,
            claims: claims.map(|(claimed, stream)| claim(claimed, stream, keys)).collect(),
            guards: self.guards,
            command: context.command,
            answer,
            number_year: time::local_year(context.now),
            metadata: Metadata {
                actor: context.actor.to_string(),
                command_id: context.command.map(|command| command.id),
                correlation_id: context.correlation,
                causation_id: context.causation,
                client_address: context.client_address.clone().map(ClientAddress::Clear),
                traceparent: context.trace.as_ref().map(ToString::to_string),
            },
        }
    }
}

fn is_numbered(stream: &StreamAppend) -> bool {
    stream.events.iter().any(|event| event.number.is_some())
}

/// As the log takes it.
pub(crate) fn claim(claim: Claim, stream_id: Uuid, keys: Option<&ClaimKeys>) -> log::Claim {
    let keys = keys.filter(|_| claim.is_personal);
    log::Claim {
        key: keys.map_or(claim.key.clone(), |keys| keys.hash(claim.kind, &claim.key)),
        kind: claim.kind,
        stream_id,
        act: match claim.act {
            ClaimAct::Take => log::ClaimAct::Take,
            ClaimAct::Release => log::ClaimAct::Release,
        },
    }
}

/// As the log gives it.
pub(crate) fn number(numbering: Numbering) -> Number {
    Number {
        field: numbering.field,
        series: numbering.series.prefix(),
    }
}
