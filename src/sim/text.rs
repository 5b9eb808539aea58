//! Scenarios as text, one statement a line, read and written.
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
use std::str::FromStr;
use std::time::Duration;

use super::scenario::{Action, HostId, LinkAct, Names, Profile, Scenario, Step, Watch};

/// A duration as scenarios write it: whole `s`, `ms` or `us`.
pub(super) struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.as_micros();
        if us.is_multiple_of(1_000_000) {
            write!(f, "{}s", us / 1_000_000)
        } else if us.is_multiple_of(1000) {
            write!(f, "{}ms", us / 1000)
        } else {
            write!(f, "{us}us")
        }
    }
}

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
        match self.watch {
            Watch::All => writeln!(f, "watch all")?,
            Watch::Ring(next) => writeln!(f, "watch ring {next}")?,
        }
        writeln!(f, "latency {} {}", Span(self.latency.0), Span(self.latency.1))?;
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

const ACCEPTED_STATEMENT: &str = "scenario NAME, about TEXT, nodes N, absent NODE, streams on|off, \
     profile balanced|fast|steady, names pinned|declared, watch all|ring K, latency LEAST MOST, length TIME, at TIME ACTION, # comment";
const ACCEPTED_ACTION: &str = "at TIME followed by crash|crash-container|power-off|start|restart|freeze|thaw|starve|feed|leave|unplug|plug NODE, \
     cut|drop|block|reject|mend NODE NODE, loss NODE NODE PERCENT%, split NODE.. | NODE.., heal";
const ACCEPTED_SPAN: &str = "a time such as 10s, 1.5s, 250ms or 300us";
const ACCEPTED_NODE: &str = "a node such as node-2, not above the number of nodes";
const ACCEPTED_COUNT: &str = "a whole number from 1 to 10000";

