//! A snapshot of what this node believes, for pages, the API and metrics.
//! All times are ages: only the reader's clock is needed.

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::discovery::finding::DnsName;
use super::event::PeerRef;
use super::evidence::{Class, Evidence};
use super::flaw::Flaw;
use super::maintenance::Maintenance;
use super::peer::{BootId, NodeName, SelfState, Seq, Testimony, Verdict};

/// What one node believes at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The name of this node.
    pub node: NodeName,
    /// This life of it.
    pub boot: BootId,
    /// Milliseconds since its start.
    pub seq: Seq,
    /// What it says about itself.
    pub state: SelfState,
    /// Within one interval after a stall: my opinions are on hold.
    pub stalled: bool,
    /// Time this process did not run, in all.
    pub lost: Duration,
    /// What is known of the mesh without asking anybody.
    pub hearsay: Hearsay,
    /// The one this node is in.
    pub maintenance: Option<Maintenance>,
    /// One for each watched peer, in the order in which they were added.
    pub peers: Vec<PeerView>,
    /// How the search for peers goes.
    pub discovery: DiscoveryView,
    /// It has a list of peers or a name to look up, and watches no node.
    pub found_nobody: bool,
    /// Nodes that ping this one and are on no list of it.
    pub unlisted: Vec<NodeName>,
}

/// What is known of the names that peers are found behind; empty where every peer was listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiscoveryView {
    /// One for each configured name.
    pub names: Vec<NameView>,
    /// Addresses that have not answered yet, or with nothing that says whose they are.
    pub candidates: Vec<CandidateView>,
    /// Lookups that failed or found nothing.
    pub errors: u64,
}

/// One name that peers are found behind.
#[derive(Clone, Debug, PartialEq)]
pub struct NameView {
    /// As it was configured.
    pub name: DnsName,
    /// Addresses in the last good list.
    pub addresses: u32,
    /// Age of the last good lookup, `None` before the first.
    pub last_success: Option<Duration>,
    /// Every lookup has failed for this long, so the list is stale.
    pub failing_for: Option<Duration>,
    /// Why the last lookup failed; `None` after a good one.
    pub error: Option<Arc<str>>,
}

/// An address that may belong to a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateView {
    /// Where it is probed.
    pub address: SocketAddr,
    /// How long it has been one.
    pub age: Duration,
    /// What its last probe showed; `None` before the first has ended.
    pub evidence: Option<Evidence>,
    /// What was wrong with the answer to it, if that was not one of a node.
    pub flaw: Option<Flaw>,
    /// It has been one for longer than the longest wait.
    pub overdue: bool,
}

/// What this node believes of one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerView {
    /// Who it is, and its state.
    pub peer: PeerRef,
    /// Counts for alerts: false while Left, in maintenance, Joining before its limit, or while I am CutOff or stalled.
    pub expected: bool,
    /// A flag beside the state, whatever that is.
    pub maintenance: Option<Maintenance>,
    /// Its maintenance should have been over this long ago, and it has not been up since.
    pub overrun: Option<Duration>,
    /// Too many of its last ten scheduled pings failed or were slow.
    pub degraded: bool,
    /// It became down or unreachable three times within a minute.
    pub flapping: bool,
    /// What is wrong, if anything: never `Restarted`, which is an event.
    pub verdict: Option<Verdict>,
    /// How it fails; `None` while nothing is wrong.
    pub class: Option<Class>,
    /// What the last check showed.
    pub evidence: Option<Evidence>,
    /// Age of the last proof of life, `None` before the first.
    pub last_proof: Option<Duration>,
    /// Age of the last answer to a ping of mine.
    pub last_answer: Option<Duration>,
    /// How long this node itself did not run since the last proof of life. Ages are of the time in which it ran.
    pub lost: Duration,
    /// Another node that answered at its address since then, while this one still does.
    pub rival: Option<NodeName>,
    /// Age of the present state.
    pub state_age: Duration,
    /// Round trip of the last scheduled ping that was answered.
    pub rtt_last: Option<Duration>,
    /// Moving average of the round trips.
    pub rtt_mean: Option<Duration>,
    /// Over the last 64 samples.
    pub rtt_p50: Option<Duration>,
    /// Over the last 64 samples.
    pub rtt_p99: Option<Duration>,
    /// Suspicion of the outstanding ping, 0 when none is out.
    pub phi: f64,
    /// Failed of the last ten scheduled pings, 0 to 1; `None` before the first ended.
    pub loss: Option<f64>,
    /// Changes of its boot that this process has seen.
    pub restarts: u64,
    /// Has an open event stream from this peer.
    pub streaming: bool,
    /// A valid ping from this peer came in within the last three intervals.
    pub pings_me: bool,
    /// Observers whose accusation of this boot stands, me first when I accuse.
    pub accusers: Vec<NodeName>,
    /// The witnesses asked last, and what they said.
    pub witnesses: Vec<WitnessView>,
}

/// One witness that was asked about a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessView {
    /// The node that was asked.
    pub witness: NodeName,
    /// `None`: no answer yet.
    pub said: Option<Testimony>,
    /// Age of the question.
    pub age: Duration,
    /// Age of the answer; older than the question while that is out and an earlier one was answered.
    pub said_age: Option<Duration>,
}

/// What the lists of others show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hearsay {
    /// Groups of two or more that I know to reach each other.
    pub components: usize,
    /// Peers whose list of peers differs from mine.
    pub list_mismatches: usize,
}

/// Whether anything is wrong, as far as I know without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// This node misses a peer, or a peer that it hears misses another.
    pub any: bool,
    /// Grows with every change of anybody's opinion that comes to my ears.
    pub opinions: u64,
}

impl View {
    /// What a ready node shows that knows only these peers.
    pub fn new(node: NodeName, boot: BootId, peers: Vec<PeerView>) -> View {
        View {
            node,
            boot,
            seq: Seq(1),
            state: SelfState::Ready,
            stalled: false,
            lost: Duration::ZERO,
            hearsay: Hearsay::default(),
            maintenance: None,
            peers,
            discovery: DiscoveryView::default(),
            found_nobody: false,
            unlisted: Vec::new(),
        }
    }
}

impl PeerView {
    /// A peer that is expected to be there, and of which nothing else is known.
    pub fn new(peer: PeerRef) -> PeerView {
        PeerView {
            peer,
            expected: true,
            maintenance: None,
            overrun: None,
            degraded: false,
            flapping: false,
            verdict: None,
            class: None,
            evidence: None,
            last_proof: None,
            last_answer: None,
            lost: Duration::ZERO,
            rival: None,
            state_age: Duration::ZERO,
            rtt_last: None,
            rtt_mean: None,
            rtt_p50: None,
            rtt_p99: None,
            phi: 0.0,
            loss: None,
            restarts: 0,
            streaming: false,
            pings_me: false,
            accusers: Vec::new(),
            witnesses: Vec::new(),
        }
    }
}
