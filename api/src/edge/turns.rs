//! Whose turn it is: a workspace has so many requests at work at once on a node, and its further ones wait for each
//! other. Without it whoever sends the most gets nearly all of the database, and everybody else waits behind them.

use crate::problem::{Code, Problem};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// One kind of work.
pub struct Turns {
    each: usize,
    patience: Duration,
    lines: Mutex<HashMap<Uuid, Arc<Semaphore>>>,
}

/// Ends when it is dropped.
pub struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    turns: Arc<Turns>,
    workspace: Uuid,
}

impl Turns {
    pub fn new(each: u32, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            each: each as usize,
            patience,
            lines: Mutex::default(),
        })
    }

    /// Waits for a turn; not for long.
    pub async fn take(self: &Arc<Self>, workspace: Uuid) -> Result<Turn, Problem> {
        // The turn is made first, so that waiting in vain, or being dropped while waiting, tidies up as well.
        let mut turn = Turn {
            permit: None,
            turns: self.clone(),
            workspace,
        };
        let line = self
            .lines()
            .entry(workspace)
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)))
            .clone();
        match tokio::time::timeout(self.patience, line.acquire_owned()).await {
            Ok(Ok(permit)) => {
                turn.permit = Some(permit);
                Ok(turn)
            }
            _ => Err(Problem::new(Code::RateLimited).because("workspace.busy")),
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Semaphore>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut lines = self.turns.lines();
        // Whoever waits or works holds the line too; the map keeps none that nobody stands in.
        if lines
            .get(&self.workspace)
            .is_some_and(|line| Arc::strong_count(line) == 1)
        {
            lines.remove(&self.workspace);
        }
    }
}

/// The turns of one request: extractors put them in, and whoever made it holds it until the answer is there.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Vec<Turn>>>);

impl Held {
    pub fn keep(&self, turn: Turn) {
        self.turns().push(turn);
    }

    /// Whoever has a turn and waited for another one could wait for themselves.
    pub fn has(&self, workspace: Uuid) -> bool {
        self.turns().iter().any(|turn| turn.workspace == workspace)
    }

    fn turns(&self) -> MutexGuard<'_, Vec<Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_workspace_waits_for_itself_and_for_nobody_else() {
        let turns = Turns::new(2, Duration::from_secs(5));
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = turns.take(one).await.unwrap();
        let _second = turns.take(one).await.unwrap();
        assert_eq!(
            turns.take(one).await.err().map(|problem| problem.code()),
            Some(Code::RateLimited)
        );
        drop(turns.take(other).await.unwrap());
        let (third, ()) = tokio::join!(turns.take(one), async { drop(first) });
        third.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_who_is_gone() {
        let turns = Turns::new(1, Duration::from_secs(5));
        let workspace = Uuid::from_u128(1);
        let first = turns.take(workspace).await.unwrap();
        assert!(turns.take(workspace).await.is_err());
        drop(tokio::time::timeout(Duration::from_secs(1), turns.take(workspace)).await);
        drop(first);
        assert_eq!(turns.lines().len(), 0);
    }
}
