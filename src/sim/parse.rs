//! Scenarios from text. All problems of a text are reported at once, each with
//! its line, the word that cannot be read, and the form that would be.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use super::delay::Delay;
use super::scenario::{Action, Direction, HostAct, HostId, LinkAct, Names, Profile, Scenario, Step, Watch};
use super::text::{InvalidScenario, LineProblem};

const STATEMENT: &str = "scenario NAME, about TEXT, nodes N, absent NODE, streams on|off, \
     profile balanced|fast|steady, without RULE, names pinned|declared, watch all|ring K, latency TIMES, late TIMES, length TIME, \
     at TIME ACTION, # comment";
const ACTION: &str = "at TIME followed by crash|crash-container|power-off|start|restart|freeze|thaw|starve|feed|leave|unplug|plug NODE.., \
     cut|drop|block|reject|mend NODE NODE, loss NODE NODE|NODE to NODE|NODE|from NODE|to NODE|all PERCENT%, \
     split NODE.. | NODE.., heal";
const LOSS: &str = "loss NODE NODE 40% (both ways), loss NODE to NODE 40% (one way), loss NODE 40% (all its links), \
     loss from NODE 40%, loss to NODE 40% or loss all 5%; 0% ends it";
const SPAN: &str = "a time such as 10s, 1.5s, 250ms or 300us, up to 7200s";
const WITHOUT: &str = "without observer-time|veto|half-rule|boot|quorum";
const NODE: &str = "node-1, node-2 and so on, up to the number that the line `nodes N` gives; without it there are 3";
const COUNT: &str = "a whole number from 1 to 10000";
const DELAY: &str = "LEAST MOST, normal MEAN DEVIATION, exponential LEAST EXTRA, or quantiles from p0 to p100 in order: \
     p0 100us p50 300us p99 20ms p100 80ms";

/// The longest one-way latency: a ping that takes longer is lost.
const LATENCY_MAX: Duration = Duration::from_secs(1);
/// The latest read of a starved process. What is frozen for longer is a `freeze`.
const LATE_MAX: Duration = Duration::from_secs(60);

/// What is wrong, the word included, and what would be read.
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
                let problem = format!("there is no {:?} among {} nodes", HostId(host).to_string(), scenario.nodes);
                problems.push(LineProblem { line, text: text.to_owned(), problem, accepted: NODE });
            }
        }
        problems.sort_by_key(|p| p.line);
        scenario.steps.sort_by_key(|step| step.at);
        if problems.is_empty() { Ok(scenario) } else { Err(InvalidScenario(problems)) }
    }
}

fn hosts_of(action: &Action) -> Vec<HostId> {
    match action {
        Action::Host(_, host) | Action::HostLoss(_, host, _) => vec![*host],
        Action::Link(_, a, b) => vec![*a, *b],
        Action::Split(groups) => groups.concat(),
        Action::AllLoss(_) | Action::Heal => Vec::new(),
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
        ("without", [rule]) => scenario.without = Some(rule.parse().map_err(|_| unfit(word, rest, WITHOUT))?),
        ("names", ["pinned"]) => scenario.names = Names::Pinned,
        ("names", ["declared"]) => scenario.names = Names::Declared,
        ("watch", ["all"]) => scenario.watch = Watch::All,
        ("watch", ["ring", next]) => scenario.watch = Watch::Ring(whole(next, Scenario::NODES_MAX)?),
        ("latency", times) => scenario.latency = delay(word, times, LATENCY_MAX, "times above zero and up to 1s")?,
        ("late", times) => scenario.late = delay(word, times, LATE_MAX, "times above zero and up to 60s")?,
        ("length", [time]) => scenario.length = length(time)?,
        ("at", [time, action @ ..]) => {
            let at = span(time)?;
            scenario.steps.extend(actions(action)?.into_iter().map(|action| Step { at, action }));
        }
        _ => return Err(misplaced(word, rest)),
    }
    Ok(())
}

/// A statement that is not one: either its first word is unknown, or what follows does not fit.
fn misplaced(word: &str, rest: &str) -> Fault {
    let form = match word {
        "scenario" => "scenario NAME, one word",
        "about" => "about TEXT",
        "nodes" => "nodes N",
        "absent" => "absent NODE, one on each line",
        "streams" => "streams on or streams off",
        "profile" => "profile balanced, profile fast or profile steady",
        "without" => WITHOUT,
        "names" => "names pinned or names declared",
        "watch" => "watch all or watch ring K",
        "length" => "length TIME",
        "at" => ACTION,
        _ => return (format!("{word:?} is not a statement"), STATEMENT),
    };
    unfit(word, rest, form)
}

fn unfit(word: &str, rest: &str, form: &'static str) -> Fault {
    if rest.is_empty() {
        (format!("something is missing after {word:?}"), form)
    } else {
        (format!("{word:?} does not take {rest:?}"), form)
    }
}