type Fault = (String, &'static str);

impl FromStr for Scenario {
    type Err = InvalidScenario;

    fn from_str(text: &str) -> Result<Scenario, InvalidScenario> {
        let mut scenario = Scenario::new("unnamed", 3);
        let mut problems = Vec::new();
        let mut nodes_used: Vec<(usize, &str, usize)> = Vec::new();
        for (index, raw) in text.lines().enumerate() {
            let line = raw.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let before = (scenario.steps.len(), scenario.absent.len());
            if let Err((problem, accepted)) = statement(&mut scenario, line) {
                problems.push(LineProblem { line: index + 1, text: line.to_owned(), problem, accepted });
                continue;
            }
            let named = scenario.steps[before.0..].iter().flat_map(|step| hosts_of(&step.action));
            nodes_used.extend(named.chain(scenario.absent[before.1..].iter().copied()).map(|h| (index + 1, line, h.0)));
        }
        for (line, text, host) in nodes_used {
            if host >= scenario.nodes {
                let problem = format!("there is no {} among {} nodes", HostId(host), scenario.nodes);
                problems.push(LineProblem { line, text: text.to_owned(), problem, accepted: ACCEPTED_NODE });
            }
        }
        problems.sort_by_key(|p| p.line);
        scenario.steps.sort_by_key(|step| step.at);
        if problems.is_empty() { Ok(scenario) } else { Err(InvalidScenario(problems)) }
    }
}

fn hosts_of(action: &Action) -> Vec<HostId> {
    match action {
        Action::Host(_, host) => vec![*host],
        Action::Link(_, a, b) => vec![*a, *b],
        Action::Split(groups) => groups.concat(),
        Action::Heal => Vec::new(),
    }
}

fn statement(scenario: &mut Scenario, line: &str) -> Result<(), Fault> {
    let (word, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (word, words.as_slice()) {
        ("scenario", [name]) => scenario.name = (*name).to_owned(),
        ("about", [_, ..]) => scenario.about = rest.to_owned(),
        ("nodes", [count]) => scenario.nodes = whole(count, Scenario::NODES_MAX)?,
        ("absent", [host]) => scenario.absent.push(node(host)?),
        ("streams", ["on"]) => scenario.streams = true,
        ("streams", ["off"]) => scenario.streams = false,
        ("profile", ["balanced"]) => scenario.profile = Profile::Balanced,
        ("profile", ["fast"]) => scenario.profile = Profile::Fast,
        ("profile", ["steady"]) => scenario.profile = Profile::Steady,
        ("names", ["pinned"]) => scenario.names = Names::Pinned,
        ("names", ["declared"]) => scenario.names = Names::Declared,
        ("watch", ["all"]) => scenario.watch = Watch::All,
        ("watch", ["ring", next]) => scenario.watch = Watch::Ring(whole(next, Scenario::NODES_MAX)?),
        ("latency", [least, most]) => scenario.latency = latency(least, most)?,
        ("length", [time]) => scenario.length = length(time)?,
        ("at", [time, action @ ..]) => {
            let step = Step { at: span(time)?, action: self::action(action)? };
            scenario.steps.push(step);
        }
        _ => return Err(("not a statement".to_owned(), ACCEPTED_STATEMENT)),
    }
    Ok(())
}

fn latency(least: &str, most: &str) -> Result<(Duration, Duration), Fault> {
    let (least, most) = (span(least)?, span(most)?);
    if least.is_zero() || most < least || most > Duration::from_secs(1) {
        return Err(("not a range".to_owned(), "two times above zero and up to 1s, the lesser first"));
    }
    Ok((least, most))
}

fn length(text: &str) -> Result<Duration, Fault> {
    let length = span(text)?;
    if length > Scenario::LENGTH_MAX {
        return Err(("too long".to_owned(), "a time up to 4000s"));
    }
    Ok(length)
}

fn action(words: &[&str]) -> Result<Action, Fault> {
    let link = |act, a: &str, b: &str| {
        let (a, b) = (node(a)?, node(b)?);
        if a == b {
            Err(("a node has no link to itself".to_owned(), ACCEPTED_ACTION))
        } else {
            Ok(Action::Link(act, a, b))
        }
    };
    match words {
        ["heal"] => Ok(Action::Heal),
        ["cut", a, b] => link(LinkAct::Cut, a, b),
        ["drop", a, b] => link(LinkAct::Drop, a, b),
        ["block", a, b] => link(LinkAct::Block, a, b),
        ["reject", a, b] => link(LinkAct::Reject, a, b),
        ["mend", a, b] => link(LinkAct::Mend, a, b),
        ["loss", a, b, part] => match part.strip_suffix('%').and_then(|n| n.parse::<u8>().ok()).filter(|n| *n <= 100) {
            Some(percent) => link(LinkAct::Loss(percent), a, b),
            None => Err((format!("{part:?} is not a percentage"), "0% to 100%")),
        },
        ["split", groups @ ..] if !groups.is_empty() => {
            let group = |hosts: &[&str]| hosts.iter().map(|host| node(host)).collect::<Result<Vec<_>, _>>();
            Ok(Action::Split(groups.split(|word| *word == "|").map(group).collect::<Result<_, _>>()?))
        }
        [act, host] => match act.parse() {
            Ok(known) => Ok(Action::Host(known, node(host)?)),
            Err(_) => Err((format!("{act:?} is not an action"), ACCEPTED_ACTION)),
        },
        _ => Err(("not an action".to_owned(), ACCEPTED_ACTION)),
    }
}

fn whole(text: &str, most: usize) -> Result<usize, Fault> {
    text.parse()
        .ok()
        .filter(|count| (1..=most).contains(count))
        .ok_or_else(|| (format!("{text:?} is not a count"), ACCEPTED_COUNT))
}

/// `node-2` or just `2`.
fn node(text: &str) -> Result<HostId, Fault> {
    let number = text.strip_prefix("node-").unwrap_or(text);
    match number.parse::<usize>() {
        Ok(number) if (1..=Scenario::NODES_MAX).contains(&number) => Ok(HostId(number - 1)),
        _ => Err((format!("{text:?} is not a node"), ACCEPTED_NODE)),
    }
}

fn span(text: &str) -> Result<Duration, Fault> {
    let fault = || (format!("{text:?} is not a time"), ACCEPTED_SPAN);
    let (number, unit_us) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1000.0)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000_000.0)
    } else {
        return Err(fault());
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match number.parse::<f64>() {
        // Two hours in microseconds is far within what a float holds exactly.
        Ok(value) if plain && value * unit_us <= 7.2e9 => Ok(Duration::from_micros((value * unit_us).round() as u64)),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_with_its_line() {
        let text = "nodes 0\nat 1x crash node-1\n# fine\nat 2s explode node-1\nat 1s crash node-9\nloss\n";
        let problems = text.parse::<Scenario>().unwrap_err().0;
        let lines: Vec<usize> = problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [1, 2, 4, 5, 6]);
        let message = InvalidScenario(problems).to_string();
        assert!(message.contains("line 4: \"at 2s explode node-1\": \"explode\" is not an action; accepted: at TIME"));
        assert!(message.contains("there is no node-9 among 3 nodes"));
    }

    #[test]
    fn times_are_read_as_written() {
        for (text, us) in [("10s", 10_000_000), ("1.5s", 1_500_000), ("250ms", 250_000), ("300us", 300)] {
            assert_eq!(span(text).unwrap(), Duration::from_micros(us));
        }
        for text in ["10", "-1s", "1e3s", "s", "9999s", "NaNs"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
