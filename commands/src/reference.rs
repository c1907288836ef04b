//! What a command names by its id. One that was merged into another is found as that other. A right may reach to some records only, and
//! whoever names one that theirs does not reach to is answered as if it were not there: otherwise an id alone would tell what
//! somebody is called. Whose a thing is stands in its state, which is looked at anyway; who sees all is asked nothing more.

use crate::{Context, Error, Executor, Loaded};
use domain::{Aggregate, Patch, Rule, Violations, id::WorkspaceId};
use std::sync::Arc;

/// Merges into merged ones that are followed. Nobody comes near; what is remembered of several may be of different moments.
const CHAIN_MAX: u32 = 64;

impl Executor {
    /// Where a thing is found, as this node knows it: itself, or what it was merged into.
    pub(crate) async fn lead<A: Aggregate, R>(
        &self,
        workspace: WorkspaceId,
        mut id: A::Id,
    ) -> Result<(A::Id, Loaded<A>), Error<R>> {
        for _ in 0..CHAIN_MAX {
            let found = self.look::<A, R>(workspace, id).await?;
            match found.state.merged_into() {
                Some(into) => id = into,
                None => return Ok((id, found)),
            }
        }
        Err(Error::Busy)
    }

    /// The thing of that id, where it is found and if it is there for whoever asks: what counts is whose the one is that it was merged into.
    pub(crate) async fn seen<A: Aggregate, R>(
        &self,
        id: A::Id,
        context: &Context,
    ) -> Result<Option<(A::Id, Arc<A>)>, Error<R>> {
        let (id, Loaded { state, version }) = self.lead::<A, R>(context.workspace, id).await?;
        let reaches = A::SEEN_WITH.is_none_or(|seen| context.actor.may_on(seen, state.belongs()));
        Ok((version > 0 && reaches).then_some((id, state)))
    }

    /// What is taken from the thing that a change names in `field`, which from then on names it where it is found; where there is nothing to
    /// take it is refused as unknown. Whoever sends a form back names what `stands` in the changed one already, if that is there (`changed`):
    /// what they do not see of it is left as it is.
    pub(crate) async fn named<A: Aggregate, B: Aggregate, T>(
        &self,
        field: &str,
        change: &mut Patch<Option<A::Id>>,
        take: impl FnOnce(&A) -> Option<T>,
        changed: Option<B::Id>,
        stands: impl FnOnce(&B) -> Option<A::Id>,
        context: &Context,
    ) -> Result<Option<T>, Error<B::Rejection>> {
        let Patch::Set(Some(id)) = *change else {
            return Ok(None);
        };
        let unknown = || Error::<B::Rejection>::NoSuchReference(Violations::one(field, Rule::Unknown));
        if let Some((id, thing)) = self.seen::<A, B::Rejection>(id, context).await? {
            let taken = take(&thing).ok_or_else(unknown)?;
            *change = Patch::Set(Some(id));
            return Ok(Some(taken));
        }
        let changed = match changed {
            Some(changed) => self.seen::<B, B::Rejection>(changed, context).await?,
            None => None,
        };
        if changed.and_then(|(_, changed)| stands(&changed)) != Some(id) {
            return Err(unknown());
        }
        *change = Patch::Keep;
        Ok(None)
    }
}
