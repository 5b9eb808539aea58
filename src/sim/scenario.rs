//! A scenario is data: who is there, how the network is, what happens when.
//!
//! It prints itself and reads itself back (`text`), so that a failing random
//! schedule can be pasted into a file, shortened by hand and kept.

use std::fmt;
use std::time::Duration;

use super::delay::Delay;
use crate::closed_set::closed_set;
use crate::detector::config::{DetectorConfig, Timing};
use crate::detector::omission::Omission;

/// A simulated machine with at most one process on it, counted from 0 and
/// shown as `node-1`, `node-2` and so on. Also the node's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

impl HostId {
    /// The host behind `node-3`, or behind `node-3:8001` before it has answered.
    pub(super) fn of(name: &str) -> Option<HostId> {
        let number = name.split(':').next()?.strip_prefix("node-")?;
        number.parse::<usize>().ok()?.checked_sub(1).map(HostId)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node-{}", self.0 + 1)
    }
}

/// Everything one run depends on, apart from its seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// One word; `heartbeat simulate` takes it for built-in scenarios.
    pub name: String,
    /// One line: what is done and what to expect.
    pub about: String,
    /// 1 to [`Scenario::NODES_MAX`].
    pub nodes: usize,
    /// Hosts whose process is not started at the beginning.
    pub absent: Vec<HostId>,
    /// Nodes hold event streams to each other, so news does not wait for the next ping.
    pub streams: bool,
    /// The detector's settings, the same for all nodes.
    pub profile: Profile,
    /// A rule that the detectors of this scenario do not have.
    pub without: Option<Omission>,
    /// How nodes know each other.
    pub names: Names,
    /// Who watches whom.
    pub watch: Watch,
    /// One way through the network. Above zero.
    pub latency: Delay,
    /// How late a starved process reads what has arrived.
    pub late: Delay,
    /// Virtual length of the run.
    pub length: Duration,
    /// Carried out in the order of their times; at the same time in this order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Larger meshes than this would be a mistake in a scenario file.
    pub const NODES_MAX: usize = 10_000;
    /// An hour and a bit: a virtual day would run for minutes unnoticed.
    pub const LENGTH_MAX: Duration = Duration::from_secs(4000);

    /// `nodes` healthy nodes on a quick network for half a minute.
    pub fn new(name: &str, nodes: usize) -> Scenario {
        Scenario {
            name: name.to_owned(),
            about: String::new(),
            nodes,
            absent: Vec::new(),
            streams: true,
            profile: Profile::Balanced,
            without: None,
            names: Names::Declared,
            watch: Watch::All,
            latency: Delay::Uniform(Duration::from_micros(150), Duration::from_micros(600)),
            late: Delay::Uniform(Duration::from_millis(500), Duration::from_millis(2500)),
            length: Duration::from_secs(30),
            steps: Vec::new(),
        }
    }

    /// The same with one more step.
    #[must_use]
    pub fn step(mut self, at_ms: u64, action: Action) -> Scenario {
        self.steps.push(Step { at: Duration::from_millis(at_ms), action });
        self
    }

    /// The same, ended at `at`. What happens until then is the same: no node and no packet knows how long a run is.
    #[must_use]
    pub fn until(mut self, at: Duration) -> Scenario {
        self.length = self.length.min(at);
        self
    }

    /// The detector's settings in this scenario.
    pub fn detector(&self) -> DetectorConfig {
        let timing = match self.profile {
            Profile::Balanced => Timing::BALANCED,
            Profile::Fast => Timing::FAST,
            Profile::Steady => Timing::STEADY,
        };
        let timing = Timing { streams: self.streams, ..timing };
        timing.check().unwrap_or_else(|problems| unreachable!("a named profile is consistent: {problems:?}"))
    }
}

/// Named settings of the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// For most networks; the default of a node.
    Balanced,
    /// Pings twice as often and waits less, for twice the traffic.
    Fast,
    /// Waits longer, for networks and machines that hiccup.
    Steady,
}

/// How nodes know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// `node-2=http://node-2:8001`: the name is known beforehand.
    Pinned,
    /// `http://host-2:8001`: the name is learnt from the first answer.
    Declared,
}

/// Which node watches which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Every node watches every other.
    All,
    /// Each watches this number of the next ones; the last ones continue with the first.
    Ring(usize),
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Virtual time since the beginning of the run.
    pub at: Duration,
    /// What is done.
    pub action: Action,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// One host or its process.
    Host(HostAct, HostId),
    /// The link from the first host to the second.
    Link(LinkAct, HostId, HostId),
    /// This number of a hundred packets of a host are lost, on all its links; 0 ends it.
    HostLoss(Direction, HostId, u8),
    /// This number of a hundred packets are lost, on all links and each way; 0 ends it.
    AllLoss(u8),
    /// Nothing passes between groups. Hosts in no group keep all their links.
    Split(Vec<Vec<HostId>>),
    /// The network is whole again: links, losses, splits, unplugged hosts. Processes stay as they are.
    Heal,
}

closed_set! {
    /// What can happen to a host or its process. Without effect where it makes no
    /// sense (a freeze of a dead process), so that schedules can be cut freely.
    pub enum HostAct {
        /// `kill -9`: connections end at once, new ones are refused.
        Crash = "crash",
        /// `docker kill`: as a crash, but the network goes too, 20 to 200 ms later.
        CrashContainer = "crash-container",
        /// Process and host are gone without a packet.
        PowerOff = "power-off",
        /// A new boot, with power and network.
        Start = "start",
        /// Crash and start at the same time.
        Restart = "restart",
        /// `kill -STOP`: the kernel still accepts connections.
        Freeze = "freeze",
        /// `kill -CONT`.
        Thaw = "thaw",
        /// Timers run, everything read arrives late: by 0.5 to 2.5 s, or as the scenario says.
        Starve = "starve",
        /// Ends `Starve`.
        Feed = "feed",
        /// SIGTERM: goodbyes, then the end after 300 ms at most.
        Leave = "leave",
        /// Packets from and to the host are lost; the process runs.
        Unplug = "unplug",
        /// Ends an unplug.
        Plug = "plug",
    }
}

impl HostAct {
    /// It ends the process that runs.
    pub(super) fn ends(self) -> bool {
        use HostAct::{Crash, CrashContainer, Leave, PowerOff, Restart};
        matches!(self, Crash | CrashContainer | PowerOff | Restart | Leave)
    }

    /// It starts a process.
    pub(super) fn starts(self) -> bool {
        matches!(self, HostAct::Start | HostAct::Restart)
    }
}

/// Which packets of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Those that it sends and those sent to it.
    Both,
    /// Those that it sends.
    From,
    /// Those sent to it.
    To,
}

/// What can happen to the link between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAct {
    /// No packet passes, either way.
    Cut,
    /// Packets from the first to the second are lost: TCP breaks both ways.
    Drop,
    /// What the first sends to the second's port is lost; the second's own connections to the first are whole.
    Block,
    /// Every packet is answered with a reset, both ways.
    Reject,
    /// This number of a hundred packets are lost, each way.
    Loss(u8),
    /// This number of a hundred packets from the first to the second are lost.
    LossOneWay(u8),
    /// Whole again.
    Mend,
}

impl LinkAct {
    /// The word of a scenario file, without its number.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkAct::Cut => "cut",
            LinkAct::Drop => "drop",
            LinkAct::Block => "block",
            LinkAct::Reject => "reject",
            LinkAct::Loss(_) | LinkAct::LossOneWay(_) => "loss",
            LinkAct::Mend => "mend",
        }
    }
}
