//! The detector's settings. Each says what it trades; a combination that makes
//! no sense cannot be built.

use std::ops::Deref;
use std::time::Duration;

use super::limits::CHECK_GAP;
use crate::closed_set::closed_set;

closed_set! {
    /// Whose pings count as a sign of life of the peer that they name.
    pub enum PingsFrom {
        /// Those from an address that the peer's own address resolves to.
        PeerAddress = "peer-address",
        /// All: the network between the nodes changes addresses.
        Anywhere = "anywhere",
    }
}

/// All thresholds, as typed. [`Timing::check`] turns them into a [`DetectorConfig`].
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Between the starts of two scheduled pings of a link. Shorter notices
    /// sooner and costs more: each link is one request and two wake-ups an interval.
    pub interval: Duration,
    /// Each interval is stretched or shrunk by up to this part of itself, so
    /// that nodes started together do not ping in step. 0 to 0.5.
    pub jitter: f64,
    /// When a scheduled ping counts as failed.
    pub ping_timeout: Duration,
    /// How long a connection may take. Below every other limit, so that
    /// "no response" and "connected, but no answer" stay apart.
    pub connect_timeout: Duration,
    /// Wait before accusing a peer whose host refuses connections. Longer
    /// hides quick restarts, shorter reports a crash sooner.
    pub wait_gone: Duration,
    /// Wait before accusing an unresponsive host. A longer wait tolerates longer
    /// interruptions of the network.
    pub wait_silent: Duration,
    /// Wait before accusing a peer that accepts connections and does not
    /// answer. Longer rides out pauses: collections, snapshots, a busy disk.
    pub wait_stalled: Duration,
    /// Witnesses asked on suspicion. More see more and cost more.
    pub witnesses: usize,
    /// Hold event streams to peers. Off: everything stays correct, only later.
    pub streams: bool,
    /// Pings that count as a sign of life. Anywhere: anyone can vouch for a dead peer, for a while.
    pub pings_from: PingsFrom,
}

impl Timing {
    /// For most networks: a killed process in 0.3 s, a silent host in 3 s, a frozen one in 10 s.
    pub const BALANCED: Timing = Timing {
        interval: Duration::from_millis(1000),
        jitter: 0.1,
        ping_timeout: Duration::from_millis(2000),
        connect_timeout: Duration::from_millis(1000),
        wait_gone: Duration::from_millis(250),
        wait_silent: Duration::from_millis(3000),
        wait_stalled: Duration::from_millis(10_000),
        witnesses: 3,
        streams: true,
        pings_from: PingsFrom::PeerAddress,
    };

    /// Twice as quick, for twice the traffic; tolerates pauses of 4.4 s only.
    pub const FAST: Timing = Timing {
        interval: Duration::from_millis(500),
        connect_timeout: Duration::from_millis(500),
        wait_silent: Duration::from_millis(2000),
        wait_stalled: Duration::from_millis(5000),
        ..Timing::BALANCED
    };

    /// For networks and machines that hiccup: a silent host in 10 s, a frozen process in 15 s.
    pub const STEADY: Timing = Timing {
        wait_silent: Duration::from_millis(10_000),
        wait_stalled: Duration::from_millis(15_000),
        ..Timing::BALANCED
    };

    /// The longest pause of a peer that this setting surely rides out: a pause
    /// may begin just before a ping was due, so up to 1.1 intervals of the wait
    /// can be over when it starts.
    pub fn tolerated_pause(&self) -> Duration {
        self.wait_stalled.saturating_sub(self.interval.mul_f64(1.1))
    }

    /// The settings, or everything that is wrong with them.
    ///
    /// # Errors
    /// One [`TimingProblem`] for each broken rule, in the order of the fields.
    pub fn check(self) -> Result<DetectorConfig, Vec<TimingProblem>> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, field: &'static str, problem: String| {
            if !holds {
                problems.push(TimingProblem { field, problem });
            }
        };
        let ms = Duration::from_millis;
        rule(
            self.interval >= ms(100) && self.interval <= ms(60_000),
            "interval",
            "must lie between 100ms and 60s".into(),
        );
        rule((0.0..=0.5).contains(&self.jitter), "jitter", "must lie between 0 and 0.5".into());
        rule(
            self.connect_timeout >= ms(50) && self.connect_timeout < self.ping_timeout,
            "connect_timeout",
            format!("must be at least 50ms and less than the ping timeout ({:?})", self.ping_timeout),
        );
        rule(
            self.ping_timeout <= self.wait_stalled,
            "ping_timeout",
            format!("must not exceed the stalled wait ({:?})", self.wait_stalled),
        );
        rule(
            self.wait_gone >= CHECK_GAP,
            "wait_gone",
            "must be at least 250ms: the class needs two checks 250ms apart".into(),
        );
        let least = self.interval.mul_f64(1.1) + self.connect_timeout;
        rule(
            self.wait_silent >= least,
            "wait_silent",
            format!(
                "must be at least {least:?}: one interval with jitter and one connect timeout, or it ends before its own evidence is in"
            ),
        );
        rule(
            self.wait_stalled >= self.wait_silent,
            "wait_stalled",
            format!(
                "must not be shorter than the silent wait ({:?}): a host that answers earns more patience",
                self.wait_silent
            ),
        );
        rule((1..=8).contains(&self.witnesses), "witnesses", "must lie between 1 and 8".into());
        if problems.is_empty() { Ok(DetectorConfig(self)) } else { Err(problems) }
    }
}

/// One thing that is wrong with a [`Timing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimingProblem {
    /// The field's name in [`Timing`].
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectorConfig(Timing);

impl DetectorConfig {
    /// How long the asking node waits for a witness: the witness has one interval for its ping (its connection stalls
    /// or answers in that time), and the question has as long as any other connection to be put.
    pub(crate) fn question_limit(&self) -> Duration {
        self.interval + self.connect_timeout
    }
}

impl DetectorConfig {
    /// The longest wait of all classes. The rules above make it that of a stalled peer.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.wait_stalled.max(self.wait_silent).max(self.wait_gone)
    }
}

impl Deref for DetectorConfig {
    type Target = Timing;
    fn deref(&self) -> &Timing {
        &self.0
    }
}
