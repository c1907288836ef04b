//! Looking at pictures takes a core and memory by the hundred megabytes: few are looked at once, some wait, and further ones are sent away.

use crate::picture::{Picture, Unreadable};
use bytes::Bytes;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Looked at at once on a node.
const AT_ONCE: usize = 2;
/// Those among them, and those that wait.
const QUEUED: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    #[error("too many pictures wait")]
    Busy,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

pub struct Pictures {
    seats: Arc<Semaphore>,
    queue: Semaphore,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Semaphore::new(QUEUED),
        }
    }
}

impl Pictures {
    /// What the bytes are, and a thumbnail of it.
    pub async fn look_at(&self, bytes: Bytes) -> Result<Picture, Unseen> {
        let _place = self.queue.try_acquire().map_err(|_| Unseen::Busy)?;
        let seat = self.seats.clone().acquire_owned().await.map_err(|_| Unseen::Busy)?;
        // Whoever stops waiting does not stop the look: the seat stays taken until it ends.
        let looked = spawn_blocking(move || {
            let picture = Picture::read(&bytes);
            drop(seat);
            picture
        });
        // A decoder that panics has met something it does not understand.
        Ok(looked.await.unwrap_or(Err(Unreadable::Broken))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_is_sent_away() {
        let pictures = Pictures::default();
        let nothing = Bytes::from_static(b"nothing");
        let told = pictures.look_at(nothing.clone()).await;
        assert!(
            matches!(told, Err(Unseen::Unreadable(Unreadable::UnknownType))),
            "{told:?}"
        );
        let taken = pictures.queue.try_acquire_many(QUEUED as u32).unwrap();
        assert!(matches!(pictures.look_at(nothing.clone()).await, Err(Unseen::Busy)));
        drop(taken);
        assert!(matches!(pictures.look_at(nothing).await, Err(Unseen::Unreadable(_))));
    }
}
