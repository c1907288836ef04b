//! A workspace's events as the leaves of a Merkle tree (RFC 9162, section 2.1; the same trees as RFC 6962): from its root, which
//! is signed, some 20 hashes prove that one event of a million is among them, and that one root goes on from another.
//!
//! The tree that grows is kept as its peaks alone, one for each bit of its size: enough to go on, and to tell the root.

use crate::chain::Hash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A growing tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the whole trees that it is made of, the largest first.
    peaks: Vec<Hash>,
}

/// The hashes that lead from a leaf, or from a smaller tree, to a root. As JSON each is in hex.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(Vec<HexHash>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct HexHash(#[serde(with = "hex::serde")] Hash);

/// The event's hash as a leaf.
pub fn leaf(event: &Hash) -> Hash {
    hash(&[&[0], event])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Tree {
    /// From what [`Tree::peaks`] told; `None` when these are not the peaks of a tree of that size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == expected).then_some(Self { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut grown = leaf;
        // Each whole tree of the size that has grown so far becomes one with it.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                grown = node(&left, &grown);
            }
        }
        self.peaks.push(grown);
        self.size += 1;
    }

    /// Of no leaves, the hash of nothing.
    pub fn root(&self) -> Hash {
        together(&self.peaks)
    }
}

fn together(peaks: &[Hash]) -> Hash {
    let peaks = peaks.iter().rev().copied();
    peaks
        .reduce(|right, left| node(&left, &right))
        .unwrap_or_else(|| hash(&[]))
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Tree>().root()
}

/// The largest power of two below a number above 1: where a tree of so many leaves parts.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

impl Path {
    /// Proves that the leaf at that index, from 0, is one of these; `None` when there is none.
    pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Self> {
        if index >= leaves.len() {
            return None;
        }
        let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
        while leaves.len() > 1 {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let (within, beside) = match index < left.len() {
                true => (left, right),
                false => (right, left),
            };
            path.push(HexHash(root(beside)));
            index -= if index < left.len() { 0 } else { left.len() };
            leaves = within;
        }
        path.reverse();
        Some(Self(path))
    }

    /// Proves that the tree of these goes on from that of the first so many; `None` when there are fewer, or with none.
    pub fn consistency(leaves: &[Hash], first: usize) -> Option<Self> {
        let (before, new) = leaves.split_at_checked(first)?;
        Self::between(&before.iter().copied().collect(), new)
    }

    /// Proves that the tree with these leaves added goes on from the one before; `None` from one without leaves.
    pub fn between(before: &Tree, new: &[Hash]) -> Option<Self> {
        let size = usize::try_from(before.size).ok().filter(|size| *size > 0)?;
        let mut peaks = before.peaks.as_slice();
        // Of the subtree in hand: where it begins, how many leaves it has, and how many of them were there before.
        let (mut begin, mut length, mut first) = (0, size + new.len(), size);
        let mut path = Vec::new();
        while first < length {
            let half = split(length);
            if first <= half {
                path.push(HexHash(root(new.get(begin + half - size..begin + length - size)?)));
                length = half;
            } else {
                let (peak, rest) = peaks.split_first()?;
                path.push(HexHash(*peak));
                (peaks, begin, length, first) = (rest, begin + half, length - half, first - half);
            }
        }
        if begin > 0 {
            path.push(HexHash(together(peaks)));
        }
        path.reverse();
        Some(Self(path))
    }

    /// Whether it leads from the leaf at that index to the root of a tree of that size (RFC 9162, 2.1.3.2).
    pub fn includes(&self, leaf: Hash, index: u64, size: u64, root: &Hash) -> bool {
        if index >= size {
            return false;
        }
        let (mut at, mut last, mut found) = (index, size - 1, leaf);
        for HexHash(beside) in &self.0 {
            if last == 0 {
                return false;
            }
            if at & 1 == 1 || at == last {
                found = node(beside, &found);
                while at & 1 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                found = node(&found, beside);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        last == 0 && found == *root
    }

    /// Whether a tree of `size` goes on from one of `first` (RFC 9162, 2.1.4.2). Each tree goes on from itself.
    pub fn extends(&self, (first, first_root): (u64, &Hash), (size, root): (u64, &Hash)) -> bool {
        if first == 0 || first > size {
            return false;
        }
        if first == size {
            return self.0.is_empty() && first_root == root;
        }
        let mut path = self.0.iter().map(|HexHash(hash)| hash);
        let start = match first.is_power_of_two() {
            true => Some(first_root),
            false => path.next(),
        };
        let Some(start) = start else {
            return false;
        };
        let shift = (first - 1).trailing_ones();
        let (mut at, mut last) = ((first - 1) >> shift, (size - 1) >> shift);
        let (mut before, mut after) = (*start, *start);
        for beside in path {
            if last == 0 {
                return false;
            }
            if at & 1 == 1 || at == last {
                (before, after) = (node(beside, &before), node(beside, &after));
                while at & 1 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                after = node(&after, beside);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        last == 0 && before == *first_root && after == *root
    }
}

#[cfg(test)]
mod tests;
