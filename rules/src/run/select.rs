//! Which cases run.

use regex::Regex;

use crate::case::Case;

/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only cases whose `FILE :: CASE` this matches somewhere.
    pub filter: Option<Regex>,
    /// Of those only every `of`-th, beginning with number `index` (from 1).
    pub shard: Option<Shard>,
}

/// A part of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Selection {
    /// The indices of the selected cases, in order.
    #[must_use]
    pub fn select(&self, cases: &[Case]) -> Vec<usize> {
        let wanted = |case: &Case| self.filter.as_ref().is_none_or(|filter| filter.is_match(&case.suite));
        let filtered = cases.iter().enumerate().filter(|(_, case)| wanted(case)).map(|(index, _)| index);
        match self.shard {
            None => filtered.collect(),
            Some(shard) => {
                filtered.enumerate().filter(|(n, _)| n % shard.of == shard.index - 1).map(|(_, i)| i).collect()
            }
        }
    }
}