fn delay(word: &str, words: &[&str], most: Duration, bounds: &'static str) -> Result<Delay, Fault> {
    let delay = match words {
        [] => return Err(unfit(word, "", DELAY)),
        ["normal", mean, deviation] => Delay::Normal(span(mean)?, span(deviation)?),
        ["exponential", least, extra] => Delay::Exponential(span(least)?, span(extra)?),
        [first, ..] if first.starts_with('p') => quantiles(words)?,
        [least, longest] if !least.starts_with(char::is_alphabetic) => {
            let (least, longest) = (span(least)?, span(longest)?);
            if longest < least {
                return Err((format!("{:?} is not a range", words.join(" ")), "two times, the lesser first"));
            }
            Delay::Uniform(least, longest)
        }
        _ => return Err(unfit(word, &words.join(" "), DELAY)),
    };
    let center = match &delay {
        Delay::Normal(mean, _) => *mean,
        Delay::Uniform(least, _) | Delay::Exponential(least, _) => *least,
        Delay::Quantiles(points) => points.first().map_or(Duration::ZERO, |(_, time)| *time),
    };
    if center.is_zero() || delay.most() > most {
        return Err((format!("{:?} goes beyond the bounds", words.join(" ")), bounds));
    }
    Ok(delay)
}

/// `p0 100us p50 300us p99.9 20ms p100 80ms`.
fn quantiles(words: &[&str]) -> Result<Delay, Fault> {
    let mut points: Vec<(u16, Duration)> = Vec::new();
    for pair in words.chunks(2) {
        let [place, time] = pair else { return Err(unfit(pair[0], "", DELAY)) };
        let fault = || (format!("{place:?} is not a quantile in its order"), DELAY);
        let point = (tenths(place.strip_prefix('p').unwrap_or("")).ok_or_else(fault)?, span(time)?);
        let in_order = match points.last() {
            None => point.0 == 0,
            Some(last) => last.0 < point.0,
        };
        if !in_order {
            return Err(fault());
        }
        if points.last().is_some_and(|last| last.1 > point.1) {
            return Err((format!("{time:?} is less than the time before it"), DELAY));
        }
        points.push(point);
    }
    match points.last() {
        Some((1000, _)) => Ok(Delay::Quantiles(points)),
        Some(_) | None => Err((format!("{:?} is not the last quantile", words[words.len() - 2]), DELAY)),
    }
}

/// `99` or `99.9`, as tenths of a percent.
fn tenths(text: &str) -> Option<u16> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let tenth = digits(tenth).filter(|_| tenth.len() == 1)?;
    let place = digits(whole)?.checked_mul(10)?.checked_add(tenth)?;
    u16::try_from(place).ok().filter(|place| *place <= 1000)
}

fn length(text: &str) -> Result<Duration, Fault> {
    let length = span(text)?;
    if length > Scenario::LENGTH_MAX {
        return Err((format!("{text:?} is too long"), "a time up to 4000s"));
    }
    Ok(length)
}

/// What one line does: an act on several hosts is one action for each.
fn actions(words: &[&str]) -> Result<Vec<Action>, Fault> {
    let [act, rest @ ..] = words else { return Err(("an action is missing".to_owned(), ACTION)) };
    if let Ok(known) = act.parse::<HostAct>() {
        if rest.is_empty() {
            return Err(unfit(act, "", "one node or more, such as node-1 node-2"));
        }
        return rest.iter().map(|host| Ok(Action::Host(known, node(host)?))).collect();
    }
    let action = match (*act, rest) {
        ("heal", []) => Action::Heal,
        ("loss", [which @ .., part]) => loss(which, part)?,
        ("split", [_, ..]) => split(rest)?,
        (_, [a, b]) => match link_act(act) {
            Some(act) => link(act, a, b)?,
            None => return Err(not_an_action(act, rest)),
        },
        _ => return Err(not_an_action(act, rest)),
    };
    Ok(vec![action])
}

fn not_an_action(act: &str, rest: &[&str]) -> Fault {
    let form = match act {
        "heal" => "heal alone: it repairs the whole network",
        "loss" => LOSS,
        "split" => "split NODE.. | NODE..",
        _ if link_act(act).is_some() => "two nodes, such as node-1 node-2",
        _ => return (format!("{act:?} is not an action"), ACTION),
    };
    unfit(act, &rest.join(" "), form)
}

fn link_act(act: &str) -> Option<LinkAct> {
    Some(match act {
        "cut" => LinkAct::Cut,
        "drop" => LinkAct::Drop,
        "block" => LinkAct::Block,
        "reject" => LinkAct::Reject,
        "mend" => LinkAct::Mend,
        _ => return None,
    })
}

