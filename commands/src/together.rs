//! A command on one aggregate whose events are appended together with those of others, all or nothing: where one without
//! the others would be a lie, as a shipment of goods that are still in stock.

use crate::{
    Answer, Context, Done, Error, Executor, Loaded, Unit,
    executor::{done, reaches},
    lanes::Turns,
};
use domain::Aggregate;
use log::AppendError;
use std::sync::Arc;

/// What a command decided, and on what.
pub(crate) struct Decided<A: Aggregate> {
    pub id: A::Id,
    pub on: Loaded<A>,
    pub events: Vec<A::Event>,
}

impl<A: Aggregate> Decided<A> {
    /// Its own events; answers the state afterwards.
    pub(crate) fn add_to(&self, unit: &mut Unit) -> Result<Arc<A>, Error<A::Rejection>> {
        let Self { id, on, events } = self;
        unit.change(*id, on, events).map_err(Error::Unstorable)
    }
}

impl Executor {
    /// Decides on what the log says now.
    pub(crate) async fn decide<A: Aggregate>(
        &self,
        id: A::Id,
        command: &A::Command,
        context: &Context,
    ) -> Result<Decided<A>, Error<A::Rejection>> {
        self.decide_in_turn(id, command, true, context).await
    }

    /// The same for a command whose turn it is: unless `fresh`, it is decided on what this node knows.
    pub(crate) async fn decide_in_turn<A: Aggregate>(
        &self,
        id: A::Id,
        command: &A::Command,
        fresh: bool,
        context: &Context,
    ) -> Result<Decided<A>, Error<A::Rejection>> {
        let permission = A::permission(command);
        if !context.actor.may(permission) {
            return Err(Error::Forbidden(permission));
        }
        let on = self.in_turn::<A, A::Rejection>(context.workspace, id, fresh).await?;
        if on.version > 0 {
            reaches::<A>(command, context, on.state.as_ref())?;
        }
        if let Some(expected) = context
            .expected_version
            .as_ref()
            .filter(|_| !context.allows(on.version))
        {
            return Err(Error::Stale {
                expected: expected.clone(),
                actual: on.version,
            });
        }
        let events = on.state.decide(command).map_err(Error::Rejected)?;
        match events.is_empty() && !fresh {
            // That there is nothing to do is asked of the log.
            true => Box::pin(self.decide_in_turn(id, command, true, context)).await,
            false => Ok(Decided { id, on, events }),
        }
    }

    /// Appends it with what stands in the unit already. `Busy`: somebody else has written to one of them meanwhile, and it
    /// is to be decided anew.
    pub(crate) async fn append_together<A: Aggregate>(
        &self,
        decided: &Decided<A>,
        mut unit: Unit,
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        decided.add_to(&mut unit)?;
        self.append_with(decided, unit, context).await
    }

    /// The same where its own events stand in the unit already: before others that follow from them.
    pub(crate) async fn append_with<A: Aggregate>(
        &self,
        decided: &Decided<A>,
        unit: Unit,
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        self.append_in_turn(decided, unit, Turns::default(), context).await
    }

    /// The same where some of the streams have their turn.
    pub(crate) async fn append_in_turn<A: Aggregate>(
        &self,
        Decided { id, on, events }: &Decided<A>,
        unit: Unit,
        turns: Turns<'_>,
        context: &Context,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        let answer = Answer {
            id: (*id).into(),
            version: on.version + i64::try_from(events.len()).unwrap_or(0),
        };
        if self.rehearses {
            return self.rehearsed(answer, events.clone(), &unit, context).await;
        }
        match self.commit_in_turn(unit, turns, context, &answer).await {
            Err(AppendError::Version { .. }) => Err(Error::Busy),
            appended => done::<A, _>(answer, &appended?),
        }
    }

    /// The first answer, if the command was carried out before and that is why it is refused now, or what it refers to has
    /// gone since.
    pub(crate) async fn or_first<A: Aggregate>(
        &self,
        id: A::Id,
        context: &Context,
        answer: Result<Done<A::Event>, Error<A::Rejection>>,
    ) -> Result<Done<A::Event>, Error<A::Rejection>> {
        match answer {
            Err(error) if error.may_be_of_a_repeat() => self.repeated::<A>(id, context).await?.ok_or(error),
            answer => answer,
        }
    }
}
