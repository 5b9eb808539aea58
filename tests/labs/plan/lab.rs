//! A lab as data: what is done, and what must be seen after it.
//!
//! `labs/NAME/lab.yaml` is read in two steps: what was written, which YAML and
//! serde check, and what it means, which [`Lab::parse`] checks, with errors that
//! name the step. A lab names nodes `node-1`, `node-2`, ...; a place in which
//! they are called otherwise replaces the words in the text before it is read.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;

/// Events that are alarms: each that is not expected by a lab fails it.
pub const ALARMS: [&str; 5] = ["peer_down", "peer_unreachable", "peer_never_seen", "peer_conflict", "self_cut_off"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// The heading of its page.
    pub title: String,
    /// One line for the list of labs.
    pub about: String,
    /// Where it can be run.
    pub places: Vec<Place>,
    /// What it needs besides a container engine.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Compose files, beside `lab.yaml`, that change the cluster for this lab.
    #[serde(default)]
    pub overlay: Option<String>,
    /// Services that take part besides the nodes and those who watch them.
    #[serde(default)]
    pub services: Vec<String>,
    /// Profiles of compose that take part.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Variables of compose for this lab.
    #[serde(default)]
    pub variables: std::collections::BTreeMap<String, String>,
    pub steps: Vec<Step>,
    /// Alarms besides the expected lines that may be said or not, each with its reason.
    #[serde(default)]
    pub may_say: Vec<MaySay>,
    /// Exactly those that fire in Prometheus from the first step to the last, the watchdog left out.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// How long after the last step all nodes must see all others, and then: no alert, anywhere.
    pub heals: Heals,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Compose,
    Kubernetes,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Packet filters in the network namespace of a container: Linux, root, `nsenter`, `iptables`.
    PacketFilter,
    /// A limit on the CPU time of a container that the engine really enforces.
    CpuLimit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What happens, as the commentary says it.
    pub say: String,
    #[serde(rename = "do", default)]
    pub acts: Vec<Act>,
    #[serde(default)]
    pub expect: Vec<Expect>,
}

/// One thing done to the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// As by `kill -9`, all of them at once.
    Kill(Nodes),
    /// Told to end, and waited for.
    Stop(Nodes),
    Start(Nodes),
    /// Killed and started again as fast as the engine can.
    Restart(Nodes),
    /// One after the other: told to end, started again, and the next one only when all see all.
    Roll(Nodes),
    /// Frozen: its kernel answers for it, it does not.
    Pause(Nodes),
    Resume(Nodes),
    /// Off the network on which peers talk, and still in sight of Prometheus.
    Cut(Nodes),
    /// New requests of one to the other are lost; those the other way pass.
    OneWay {
        from: String,
        to: String,
    },
    /// New requests of one to the other are refused, as by a firewall that rejects; those the other way pass.
    Reject {
        from: String,
        to: String,
    },
    /// So many of a hundred packets to a node are lost, on the network on which peers talk.
    Lose {
        node: String,
        percent: u8,
    },
    /// So many thousandths of one core are left to a node; `heal` gives it its share again.
    Throttle {
        node: String,
        thousandths: u32,
    },
    /// So many processes compute beside a node, in its container: seconds of work, and hours under a limit. They end by
    /// themselves.
    Compute {
        node: String,
        processes: usize,
    },
    /// Undoes `cut`, `one_way`, `reject`, `lose` and `throttle`.
    Heal(Nodes),
    /// Each round trip of the slow link takes this much longer.
    Delay(Span),
    /// The number of nodes.
    Scale(usize),
    /// Time passes: how long a fault lasts is the lab itself, not a wait for something.
    Hold(Span),
}

/// One name or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes(pub Vec<String>);

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Nodes, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        Ok(Nodes(match Written::deserialize(deserializer)? {
            Written::One(name) => vec![name],
            Written::Many(names) => names,
        }))
    }
}

/// A length of time, written `500ms`, `6s` or `2m`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no length of time such as 500ms, 6s or 2m")))
    }
}

impl Span {
    pub fn parse(text: &str) -> Option<Span> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let milliseconds = match &text[digits..] {
            "ms" => number,
            "s" => number.checked_mul(1000)?,
            "m" => number.checked_mul(60_000)?,
            _ => return None,
        };
        Some(Span(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            ms if ms % 1000 == 0 => write!(f, "{} s", ms / 1000),
            ms => write!(f, "{ms} ms"),
        }
    }
}

