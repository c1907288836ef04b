//! Whether an append in the line was written. Others may be decided on what it will leave. That the stream comes to the version they expect
//! does not say that it was this one that brought it there; so they name what they build on, and where that is lost they are refused.

use std::{
    ptr,
    sync::{
        Arc,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
};

const OPEN: u8 = 0;
const KEPT: u8 = 1;
const LOST: u8 = 2;

/// Of an append, for those who build on it.
#[derive(Debug, Clone)]
pub struct Promise(Arc<AtomicU8>);

impl Promise {
    /// It was refused, or nobody knows what became of it.
    pub fn is_lost(&self) -> bool {
        self.0.load(Acquire) == LOST
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.load(Acquire) == KEPT
    }

    /// Which one it is.
    pub(crate) fn address(&self) -> usize {
        ptr::from_ref(&*self.0).addr()
    }
}

/// The append's own: gone without having been written, it is lost.
#[derive(Debug)]
pub(crate) struct Promised(Promise);

impl Promised {
    pub fn new() -> Self {
        Self(Promise(Arc::new(AtomicU8::new(OPEN))))
    }

    pub fn promise(&self) -> &Promise {
        &self.0
    }

    /// It is written.
    pub fn keep(&self) {
        self.0.0.store(KEPT, Release);
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        let lost = self.0.0.compare_exchange(OPEN, LOST, AcqRel, Acquire);
        lost.ok(); // or it was kept
    }
}

#[cfg(test)]
mod tests {
    use super::Promised;

    #[test]
    fn what_goes_unwritten_is_lost() {
        let (written, refused) = (Promised::new(), Promised::new());
        let promises = [&written, &refused].map(|promised| promised.promise().clone());
        written.keep();
        drop((written, refused));
        assert_eq!(promises.each_ref().map(|promise| promise.is_kept()), [true, false]);
        assert_eq!(promises.each_ref().map(|promise| promise.is_lost()), [false, true]);
    }
}
