//! Rows as this node wrote them last, or is about to, so that the next event on one need not read it back. They are current as long as
//! nobody else moves the workspace's checkpoint: each writing is guarded by it (write.rs), and when the guard fails the
//! workspace begins another era, in which nothing is known.

use moka::sync::Cache;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// What one table's rows may weigh together, as JSON.
const WEIGHT_MAX: u64 = 2 << 20;
/// What a row weighs besides.
const WEIGHT_MIN: usize = 512;

/// A workspace, from one loss of its memory to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Era {
    pub workspace: Uuid,
    pub nth: u64,
}

/// Of one table.
pub(crate) struct Known<T>(Cache<(Era, Uuid), (Arc<T>, u32)>);

impl<T: Send + Sync + 'static> Default for Known<T> {
    fn default() -> Self {
        let weigh = |_: &(Era, Uuid), (_, weight): &(Arc<T>, u32)| *weight;
        Self(Cache::builder().max_capacity(WEIGHT_MAX).weigher(weigh).build())
    }
}

impl<T: Send + Sync + 'static> Known<T> {
    /// Those of the rows that are known.
    pub fn get(&self, era: Option<Era>, keys: &BTreeSet<Uuid>) -> BTreeMap<Uuid, Arc<T>> {
        let Some(era) = era else { return BTreeMap::new() };
        let row = |key: &Uuid| Some((*key, self.0.get(&(era, *key))?.0));
        keys.iter().filter_map(row).collect()
    }

    /// Rows as they are to be written, with the length of their JSON, and keys of rows that are gone.
    pub fn keep(&self, era: Era, rows: Vec<(Uuid, Arc<T>, usize)>, gone: &[Uuid]) {
        for (key, row, length) in rows {
            let weight = u32::try_from(length + WEIGHT_MIN).unwrap_or(u32::MAX);
            self.0.insert((era, key), (row, weight));
        }
        for key in gone {
            self.0.invalidate(&(era, *key));
        }
    }
}