/// What must be seen after the acts of its step, and until when. Exactly one of the first fields is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(default)]
    pub log: Option<Said>,
    #[serde(default)]
    pub view: Option<View>,
    /// Prometheus has it firing.
    #[serde(default)]
    pub firing: Option<Alert>,
    /// The receiver has been called about it.
    #[serde(default)]
    pub notified: Option<Alert>,
    #[serde(default)]
    pub query: Option<Query>,
    #[serde(default)]
    pub panel: Option<Panel>,
    /// This number of nodes see each other.
    #[serde(default)]
    pub whole: Option<usize>,
    /// No alert fires or is about to, for three evaluations running. Those that wait for minutes are left out.
    #[serde(default)]
    pub calm: Option<bool>,
    pub within: Option<Span>,
    /// A line may also have been logged in an earlier step; the reason.
    #[serde(default)]
    pub or_earlier: Option<String>,
    /// In this place alone; a comment in the lab says why.
    #[serde(default)]
    pub only: Option<Place>,
    /// The time it took is one of the lab's figures, under this name.
    #[serde(default)]
    pub figure: Option<String>,
}

/// A log line of each of `by`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    pub by: Nodes,
    pub event: String,
    /// The peer it is about; none for what a node reports of itself.
    #[serde(default)]
    pub peer: Option<String>,
    /// Fields of the line that must have these values, as text.
    #[serde(default)]
    pub fields: std::collections::BTreeMap<String, String>,
    /// Pieces of the sentence, in this order.
    #[serde(default)]
    pub words: Vec<String>,
}

/// What the API of each of `by` answers about `peer`: `alive`, `dead/down`, `unreachable/cut_off`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    pub by: Nodes,
    pub peer: String,
    pub is: String,
}

/// An alert by its name and those labels that tell it from others: `HeartbeatPeerDown{peer="node-3"}`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub alert: String,
    #[serde(default)]
    pub node: Option<String>,
    #[serde(default)]
    pub peer: Option<String>,
    /// Fires, and another alert that explains it keeps it from the receiver.
    #[serde(default)]
    pub silenced: bool,
    /// Fires or not, by chance; the reason.
    #[serde(default)]
    pub maybe: Option<String>,
    /// May still fire when the lab is over, because it counts what happened within minutes; the reason.
    #[serde(default)]
    pub outlasts: Option<String>,
    /// In this place alone; a comment in the lab says why.
    #[serde(default)]
    pub only: Option<Place>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// PromQL with one value as its answer.
    pub expr: String,
    pub is: f64,
}

/// A panel of the dashboard by its title: its first query, with every variable on "all".
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    pub title: String,
    /// Which row of a panel with several.
    #[serde(default)]
    pub node: Option<String>,
    #[serde(default)]
    pub peer: Option<String>,
    #[serde(default)]
    pub shows: Option<f64>,
    #[serde(default)]
    pub shows_at_least: Option<f64>,
}

/// An alarm that may be said or not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaySay {
    pub by: Nodes,
    pub event: String,
    #[serde(default)]
    pub peer: Option<String>,
    pub why: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heals {
    pub nodes: Span,
    pub alerts: Span,
}

