//! One statement about the mesh in three lengths, and which victims share one.

use std::collections::BTreeMap;

use crate::mesh::{Member, NodeStatus};

/// The same statement for places with more and with less room; one line each, without a full stop.
pub(super) struct Statement {
    /// All of it.
    pub text: String,
    /// What is wrong and since when, without those that report it.
    pub brief: String,
    /// What is wrong.
    pub bare: String,
}

impl From<String> for Statement {
    fn from(text: String) -> Statement {
        Statement { brief: text.clone(), bare: text.clone(), text }
    }
}

impl Statement {
    /// The statement in other words.
    pub(super) fn map(self, words: impl Fn(String) -> String) -> Statement {
        Statement { text: words(self.text), brief: words(self.brief), bare: words(self.bare) }
    }
}

/// Members with one verdict and the same observers behind it, in order.
pub(super) fn shared<'a>(members: impl Iterator<Item = &'a NodeStatus>) -> BTreeMap<&'a [Member], Vec<&'a NodeStatus>> {
    let mut shared: BTreeMap<&[Member], Vec<&NodeStatus>> = BTreeMap::new();
    for node_status in members {
        shared.entry(&node_status.missed_by).or_default().push(node_status);
    }
    shared
}
