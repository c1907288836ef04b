//! Where something stands among those of its kind: below which ones, and above how many levels. Nothing is below itself,
//! and each kind has so many levels and no more.

/// Where one is to stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spot<I> {
    /// The one that is put there.
    pub own: I,
    /// Those above it, from its parent up.
    pub above: Vec<I>,
    /// How many levels hang below it and come along.
    pub levels_below: usize,
}

/// Why nothing can stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    Cyclic,
    TooDeep { max: usize },
}

impl<I: PartialEq> Spot<I> {
    /// Whether one can stand there where there are so many levels at most.
    pub fn holds(&self, levels_max: usize) -> Result<(), Misplaced> {
        if self.above.contains(&self.own) {
            return Err(Misplaced::Cyclic);
        }
        match self.above.len().saturating_add(self.levels_below) < levels_max {
            true => Ok(()),
            false => Err(Misplaced::TooDeep { max: levels_max }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_below_itself_and_levels_have_an_end() {
        let deep = Err(Misplaced::TooDeep { max: 3 });
        for (above, levels_below, told) in [
            (vec![], 0, Ok(())),
            (vec![], 2, Ok(())),
            (vec![], 3, deep),
            (vec![2, 3], 0, Ok(())),
            (vec![2, 3], 1, deep),
            (vec![2], 1, Ok(())),
            (vec![2, 3, 4], 0, deep),
            (vec![2], usize::MAX, deep),
            (vec![1], 0, Err(Misplaced::Cyclic)),
            (vec![2, 3, 1], 9, Err(Misplaced::Cyclic)),
        ] {
            let spot = Spot {
                own: 1,
                above,
                levels_below,
            };
            assert_eq!(spot.holds(3), told, "{spot:?}");
        }
    }
}
