//! Answers to goodbyes that wait for a check.
//!
//! A goodbye in the headers of a ping is a hint, so this node asks the sender itself. But a node that stops closes its
//! listeners when its goodbyes are answered, and then there would be no node to ask. So the answer is held until the
//! check has ended. The stopping node waits for it anyway, within a limit of its own, as version 0.1.0 does; it needs
//! no stream and no new message. Turned down: the stopping node counts who has asked it since, which peers that have
//! heard the goodbye on a stream would delay, and which does not help a stopping node of 0.1.0.

use std::collections::BTreeMap;

use super::node::Node;
use super::peer::{Answer, Caller, NodeName};

/// What is held, by the name of the caller: one for each peer, because only a known name is held. `R` is the way back.
#[derive(Debug)]
pub(crate) struct HeldGoodbyes<R>(BTreeMap<NodeName, (Caller, Answer, R)>);

impl<R> Default for HeldGoodbyes<R> {
    fn default() -> HeldGoodbyes<R> {
        HeldGoodbyes(BTreeMap::new())
    }
}

impl<R> HeldGoodbyes<R> {
    /// Gives back what is to be answered now: this one, or the one before it of the same name.
    pub(crate) fn hold(&mut self, node: &Node, caller: Option<Caller>, answer: Answer, way: R) -> Option<(Answer, R)> {
        match caller.filter(|caller| node.holds_goodbye(caller)) {
            Some(caller) => {
                let before = self.0.insert(caller.node.clone(), (caller, answer, way));
                before.map(|(_, answer, way)| (answer, way))
            }
            None => Some((answer, way)),
        }
    }

    /// One whose check has ended; ask until there is none.
    pub(crate) fn next(&mut self, node: &Node) -> Option<(Answer, R)> {
        let ended =
            self.0.iter().find(|(_, (caller, ..))| !node.holds_goodbye(caller)).map(|(name, _)| name.clone())?;
        self.0.remove(&ended).map(|(_, answer, way)| (answer, way))
    }
}
