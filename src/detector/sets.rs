//! Disjoint sets (union-find), for connected components: the detector counts them, the mesh view names them.

/// Disjoint sets of small numbers, with the smallest as the root of each.
pub(crate) struct Sets {
    parents: Vec<usize>,
    /// How many sets there are.
    pub count: usize,
}

impl Sets {
    pub(crate) fn new(count: usize) -> Sets {
        Sets { parents: (0..count).collect(), count }
    }

    pub(crate) fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            // Halves the way for the next search.
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    pub(crate) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.parents[one.max(other)] = one.min(other);
            self.count -= 1;
        }
    }
}
