//! How workspaces are divided: a fixed hash puts each into one of a few ranges, and the nodes share the ranges.

use uuid::Uuid;

/// Few, because every node reads each consumer's leases every second; enough that the busiest of up to 16 nodes gets no
/// more than one range over its even share.
pub(crate) const RANGES: usize = 16;

/// FNV-1a over the id's bytes, whose high bits are well mixed. Nodes of different versions must agree on it.
pub(crate) fn range_of(workspace: Uuid) -> usize {
    let hash = workspace
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    ((hash ^ (hash >> 32)) % RANGES as u64) as usize
}

/// How many ranges the node at that place among so many nodes should hold: shares differ by one at most and make up
/// the whole.
pub(crate) fn share(nodes: usize, place: usize) -> usize {
    let nodes = nodes.max(1);
    RANGES / nodes + usize::from(place < RANGES % nodes)
}

/// A set of ranges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ranges(u16);

impl Ranges {
    pub const ALL: Self = Self(u16::MAX);

    pub fn contains(self, range: usize) -> bool {
        self.0 >> range & 1 == 1
    }

    pub fn insert(&mut self, range: usize) {
        self.0 |= 1 << range;
    }

    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..RANGES).filter(move |range| self.contains(*range))
    }
}

impl FromIterator<usize> for Ranges {
    fn from_iter<I: IntoIterator<Item = usize>>(ranges: I) -> Self {
        ranges.into_iter().fold(Self::default(), |mut set, range| {
            set.insert(range);
            set
        })
    }
}

/// What a node does about one consumer's ranges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub take: Ranges,
    pub give: Ranges,
}

/// Brings the node at that place among so many nodes nearer to its share. Nodes begin to take at different ranges, so
/// that those which come at the same moment do not all want the same ones.
pub(crate) fn plan(mine: Ranges, free: Ranges, nodes: usize, place: usize) -> Plan {
    let share = share(nodes, place);
    let first = place * RANGES / nodes.max(1);
    let in_turn = (0..RANGES).map(|n| (first + n) % RANGES);
    Plan {
        take: in_turn
            .filter(|range| free.contains(*range))
            .take(share.saturating_sub(mine.len()))
            .collect(),
        give: mine.iter().rev().take(mine.len().saturating_sub(share)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_are_even_and_make_up_the_whole(nodes in 1_usize..50) {
            let shares: Vec<usize> = (0..nodes).map(|place| share(nodes, place)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), RANGES);
            prop_assert!(shares[0] - shares[nodes - 1] <= 1 && shares.is_sorted_by(|a, b| a >= b), "{:?}", shares);
            prop_assert_eq!(shares[0], RANGES.div_ceil(nodes));
        }

        /// Whoever comes and goes: after two rounds everybody has their share, and nobody gave away what they keep.
        #[test]
        fn nodes_that_plan_by_themselves_end_with_even_shares(before in 1_usize..20, after in 1_usize..20) {
            let mut held = vec![Ranges::default(); before.max(after)];
            for nodes in [before, after] {
                held[nodes..].fill(Ranges::default()); // those that went
                for _ in 0..2 {
                    for place in 0..nodes {
                        let free = held.iter().fold(Ranges::ALL, |free, others| free.without(*others));
                        let Plan { take, give } = plan(held[place], free, nodes, place);
                        prop_assert!(take.is_empty() || give.is_empty());
                        held[place] = held[place].with(take).without(give);
                    }
                }
                let lengths: Vec<usize> = held.iter().map(|ranges| ranges.len()).take(nodes).collect();
                prop_assert_eq!(lengths, (0..nodes).map(|place| share(nodes, place)).collect::<Vec<_>>());
            }
        }

        #[test]
        fn every_workspace_has_a_range(id: u128) {
            prop_assert!(range_of(Uuid::from_u128(id)) < RANGES);
        }

        #[test]
        fn sets_are_sets(a: u16, b: u16) {
            let (a, b) = (Ranges(a), Ranges(b));
            prop_assert_eq!(a.iter().collect::<Ranges>(), a);
            prop_assert_eq!(a.iter().count(), a.len());
            for range in 0..RANGES {
                prop_assert_eq!(a.with(b).contains(range), a.contains(range) || b.contains(range));
                prop_assert_eq!(a.without(b).contains(range), a.contains(range) && !b.contains(range));
            }
        }
    }

    #[test]
    fn ids_made_in_a_row_fall_into_all_ranges_evenly() {
        let mut filled = [0; RANGES];
        (0..16_000).for_each(|_| filled[range_of(Uuid::now_v7())] += 1);
        assert!(filled.iter().all(|count| (800..1_200).contains(count)), "{filled:?}");
    }

    #[test]
    fn the_hash_is_what_it_was() {
        let ranges = [0, 1, u128::MAX].map(|id| range_of(Uuid::from_u128(id)));
        assert_eq!(ranges, [12, 11, 13], "nodes of two versions would divide differently");
    }
}
