//! Scenarios as text, one statement a line: how they are written. `parse` reads them, `docs/scenarios.md` has the grammar.
//!
//! ```text
//! scenario crash
//! about kill -9 of one of three
//! nodes 3
//! length 20s
//! at 10s crash node-3
//! ```
//!
//! A line format of our own rather than JSON or TOML: this half of the package
//! has no serde, the statements are what one would say aloud, and a failing
//! random schedule has to be readable in a terminal. All problems of a text are
//! reported at once, each with its line and the accepted form.

use std::fmt;

use super::delay::Span;
use super::scenario::{Action, Direction, HostId, LinkAct, Names, Profile, Scenario, Step, Watch};

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scenario {}", self.name)?;
        if !self.about.is_empty() {
            writeln!(f, "about {}", self.about)?;
        }
        writeln!(f, "nodes {}", self.nodes)?;
        for host in &self.absent {
            writeln!(f, "absent {host}")?;
        }
        writeln!(f, "streams {}", if self.streams { "on" } else { "off" })?;
        writeln!(f, "profile {}", profile_word(self.profile))?;
        writeln!(f, "names {}", names_word(self.names))?;
        if let Some(rule) = self.without {
            writeln!(f, "without {rule}")?;
        }
        match self.watch {
            Watch::All => writeln!(f, "watch all")?,
            Watch::Ring(next) => writeln!(f, "watch ring {next}")?,
        }
        writeln!(f, "latency {}", self.latency)?;
        writeln!(f, "late {}", self.late)?;
        writeln!(f, "length {}", Span(self.length))?;
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} {}", Span(self.at), self.action)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Host(act, host) => write!(f, "{} {host}", act.as_str()),
            Action::Link(LinkAct::Loss(percent), a, b) => write!(f, "loss {a} {b} {percent}%"),
            Action::Link(LinkAct::LossOneWay(percent), a, b) => write!(f, "loss {a} to {b} {percent}%"),
            Action::HostLoss(Direction::Both, host, percent) => write!(f, "loss {host} {percent}%"),
            Action::HostLoss(Direction::From, host, percent) => write!(f, "loss from {host} {percent}%"),
            Action::HostLoss(Direction::To, host, percent) => write!(f, "loss to {host} {percent}%"),
            Action::AllLoss(percent) => write!(f, "loss all {percent}%"),
            Action::Link(act, a, b) => write!(f, "{} {a} {b}", act.as_str()),
            Action::Split(groups) => {
                let group = |hosts: &Vec<HostId>| hosts.iter().map(HostId::to_string).collect::<Vec<_>>().join(" ");
                write!(f, "split {}", groups.iter().map(group).collect::<Vec<_>>().join(" | "))
            }
            Action::Heal => f.write_str("heal"),
        }
    }
}

fn profile_word(profile: Profile) -> &'static str {
    match profile {
        Profile::Balanced => "balanced",
        Profile::Fast => "fast",
        Profile::Steady => "steady",
    }
}

fn names_word(names: Names) -> &'static str {
    match names {
        Names::Pinned => "pinned",
        Names::Declared => "declared",
    }
}

/// One line that is not a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    /// Counted from 1.
    pub line: usize,
    /// The line as it was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be read.
    pub accepted: &'static str,
}

/// Everything that is wrong with a scenario's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidScenario(pub Vec<LineProblem>);

impl fmt::Display for InvalidScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, p) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}line {}: {:?}: {}; accepted: {}", p.line, p.text, p.problem, p.accepted)?;
        }
        Ok(())
    }
}