/// What an expectation asks for, once it is known that it asks for one thing.
#[derive(Clone, Debug)]
pub enum Wanted<'a> {
    Log(&'a Said),
    View(&'a View),
    Firing(&'a Alert),
    Notified(&'a Alert),
    Query(&'a Query),
    Panel(&'a Panel),
    Whole(usize),
    Calm,
}

impl Expect {
    pub fn wanted(&self) -> Result<Wanted<'_>, String> {
        let all = [
            self.log.as_ref().map(Wanted::Log),
            self.view.as_ref().map(Wanted::View),
            self.firing.as_ref().map(Wanted::Firing),
            self.notified.as_ref().map(Wanted::Notified),
            self.query.as_ref().map(Wanted::Query),
            self.panel.as_ref().map(Wanted::Panel),
            self.whole.map(Wanted::Whole),
            self.calm.filter(|calm| *calm).map(|_| Wanted::Calm),
        ];
        let mut wanted = all.into_iter().flatten();
        match (wanted.next(), wanted.next()) {
            // A figure counts from the step.
            (Some(only), None)
                if self.or_earlier.is_some() && (self.figure.is_some() || !matches!(only, Wanted::Log(_))) =>
            {
                Err("`or_earlier` is for lines of the log, without a figure".into())
            }
            (Some(only), None) => Ok(only),
            (None, _) => {
                Err("an expectation asks for nothing: log, view, firing, notified, query, panel, whole, calm".into())
            }
            (Some(_), Some(_)) => Err("an expectation asks for one thing; write two".into()),
        }
    }
}

impl Lab {
    /// Reads a lab file; `name` is for errors.
    pub fn parse(name: &str, text: &str) -> Result<Lab, String> {
        let lab: Lab = serde_saphyr::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        let problems = lab.problems();
        if problems.is_empty() { Ok(lab) } else { Err(format!("{name}: {}", problems.join("; "))) }
    }

    /// The lab as it is played in a place: without what is expected in another alone.
    pub fn at(mut self, place: Place) -> Lab {
        let here = |only: Option<Place>| only.is_none_or(|only| only == place);
        for step in &mut self.steps {
            step.expect.retain(|expect| here(expect.only));
        }
        self.alerts.retain(|alert| here(alert.only));
        self
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.steps.is_empty() {
            problems.push("there are no steps".to_owned());
        }
        for (index, step) in self.steps.iter().enumerate() {
            let mut say = |problem: String| problems.push(format!("step {}: {problem}", index + 1));
            for expect in &step.expect {
                if let Err(problem) = expect.wanted() {
                    say(problem);
                }
                if let Some(panel) = &expect.panel
                    && panel.shows.is_some() == panel.shows_at_least.is_some()
                {
                    say("a panel `shows` a number or `shows_at_least` one".into());
                }
                if expect.within.is_none() {
                    say("an expectation has no `within`".into());
                }
            }
            if step.acts.is_empty() && step.expect.is_empty() {
                say("nothing is done and nothing is expected".into());
            }
        }
        problems.extend(
            self.unlisted().into_iter().map(|alert| format!("{alert} is expected by a step and missing in `alerts`")),
        );
        problems
    }

    /// Alerts that a step waits for and that the list at the end does not have.
    fn unlisted(&self) -> Vec<String> {
        let expects = self.steps.iter().flat_map(|step| &step.expect);
        let alerts = expects.flat_map(|expect| expect.firing.iter().chain(&expect.notified));
        let listed = |alert: &&Alert| self.alerts.iter().any(|listed| listed.same(alert));
        alerts.filter(|alert| !listed(alert)).map(ToString::to_string).collect()
    }

    /// Every node that the file names.
    pub fn nodes(&self) -> std::collections::BTreeSet<String> {
        let mut names = std::collections::BTreeSet::new();
        for step in &self.steps {
            step.acts.iter().for_each(|act| names.extend(act.nodes()));
            for expect in &step.expect {
                if let Some(said) = &expect.log {
                    names.extend(said.by.0.iter().cloned().chain(said.peer.clone()));
                }
                if let Some(view) = &expect.view {
                    names.extend(view.by.0.iter().cloned().chain([view.peer.clone()]));
                }
            }
        }
        for alert in &self.alerts {
            names.extend(alert.node.iter().chain(&alert.peer).cloned());
        }
        names
    }

    /// Alerts that may still fire when the lab is over.
    pub fn outlasting(&self) -> Vec<Alert> {
        self.alerts.iter().filter(|alert| alert.outlasts.is_some()).cloned().collect()
    }

    /// How many nodes there are at the end.
    pub fn size(&self) -> usize {
        let acts = self.steps.iter().flat_map(|step| &step.acts);
        acts.filter_map(|act| if let Act::Scale(count) = act { Some(*count) } else { None }).next_back().unwrap_or(3)
    }
}

impl Act {
    fn nodes(&self) -> Vec<String> {
        match self {
            Act::Kill(nodes)
            | Act::Stop(nodes)
            | Act::Start(nodes)
            | Act::Restart(nodes)
            | Act::Roll(nodes)
            | Act::Pause(nodes)
            | Act::Resume(nodes)
            | Act::Cut(nodes)
            | Act::Heal(nodes) => nodes.0.clone(),
            Act::OneWay { from, to } | Act::Reject { from, to } => vec![from.clone(), to.clone()],
            Act::Lose { node, .. } | Act::Throttle { node, .. } | Act::Compute { node, .. } => vec![node.clone()],
            Act::Delay(_) | Act::Scale(_) | Act::Hold(_) => Vec::new(),
        }
    }
}

impl Alert {
    /// Whether both name the same alert, however it was delivered.
    pub fn same(&self, other: &Alert) -> bool {
        self.alert == other.alert && self.node == other.node && self.peer == other.peer
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = [("node", &self.node), ("peer", &self.peer)];
        let written: Vec<String> =
            labels.iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect();
        if written.is_empty() {
            f.write_str(&self.alert)
        } else {
            write!(f, "{}{{{}}}", self.alert, written.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
title: Crash
about: A node is killed.
places: [compose, kubernetes]
steps:
  - say: node-3 is killed
    do: [{ kill: node-3 }, { hold: 500ms }]
    expect:
      - log: { by: [node-1, node-2], event: peer_down, peer: node-3, fields: { verdict: down }, words: [is down] }
        within: 5s
        figure: said by both
      - firing: { alert: HeartbeatPeerDown, peer: node-3 }
        within: 1m
  - say: it comes back
    do: [{ start: [node-3] }, { one_way: { from: node-1, to: node-2 } }, { scale: 6 }]
alerts:
  - { alert: HeartbeatPeerDown, peer: node-3 }
heals: { nodes: 15s, alerts: 2m }
"#;

    #[test]
    fn what_is_expected_in_another_place_alone_is_left_out() {
        let text = SMALL
            .replace("        within: 1m\n", "        within: 1m\n        only: compose\n")
            .replace("peer: node-3 }\nheals", "peer: node-3, only: compose }\nheals");
        for (place, expects, alerts) in [(Place::Compose, 2, 1), (Place::Kubernetes, 1, 0)] {
            let lab = Lab::parse("t", &text).unwrap().at(place);
            assert_eq!((lab.steps[0].expect.len(), lab.alerts.len()), (expects, alerts), "{place:?}");
        }
    }

    #[test]
    fn a_lab_is_read() {
        let lab = Lab::parse("small", SMALL).unwrap();
        let kill = Act::Kill(Nodes(vec!["node-3".into()]));
        assert_eq!(lab.steps[0].acts, [kill, Act::Hold(Span(Duration::from_millis(500)))]);
        assert!(matches!(lab.steps[0].expect[1].wanted(), Ok(Wanted::Firing(_))));
        assert_eq!(lab.steps[1].acts[1], Act::OneWay { from: "node-1".into(), to: "node-2".into() });
        assert_eq!(lab.nodes().into_iter().collect::<Vec<_>>(), ["node-1", "node-2", "node-3"]);
        assert_eq!(lab.size(), 6);
        assert_eq!(lab.alerts[0].to_string(), "HeartbeatPeerDown{peer=node-3}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        for (from, to, complaint) in [
            ("kill: node-3", "slay: node-3", "slay"),
            ("hold: 500ms", "hold: soon", "is no length of time"),
            ("        within: 1m\n", "", "step 1: an expectation has no `within`"),
            ("within: 1m", "within: 1m\n        whole: 3", "step 1: an expectation asks for one thing"),
            ("within: 1m", "within: 1m\n        or_earlier: r", "step 1: `or_earlier` is for lines of the log"),
            (
                "within: 5s",
                "within: 5s\n        or_earlier: r",
                "step 1: `or_earlier` is for lines of the log, without",
            ),
            (
                "firing: { alert: HeartbeatPeerDown, peer: node-3 }",
                "calm: false",
                "step 1: an expectation asks for nothing",
            ),
            (
                "  - { alert: HeartbeatPeerDown, peer: node-3 }",
                "  []",
                "HeartbeatPeerDown{peer=node-3} is expected by a step",
            ),
            ("    do: [{ start", "    did: [{ start", "did"),
        ] {
            assert!(SMALL.contains(from), "{from:?}");
            let complained = Lab::parse("small", &SMALL.replace(from, to)).unwrap_err();
            assert!(complained.contains(complaint) && complained.starts_with("small: "), "{to:?}: {complained}");
        }
    }

    #[test]
    fn spans_are_read_and_written() {
        for (text, ms, said) in [("500ms", 500, "500 ms"), ("6s", 6000, "6 s"), ("2m", 120_000, "120 s")] {
            let span = Span::parse(text).unwrap();
            assert_eq!((span.0.as_millis(), span.to_string().as_str()), (ms, said));
        }
        for wrong in ["", "6", "s", "6 s", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(Span::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
