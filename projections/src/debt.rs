//! What was answered before it can be read is owed to whoever reads: they wait for it, so that a write need not. A debt that was
//! not paid in time is written off, and nothing is owed anew before the rows have got as far: until then it is the writes that
//! wait, and not everybody who reads.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Debts(Mutex<HashMap<Uuid, Debt>>);

#[derive(Debug, Clone, Copy)]
enum Debt {
    /// Whoever reads sees all up to there.
    Owed(i64),
    /// Up to there they may not.
    WrittenOff(i64),
}

impl Debts {
    /// From now on whoever reads sees all up to there, where rows have got as far as `reached`; `false`: it cannot be owed.
    pub fn owe(&self, workspace: Uuid, position: i64, reached: i64) -> bool {
        let mut debts = self.debts();
        let debt = debts.entry(workspace).or_insert(Debt::Owed(position));
        match debt {
            Debt::WrittenOff(end) if reached < *end => return false,
            Debt::WrittenOff(_) => *debt = Debt::Owed(position),
            Debt::Owed(owed) => *owed = position.max(*owed),
        }
        true
    }

    /// Up to where rows are to be waited for.
    pub fn of(&self, workspace: Uuid) -> Option<i64> {
        match self.debts().get(&workspace) {
            Some(Debt::Owed(position)) => Some(*position),
            _ => None,
        }
    }

    /// It was waited for in vain.
    pub fn write_off(&self, workspace: Uuid, position: i64) {
        self.debts().insert(workspace, Debt::WrittenOff(position));
    }

    fn debts(&self) -> MutexGuard<'_, HashMap<Uuid, Debt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: Uuid = Uuid::nil();

    #[test]
    fn the_furthest_is_waited_for() {
        let debts = Debts::default();
        assert_eq!(debts.of(WORKSPACE), None);
        assert!(debts.owe(WORKSPACE, 7, 0) && debts.owe(WORKSPACE, 5, 0));
        assert_eq!(debts.of(WORKSPACE), Some(7));
    }

    #[test]
    fn who_did_not_pay_owes_nothing_until_they_have() {
        let debts = Debts::default();
        debts.owe(WORKSPACE, 7, 0);
        debts.write_off(WORKSPACE, 7);
        assert_eq!((debts.of(WORKSPACE), debts.owe(WORKSPACE, 8, 6)), (None, false));
        assert!(debts.owe(WORKSPACE, 8, 7));
        assert_eq!(debts.of(WORKSPACE), Some(8));
    }
}
