//! Identities: names, keys, boots, and the states a peer can be in.
//!
//! A peer has three identities and the code keeps them apart. The *key* is
//! what this process calls it in logs, labels and the API and never changes.
//! The *node name* is what the peer calls itself. The *boot id* is one run of
//! that node: a new boot under an old name is a restart. Between nodes a peer
//! is always named by node name and boot, because keys are private.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::maintenance::Announcement;
use crate::closed_set::closed_set;

/// What this process calls a peer, for the whole life of the process: the
/// pinned name, or `host:port` as configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub Arc<str>);

/// What a node calls itself. At most [`NodeName::LIMIT`] bytes, printable, not empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

/// Why a text is not a node name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node name has 1 to {} visible ASCII characters without blanks, quotes or commas", NodeName::LIMIT)]
pub struct InvalidNodeName;

impl NodeName {
    /// A DNS name has at most 253 characters, and host names are the usual node names.
    pub const LIMIT: usize = 253;

    /// The text as a node name.
    ///
    /// # Errors
    /// [`InvalidNodeName`] when it is empty, too long, or holds anything but
    /// visible ASCII without quotes, commas and angle brackets.
    pub fn new(text: &str) -> Result<NodeName, InvalidNodeName> {
        let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | ',' | '<' | '>' | '\\' | '/');
        if text.is_empty() || text.len() > NodeName::LIMIT || !text.chars().all(allowed) {
            return Err(InvalidNodeName);
        }
        Ok(NodeName(text.into()))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One run of a node: 64 random bits chosen at start, 16 hex digits when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

/// Why a text is not a boot id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a boot id has exactly 16 hex digits")]
pub struct InvalidBootId;

impl FromStr for BootId {
    type Err = InvalidBootId;
    fn from_str(text: &str) -> Result<BootId, InvalidBootId> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidBootId);
        }
        u64::from_str_radix(text, 16).map(BootId).map_err(|_| InvalidBootId)
    }
}

/// A node's own milliseconds since its boot. Below 2^53, so that it survives a browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A peer's slot in this process. Never used twice in one run of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// One request of ours, from its start to its end. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// One question to or from a witness. Ours and theirs count apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// What the configuration or discovery says about one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSpec {
    /// What this process will call it.
    pub key: PeerKey,
    /// The name that the peer must declare; any other makes its answers invalid.
    pub pinned: Option<NodeName>,
}

closed_set! {
    /// What I believe about a peer.
    pub enum PeerState {
        /// Never answered yet.
        Joining = "joining",
        /// It answers.
        Alive = "alive",
        /// A ping failed or is late; I am looking closer.
        Suspect = "suspect",
        /// My link is broken, but an observer vouches for the peer, or I am the one cut off.
        Unreachable = "unreachable",
        /// Enough observers agree, or no observer is left that could.
        Dead = "dead",
        /// Said goodbye.
        Left = "left",
    }
}

impl PeerState {
    /// Its last ping was answered, or doubt is not yet a fault.
    pub fn is_up(self) -> bool {
        matches!(self, PeerState::Alive | PeerState::Suspect)
    }

    /// A wait is over and nothing has come back.
    pub fn is_broken(self) -> bool {
        matches!(self, PeerState::Unreachable | PeerState::Dead)
    }
}

closed_set! {
    /// What a node says about itself.
    pub enum SelfState {
        /// Its listeners are not bound yet, or discovery has not been tried.
        Starting = "starting",
        /// It has started and hears enough of its peers.
        Ready = "ready",
        /// I hear less than half of my peers: it is probably me.
        CutOff = "cut_off",
        /// Most of my links are bad although their peers live: I read late, or lose my packets.
        Slow = "slow",
        /// It stops and has said goodbye.
        Leaving = "leaving",
    }
}

closed_set! {
    /// What the accusations and the witnesses together say.
    pub enum Verdict {
        /// Enough observers agree that this boot is gone.
        Down = "down",
        /// I cannot reach it; a witness can.
        LinkBroken = "link_broken",
        /// I cannot reach it; its own pings reach me.
        OneWay = "one_way",
        /// My link to it loses most of its packets.
        Lossy = "lossy",
        /// Something answers for it, but not with the mesh key: I do not know whether it is the peer.
        Unverified = "unverified",
        /// I hear less than half of my peers: they are down, or I am cut off.
        CutOff = "cut_off",
        /// I cannot reach it and no observer is left to ask.
        Unconfirmed = "unconfirmed",
        /// A new boot answered under the old name.
        Restarted = "restarted",
        /// It never answered.
        NeverSeen = "never_seen",
    }
}

/// What a caller has verified of mine last: the challenge that its request answers. Who replays a request cannot renew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The boot of the node that is called.
    pub boot: BootId,
    /// The highest time of that boot which the caller has in an answer or in news that it believed.
    pub seq: Seq,
}

/// Who sent a ping to me, as its headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that it declares.
    pub node: NodeName,
    /// The life of it that sent the ping.
    pub boot: BootId,
    /// Its own time when it sent; a header from the past has a smaller one.
    pub seq: Seq,
    /// What it says about itself.
    pub state: SelfState,
    /// The revision of my watch list that the caller holds; 0 for none.
    pub known_rev: u64,
    /// Sent where a mesh key is set, once there is something to name.
    pub ack: Option<Ack>,
}

/// What is known of the sender of a ping besides its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingSource {
    /// The address of the peer that it names resolves to the address that it came from.
    PeerAddress,
    /// Anyone.
    Elsewhere,
}

/// What an observer publishes about a boot when its own wait is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    /// The accused node.
    pub node: NodeName,
    /// The accused life of it; a newer one is not meant.
    pub boot: BootId,
    /// How it fails.
    pub class: super::evidence::Class,
    /// Age of the last proof of life when this was sent.
    pub silent_for: Duration,
}

/// One line of an answerer's watch list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The watched node.
    pub node: NodeName,
    /// The life of it that answered last.
    pub boot: BootId,
    /// `None`: no longer watched.
    pub state: Option<PeerState>,
}

/// What changed in the answerer's watch list after revision `since`, up to `rev`.
/// Empty in the steady state, which keeps answers small in large meshes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchDelta {
    /// The revision that the reader holds; 0: the list is complete.
    pub since: u64,
    /// The revision that the reader holds afterwards.
    pub rev: u64,
    /// One line for each peer that changed.
    pub peers: Vec<Watched>,
}

/// The answer to a ping, and the news on an event stream: the same shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name that it declares.
    pub node: NodeName,
    /// The life of it that answered.
    pub boot: BootId,
    /// Its own time when it answered; an older answer has a smaller one.
    pub seq: Seq,
    /// What it says about itself.
    pub state: SelfState,
    /// Of its program.
    pub version: Arc<str>,
    /// All that stand, of any boot.
    pub accusations: Vec<Accusation>,
    /// What changed in its watch list since the revision that the caller holds.
    pub watch: WatchDelta,
    /// `None`: it says nothing about a maintenance of its own.
    pub maintenance: Option<Announcement>,
}

/// What a witness says about a boot that it was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Testimony {
    /// It answered a ping that began after the question; `boot` may be newer than the one asked about.
    Answered {
        /// The life of it that answered.
        boot: BootId,
    },
    /// My ping failed too.
    Failed {
        /// What the network showed.
        evidence: super::evidence::Evidence,
    },
    /// It said goodbye to me.
    Left,
    /// I do not watch such a node (HTTP 404), I was asked too often (429), or no answer came in time.
    NoOpinion,
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