fn link(act: LinkAct, a: &str, b: &str) -> Result<Action, Fault> {
    let (from, to) = (node(a)?, node(b)?);
    if from == to {
        return Err((format!("{b:?} is both ends: a node has no link to itself"), "two different nodes"));
    }
    Ok(Action::Link(act, from, to))
}

fn loss(which: &[&str], part: &str) -> Result<Action, Fault> {
    let percent = part.strip_suffix('%').and_then(digits).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100);
    let Some(percent) = percent else {
        return Err((format!("{part:?} is not a percentage"), "0% to 100% as the last word"));
    };
    match which {
        ["all"] => Ok(Action::AllLoss(percent)),
        [host] => Ok(Action::HostLoss(Direction::Both, node(host)?, percent)),
        ["from", host] => Ok(Action::HostLoss(Direction::From, node(host)?, percent)),
        ["to", host] => Ok(Action::HostLoss(Direction::To, node(host)?, percent)),
        [a, b] => link(LinkAct::Loss(percent), a, b),
        [a, "to", b] => link(LinkAct::LossOneWay(percent), a, b),
        _ => Err(unfit("loss", &which.join(" "), LOSS)),
    }
}

fn split(words: &[&str]) -> Result<Action, Fault> {
    let mut seen = BTreeSet::new();
    let mut groups = vec![Vec::new()];
    for word in words {
        if *word == "|" {
            groups.push(Vec::new());
            continue;
        }
        let host = node(word)?;
        if !seen.insert(host) {
            return Err((format!("{word:?} is named twice"), "each node in one group"));
        }
        if let Some(group) = groups.last_mut() {
            group.push(host);
        }
    }
    Ok(Action::Split(groups))
}

fn whole(text: &str, most: usize) -> Result<usize, Fault> {
    let count = digits(text).filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| (format!("{text:?} is not a count"), COUNT))
}

/// Digits alone: what the standard library reads may have a sign.
fn digits(text: &str) -> Option<usize> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// `node-2` or just `2`.
fn node(text: &str) -> Result<HostId, Fault> {
    match digits(text.strip_prefix("node-").unwrap_or(text)) {
        Some(number) if (1..=Scenario::NODES_MAX).contains(&number) => Ok(HostId(number - 1)),
        _ => Err((format!("{text:?} is not a node"), NODE)),
    }
}

/// A time as scenarios have it.
///
/// # Errors
/// When it is none; the text says what would be read.
pub fn time(text: &str) -> Result<Duration, String> {
    span(text).map_err(said)
}

/// A node as scenarios name it.
///
/// # Errors
/// When it is none; the text says what would be read.
pub fn host(text: &str) -> Result<HostId, String> {
    node(text).map_err(said)
}

fn said((problem, accepted): Fault) -> String {
    format!("{problem}; accepted: {accepted}")
}

