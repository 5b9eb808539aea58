//! What discovery is about and what it reports: names, probes, changes. Plain words, below everything that looks or shows.

use core::net::SocketAddr;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::closed_set::closed_set;
use crate::detector::level::Level;
use crate::detector::peer::BootId;

/// A name to look up, and the port that every address behind it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DnsName {
    /// Looked up for all its addresses.
    pub host: Arc<str>,
    /// Of every address that the host has.
    pub port: u16,
    /// Its nodes are asked with TLS, and show certificates for this name.
    pub tls: bool,
}

/// A name's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameId(pub u16);

/// One probe of one candidate. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId(pub u64);

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "dns+https" } else { "dns+http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

closed_set! {
    /// What became of a discovered peer that good lookups no longer name.
    pub enum Removal {
        /// It is no longer in the configured list.
        Unlisted = "unlisted",
        /// It said goodbye, and its name no longer leads to it.
        Left = "left",
        /// Dead for [`DEAD_KEPT`](super::DEAD_KEPT), and its name no longer leads to it.
        Dead = "dead",
    }
}

/// What to report about looking for peers. Changes only: a continuing failure is reported once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The name cannot be looked up; the `known` addresses that it gave last stay.
    Failed {
        /// What was looked up.
        name: DnsName,
        /// What the name server or the system said.
        error: Arc<str>,
        /// Addresses that stay.
        known: u32,
    },
    /// The name was found again.
    Recovered {
        /// What was looked up.
        name: DnsName,
        /// Since the first lookup that failed.
        failed_for: Duration,
        /// Lookups that failed in this time.
        failures: u32,
        /// Addresses in the new list.
        found: u32,
    },
    /// There are more peers or addresses than one node watches.
    Full {
        /// Peers or addresses that the names lead to.
        listed: u32,
        /// How many of them are watched.
        limit: u32,
    },
    /// Another process calls itself by this node's name.
    NameTaken {
        /// Where the other process answered; `None` when it pinged this node.
        address: Option<SocketAddr>,
        /// What tells it from this node.
        boot: BootId,
    },
}

impl Finding {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Finding::Failed { .. } => "discovery_failed",
            Finding::Recovered { .. } => "discovery_recovered",
            Finding::Full { .. } => "discovery_full",
            Finding::NameTaken { .. } => "discovery_name_taken",
        }
    }

    pub(crate) fn level(&self) -> Level {
        match self {
            Finding::Recovered { .. } => Level::Info,
            Finding::Failed { .. } | Finding::Full { .. } | Finding::NameTaken { .. } => Level::Warn,
        }
    }
}
