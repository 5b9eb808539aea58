//! What a scenario has done to hosts and links, for the drawing: their real state, beside what nodes believe.

use std::collections::BTreeMap;

use heartbeat::sim::{Action, Direction, HostAct, HostId, LinkAct, Scenario};
use serde_json::{Value, json};

#[derive(Clone)]
struct Host {
    /// The process: `running`, `absent`, or how it ended.
    process: &'static str,
    frozen: bool,
    starved: bool,
    unplugged: bool,
    /// Percent lost of what it sends, and of what is sent to it.
    loss: (u8, u8),
}

const RUNNING: Host = Host { process: "running", frozen: false, starved: false, unplugged: false, loss: (0, 0) };

struct Truth {
    hosts: Vec<Host>,
    /// Of a pair of hosts in the order in which the step named them.
    links: BTreeMap<(usize, usize), LinkAct>,
    groups: Vec<Option<usize>>,
    loss_all: u8,
}

/// The state at the beginning and after each step.
pub(crate) fn course(scenario: &Scenario) -> Vec<Value> {
    let host = |host| match scenario.absent.contains(&HostId(host)) {
        true => Host { process: "absent", ..RUNNING },
        false => RUNNING,
    };
    let mut truth = Truth {
        hosts: (0..scenario.nodes).map(host).collect(),
        links: BTreeMap::new(),
        groups: vec![None; scenario.nodes],
        loss_all: 0,
    };
    let mut course = vec![truth.at(0.0)];
    for step in scenario.steps.iter().filter(|step| step.at <= scenario.length) {
        truth.apply(&step.action);
        course.push(truth.at(step.at.as_secs_f64()));
    }
    course
}

impl Truth {
    fn apply(&mut self, action: &Action) {
        match action {
            Action::Host(act, HostId(host)) => self.host(*act, *host),
            Action::Link(act, HostId(a), HostId(b)) => {
                let back = self.links.remove(&(*b, *a));
                self.links.remove(&(*a, *b));
                // A loss one way leaves the other way as it was.
                if let (LinkAct::LossOneWay(_), Some(back @ LinkAct::LossOneWay(_))) = (act, back) {
                    self.links.insert((*b, *a), back);
                }
                let ends = matches!(act, LinkAct::Mend | LinkAct::Loss(0) | LinkAct::LossOneWay(0));
                if !ends {
                    self.links.insert((*a, *b), *act);
                }
            }
            Action::HostLoss(direction, HostId(host), percent) => {
                let loss = &mut self.hosts[*host].loss;
                if *direction != Direction::To {
                    loss.0 = *percent;
                }
                if *direction != Direction::From {
                    loss.1 = *percent;
                }
            }
            Action::AllLoss(percent) => self.loss_all = *percent,
            Action::Split(groups) => {
                self.groups.fill(None);
                for (number, group) in groups.iter().enumerate() {
                    group.iter().for_each(|host| self.groups[host.0] = Some(number));
                }
            }
            Action::Heal => {
                self.links.clear();
                self.groups.fill(None);
                self.loss_all = 0;
                for host in &mut self.hosts {
                    host.unplugged = false;
                    host.loss = (0, 0);
                }
            }
        }
    }

    fn host(&mut self, act: HostAct, place: usize) {
        let host = &mut self.hosts[place];
        let runs = host.process == "running";
        match act {
            HostAct::Crash if runs => host.process = "killed",
            HostAct::CrashContainer if runs => host.process = "killed with its network",
            HostAct::PowerOff if runs => host.process = "without power",
            HostAct::Leave if runs => host.process = "stopped cleanly",
            HostAct::Restart => *host = Host { loss: host.loss, ..RUNNING },
            HostAct::Start if !runs => *host = Host { loss: host.loss, ..RUNNING },
            HostAct::Freeze if runs => host.frozen = true,
            HostAct::Starve if runs => host.starved = true,
            HostAct::Thaw => host.frozen = false,
            HostAct::Feed => host.starved = false,
            HostAct::Unplug => host.unplugged = true,
            HostAct::Plug => host.unplugged = false,
            // What makes no sense does nothing.
            HostAct::Crash | HostAct::CrashContainer | HostAct::PowerOff | HostAct::Leave => {}
            HostAct::Start | HostAct::Freeze | HostAct::Starve => {}
        }
        if host.process != "running" {
            (host.frozen, host.starved) = (false, false);
        }
    }

    fn at(&self, at: f64) -> Value {
        let hosts: Vec<Value> = self
            .hosts
            .iter()
            .zip(&self.groups)
            .map(|(host, group)| {
                json!({
                    "process": host.process, "frozen": host.frozen, "starved": host.starved,
                    "unplugged": host.unplugged, "loss_from": host.loss.0, "loss_to": host.loss.1, "group": group,
                })
            })
            .collect();
        let links: Vec<Value> = self
            .links
            .iter()
            .map(|((a, b), act)| {
                let percent = match act {
                    LinkAct::Loss(percent) | LinkAct::LossOneWay(percent) => Some(*percent),
                    _ => None,
                };
                let one_way = matches!(act, LinkAct::Drop | LinkAct::Block | LinkAct::LossOneWay(_));
                json!({ "a": a, "b": b, "act": act.as_str(), "percent": percent, "one_way": one_way })
            })
            .collect();
        json!({ "at": at, "hosts": hosts, "links": links, "loss_all": self.loss_all })
    }
}