fn span(text: &str) -> Result<Duration, Fault> {
    let fault = || (format!("{text:?} is not a time"), SPAN);
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
        assert!(message.contains("there is no \"node-9\" among 3 nodes"));
    }

    #[test]
    fn every_problem_names_the_word_and_a_form_that_would_be_read() {
        // The line, the word at fault, and a part of the remedy.
        let wrong = [
            ("frobnicate", "\"frobnicate\"", "scenario NAME"),
            ("scenario two words", "\"two words\"", "one word"),
            ("about", "\"about\"", "about TEXT"),
            ("nodes", "\"nodes\"", "nodes N"),
            ("nodes 10001", "\"10001\"", "from 1 to 10000"),
            ("nodes +3", "\"+3\"", "from 1 to 10000"),
            ("streams maybe", "\"maybe\"", "streams on"),
            ("profile slow", "\"slow\"", "profile steady"),
            ("names none", "\"none\"", "names pinned"),
            ("watch 3", "\"3\"", "watch ring K"),
            ("length 5000s", "\"5000s\"", "4000s"),
            ("latency", "\"latency\"", "LEAST MOST"),
            ("latency 5ms", "\"5ms\"", "LEAST MOST"),
            ("latency 5ms 2ms", "\"5ms 2ms\"", "lesser first"),
            ("latency 0s 2ms", "\"0s 2ms\"", "above zero"),
            ("latency 1ms 2s", "\"1ms 2s\"", "up to 1s"),
            ("latency normal 900ms 100ms", "\"normal 900ms 100ms\"", "up to 1s"),
            ("latency gamma 1ms 2ms", "\"gamma 1ms 2ms\"", "exponential LEAST EXTRA"),
            ("latency p50 1ms p100 2ms", "\"p50\"", "p0 100us"),
            ("latency p0 1ms p0 2ms", "\"p0\"", "p0 100us"),
            ("latency p0 1ms p50 2ms", "\"p50\"", "p100"),
            ("latency p0 2ms p100 1ms", "\"1ms\"", "p100"),
            ("latency p0 2ms p100", "\"p100\"", "p100"),
            ("latency p0 2ms p100.5 3ms", "\"p100.5\"", "p100"),
            ("late 1s 61s", "\"1s 61s\"", "up to 60s"),
            ("at", "\"at\"", "at TIME"),
            ("at noon crash node-1", "\"noon\"", "such as 10s"),
            ("at 1s", "an action is missing", "at TIME followed by crash"),
            ("at 1s explode", "\"explode\"", "crash|"),
            ("at 1s crash", "\"crash\"", "one node or more"),
            ("at 1s crash node-1 here", "\"here\"", "node-1, node-2"),
            ("at 1s crash node-0", "\"node-0\"", "node-1, node-2"),
            ("at 1s crash node-+1", "\"node-+1\"", "node-1, node-2"),
            ("at 1s cut node-1", "\"cut\"", "two nodes"),
            ("at 1s cut node-1 node-1", "\"node-1\"", "two different nodes"),
            ("at 1s mend all", "\"mend\"", "two nodes"),
            ("at 1s loss", "\"loss\"", "loss all 5%"),
            ("at 1s loss node-1", "\"node-1\"", "0% to 100%"),
            ("at 1s loss node-1 101%", "\"101%\"", "0% to 100%"),
            ("at 1s loss 5%", "\"loss\"", "loss all 5%"),
            ("at 1s loss node-1 into node-2 5%", "\"node-1 into node-2\"", "loss NODE to NODE"),
            ("at 1s loss node-1 to node-1 5%", "\"node-1\"", "two different nodes"),
            ("at 1s split", "\"split\"", "split NODE"),
            ("at 1s split node-1 | node-1", "\"node-1\"", "one group"),
            ("at 1s heal node-1", "\"node-1\"", "heal alone"),
            ("at 1s starve node-4", "\"node-4\"", "nodes N"),
        ];
        for (line, word, remedy) in wrong {
            let problems = match format!("nodes 3\n{line}\n").parse::<Scenario>() {
                Ok(_) => panic!("{line:?} was read"),
                Err(InvalidScenario(problems)) => problems,
            };
            let [problem] = problems.as_slice() else { panic!("{line:?}: {problems:?}") };
            assert_eq!((problem.line, problem.text.as_str()), (2, line));
            assert!(problem.problem.contains(word), "{line:?}: {}", problem.problem);
            assert!(problem.accepted.contains(remedy), "{line:?}: {}", problem.accepted);
        }
    }

    /// The actions of one line.
    fn at(action: &str) -> Vec<Action> {
        let scenario: Scenario = format!("nodes 3\nat 1s {action}\n").parse().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario), "{action}");
        scenario.steps.into_iter().map(|step| step.action).collect()
    }

    #[test]
    fn losses_are_of_a_link_a_direction_a_host_or_all() {
        let (one, two) = (HostId(0), HostId(1));
        assert_eq!(at("loss node-1 node-2 60%"), [Action::Link(LinkAct::Loss(60), one, two)]);
        assert_eq!(at("loss node-1 to node-2 60%"), [Action::Link(LinkAct::LossOneWay(60), one, two)]);
        assert_eq!(at("loss node-1 60%"), [Action::HostLoss(Direction::Both, one, 60)]);
        assert_eq!(at("loss from node-1 60%"), [Action::HostLoss(Direction::From, one, 60)]);
        assert_eq!(at("loss to node-1 60%"), [Action::HostLoss(Direction::To, one, 60)]);
        assert_eq!(at("loss all 5%"), [Action::AllLoss(5)]);
    }

    #[test]
    fn an_act_takes_a_group_of_hosts() {
        let starve = |host| Action::Host(HostAct::Starve, HostId(host));
        assert_eq!(at("starve node-1 node-3"), [starve(0), starve(2)]);
    }

    #[test]
    fn times_have_a_distribution() {
        let read = |line: &str| -> Scenario {
            let scenario: Scenario = line.parse().unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario), "{line}");
            scenario
        };
        let ms = Duration::from_millis;
        assert_eq!(read("latency 1ms 5ms").latency, Delay::Uniform(ms(1), ms(5)));
        assert_eq!(read("latency normal 20ms 4ms").latency, Delay::Normal(ms(20), ms(4)));
        assert_eq!(read("latency exponential 1ms 5ms").latency, Delay::Exponential(ms(1), ms(5)));
        let measured = Delay::Quantiles(vec![(0, ms(1)), (500, ms(2)), (999, ms(9)), (1000, ms(80))]);
        assert_eq!(read("latency p0 1ms p50 2ms p99.9 9ms p100 80ms").latency, measured);
        assert_eq!(read("late 1s 60s").late, Delay::Uniform(ms(1000), ms(60_000)));
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
