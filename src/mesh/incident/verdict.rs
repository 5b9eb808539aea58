//! What kind of incident it is.

use crate::closed_set::closed_set;

closed_set! {
    /// The kind of an incident, from the mildest to the gravest: a graver one replaces a milder.
    pub enum IncidentVerdict {
        /// What answers does not have the mesh key of the nodes that ask.
        Unverified = "unverified",
        /// Most packets of a link, or of all links of a node, are lost.
        Lossy = "lossy",
        /// A link works in one direction only.
        OneWay = "one_way",
        /// A link is broken and both ends are alive.
        LinkBroken = "link_broken",
        /// Dead according to the only observers left.
        Unconfirmed = "unconfirmed",
        /// Not heard: down or cut off, or (when both sides have reported) certainly cut off.
        CutOff = "cut_off",
        /// Dead; enough observers agree.
        Down = "down",
        /// Two groups or more that did not reach each other. Known only when both sides have reported.
        Split = "split",
    }
}

impl IncidentVerdict {
    /// It is about a link between nodes that are alive.
    pub(super) fn is_of_a_link(self) -> bool {
        self <= IncidentVerdict::LinkBroken
    }
}
