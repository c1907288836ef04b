//! What a command would come to: it is looked up, decided and refused as ever, by the very code that carries it out, and nothing is written.

use crate::{Answer, Context, Done, Error, Executor, Unit};
use log::AppendError;

impl Executor {
    /// One that writes nothing. Numbers are not filled in, and the next command finds what this one found.
    #[must_use]
    pub fn rehearsing(&self) -> Self {
        let mut executor = self.clone();
        executor.rehearses = true;
        executor
    }

    /// Whether the append would find the unit's keys free; of those that are kept as hashes only the append can tell.
    pub(crate) async fn rehearsed<E, R>(
        &self,
        Answer { id, version }: Answer,
        events: Vec<E>,
        unit: &Unit,
        context: &Context,
    ) -> Result<Done<E>, Error<R>> {
        for (kind, key, stream_id) in unit.keys_taken() {
            let owner = self.log.owner_of(context.workspace.into(), kind, key).await?;
            if let Some(owner) = owner.filter(|owner| *owner != stream_id) {
                let key = key.to_owned();
                return Err(AppendError::Claimed { kind, key, owner }.into());
            }
        }
        Ok(Done {
            id,
            version,
            position: 0,
            events,
            at: None,
        })
    }
}
