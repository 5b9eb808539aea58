//! What the scenario has done to a host, as its steps say it.

use super::scenario::{HostAct, HostId, Scenario};

/// What holds of a host and its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HostState {
    pub ended: bool,
    pub frozen: bool,
    pub starved: bool,
    pub unplugged: bool,
}

impl HostState {
    /// Of each host before the first step.
    pub(super) fn all(scenario: &Scenario) -> Vec<HostState> {
        let of = |host| HostState { ended: scenario.absent.contains(&HostId(host)), ..HostState::default() };
        (0..scenario.nodes).map(of).collect()
    }

    /// It can judge others, and the others can hear it. A starved one is late, which is no fault to be reported.
    pub(super) fn is_well(self) -> bool {
        !self.ended && !self.frozen && !self.unplugged
    }

    /// The act gives the host a process that was not there before. A start where one runs does nothing.
    pub(super) fn gets_process(self, act: HostAct) -> bool {
        act.starts() && (self.ended || act.ends())
    }

    pub(super) fn after(mut self, act: HostAct) -> HostState {
        match act {
            HostAct::Crash | HostAct::CrashContainer | HostAct::PowerOff | HostAct::Leave => self.ended = true,
            HostAct::Start | HostAct::Restart => self = HostState::default(),
            HostAct::Freeze => self.frozen = true,
            HostAct::Thaw => self.frozen = false,
            HostAct::Starve => self.starved = true,
            HostAct::Feed => self.starved = false,
            HostAct::Unplug => self.unplugged = true,
            HostAct::Plug => self.unplugged = false,
        }
        self
    }
}
