//! A rule of the detector that is left out, to see what it is for.
//!
//! Only the simulator leaves one out: no setting of a node leads here, and `tests/architecture.rs` holds that no other
//! module does. Each is one condition at the place where its rule is applied, so what runs otherwise is the detector of a
//! node. Turned down: a second detector without the rule, which would differ in more than that.

use crate::closed_set::closed_set;

closed_set! {
    /// The rule.
    pub enum Omission {
        /// Time counts while this process does not run.
        ObserverTime = "observer-time",
        /// No witness vouches, and no ping of the peer itself; no observer that disagrees is asked before a verdict.
        Veto = "veto",
        /// A node that hears less than half of its peers may call a silent one dead.
        HalfRule = "half-rule",
        /// All processes of a node call themselves the same boot. Done by what starts them: the detector reads it only.
        Boot = "boot",
        /// Each observer decides alone.
        Quorum = "quorum",
    }
}
