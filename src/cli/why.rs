//! `heartbeat why`: the evidence for the state of one peer.
//!
//! The node writes the paragraph itself (`explanation`), so what is read here,
//! in a browser and in a simulation is the same. Below it stand the rule that
//! decided and what it was made with, then what there is now.

use clap::Args;

use super::address::Address;
use super::answer::Part;
use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint, names};
use crate::config::environment::Environment;
use crate::render::{round_trip, span};

/// A paragraph is read more easily in lines of this length, and fits into most terminals.
const WIDTH: usize = 100;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat why node-3                          the evidence that the node of this host has
  heartbeat why node-3 --addr=node-2:8001       the evidence of another node
  heartbeat why node-3 --json | jq .decision    the rule that decided, and its figures

A node remembers its last 16 pings of each peer, and those from before the last time that it called the link broken.
Exit codes: 0 shown, 1 the node has no such peer, 69 the node cannot be reached.")]
pub(crate) struct Why {
    /// The name or the key of the peer (see `heartbeat members`)
    #[arg(value_name = "PEER")]
    pub peer: String,
    #[command(flatten)]
    pub address: Address,
    /// Print the node's own JSON (`/api/v1/why/{peer}`)
    #[arg(long)]
    pub json: bool,
}

/// Asks one node for the evidence about a peer.
///
/// # Errors
/// When the node cannot be reached or has no such peer.
pub(crate) async fn why(command: &Why, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let answer = command.address.place(environment)?.ask(&path(&command.peer), "about a peer").await?;
    if command.json {
        output.line(&answer.body)?;
    } else {
        show(&mut output, answer.root())?;
    }
    Ok(Exit::Success)
}

/// A key may have any character in it; what a URL takes for something else is escaped.
fn path(peer: &str) -> String {
    let escaped = peer.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    format!("/api/v1/why/{}", escaped.collect::<String>())
}

fn show(output: &mut Output, body: Part<'_>) -> std::io::Result<()> {
    for line in wrapped(word(body, "explanation"), WIDTH) {
        output.line(&line)?;
    }
    let decision = body.part("decision");
    if decision.0.is_object() {
        output.line("")?;
        facts(output, &decided(decision))?;
        let before: Vec<Part<'_>> = decision.parts("pings").collect();
        if !before.is_empty() {
            pings(output, "the pings before it", &before)?;
        }
        witnesses(output, decision)?;
        let age = decision.number("age_ms").filter(|_| !before.is_empty());
        let is_new = |ping: &Part<'_>| age.is_none() || ping.number("age_ms") < age;
        let since: Vec<Part<'_>> = body.parts("pings").filter(is_new).collect();
        pings(output, if before.is_empty() { "the last pings" } else { "the pings since" }, &since)?;
    } else {
        pings(output, "the pings", &body.parts("pings").collect::<Vec<_>>())?;
    }
    if decision.parts("witnesses").next().is_none() {
        witnesses(output, body.part("peer"))?;
    }
    output.line("")?;
    facts(output, &now(body))
}

/// The rule and its figures.
fn decided(decision: Part<'_>) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("rule", format!("{}: {}", word(decision, "rule"), word(decision, "sentence"))),
        ("decided", format!("{} ago, at {}", ago(decision, "age_ms"), word(decision, "at"))),
        ("change", format!("{} to {}", word(decision, "from"), word(decision, "to"))),
    ];
    if !decision.text("verdict").is_empty() {
        facts.push(("verdict", word(decision, "verdict").replace('_', " ")));
    }
    if !decision.text("class").is_empty() {
        let wait = format!("wait {}, silent for {}", ago(decision, "limit_ms"), ago(decision, "silent_ms"));
        facts.push(("class", format!("{} ({} last), {wait}", word(decision, "class"), word(decision, "evidence"))));
    }
    if let Some(phi) = decision.number("phi") {
        facts.push(("phi", format!("{phi:.1}")));
    }
    if let Some(expected) = decision.number("expected") {
        facts.push(("heard", format!("{} of {expected} peers expected", decision.part("heard").0)));
    }
    facts.extend(quorum(decision.part("quorum")));
    let vouchers = decision.names("vouchers");
    if !vouchers.is_empty() {
        facts.push(("vouch for it", names(&vouchers)));
    }
    if decision.part("before").0.is_object() {
        let before = decision.part("before");
        facts.push(("before", format!("{}, {} ago", word(before, "rule"), ago(before, "age_ms"))));
    }
    facts
}

fn quorum(quorum: Part<'_>) -> Vec<(&'static str, String)> {
    if !quorum.0.is_object() {
        return Vec::new();
    }
    let (accusers, silent) = (quorum.names("accusers"), quorum.names("could_speak"));
    let who = if accusers.is_empty() { String::new() } else { format!(" by {}", names(&accusers)) };
    let mut facts = vec![(
        "quorum",
        format!(
            "{} of {} observers needed; accusations: {}{who}",
            quorum.part("needed").0,
            quorum.part("observers").0,
            quorum.part("accusations").0
        ),
    )];
    if !silent.is_empty() {
        facts.push(("could speak", names(&silent)));
    }
    facts
}

/// What holds at this moment.
fn now(body: Part<'_>) -> Vec<(&'static str, String)> {
    let (peer, figures, observer) = (body.part("peer"), body.part("figures"), body.part("observer"));
    let mut facts = vec![(
        "now",
        format!(
            "{} for {}; last sign of life {} ago, last answer {} ago, last ping from it {} ago",
            word(peer, "state"),
            ago(peer, "state_age_ms"),
            ago(peer, "last_proof_ms"),
            ago(peer, "last_answer_ms"),
            ago(figures, "last_ping_in_ms")
        ),
    )];
    if let Some(phi) = peer.number("phi") {
        let limit = figures.number("phi_limit").unwrap_or_default();
        let late = ago(figures, "late_after_ms");
        facts.push(("phi", format!("{phi:.1}; a ping is late at {limit:.1}, here after {late}")));
    }
    facts.extend(quorum(body.part("quorum")));
    let accusations = body.parts("accusations");
    let heard = accusations.map(|heard| format!("{} ({})", word(heard, "observer"), word(heard, "class")));
    let heard: Vec<String> = heard.collect();
    if !heard.is_empty() {
        facts.push(("accused by", names(&heard)));
    }
    let vouchers = body.names("vouchers");
    if !vouchers.is_empty() {
        facts.push(("vouch for it", names(&vouchers)));
    }
    let mut asked = format!("{} ({})", word(observer, "node"), word(observer, "state").replace('_', " "));
    if observer.number("lost_ms").is_some_and(|lost| lost > 0.0) {
        asked += &format!(", was paused for {} in total", ago(observer, "lost_ms"));
    }
    facts.push(("asked", asked));
    facts
}

fn facts(output: &mut Output, facts: &[(&str, String)]) -> std::io::Result<()> {
    for (name, value) in facts {
        let name = output.paint(Paint::Faint, &format!("{name:<12}"));
        output.line(&format!("{name}  {value}"))?;
    }
    Ok(())
}

fn pings(output: &mut Output, title: &str, pings: &[Part<'_>]) -> std::io::Result<()> {
    let rows: Vec<Vec<Cell>> = pings.iter().copied().map(ping).collect();
    output.line("")?;
    let title = if rows.is_empty() { format!("{title}: none yet") } else { format!("{title}, newest first") };
    output.line(&output.paint(Paint::Strong, &title))?;
    if rows.is_empty() { Ok(()) } else { output.table(&["BEGAN", "PING", "RESULT", "TOOK", "WHAT IT SHOWED"], &rows) }
}

fn ping(ping: Part<'_>) -> Vec<Cell> {
    let result = word(ping, "result");
    let paint = match result {
        "answered" => Paint::Good,
        "open" => Paint::Faint,
        "answered_late" => Paint::Doubtful,
        _ => Paint::Bad,
    };
    vec![
        Cell::plain(format!("{} ago", ago(ping, "age_ms"))),
        Cell::plain(word(ping, "purpose")),
        Cell::new(paint, result.replace('_', " ")),
        Cell::plain(ping.span("took_ms").map_or_else(|| "-".to_owned(), round_trip)),
        Cell::plain(ping.text("reason")),
    ]
}

fn witnesses(output: &mut Output, of: Part<'_>) -> std::io::Result<()> {
    let row = |witness: Part<'_>| {
        let said = match witness.0["said"].as_str() {
            None => Cell::new(Paint::Faint, "no answer yet"),
            Some("answered") => Cell::new(Paint::Good, "had an answer from it"),
            Some("failed") => Cell::new(Paint::Bad, format!("had none ({})", word(witness, "evidence"))),
            Some("left") => Cell::plain("it said goodbye"),
            Some(_) => Cell::plain("no opinion"),
        };
        vec![
            Cell::plain(word(witness, "witness")),
            Cell::plain(format!("{} ago", ago(witness, "age_ms"))),
            said,
            Cell::plain(
                witness.number("said_ms").map_or(String::new(), |_| format!("{} ago", ago(witness, "said_ms"))),
            ),
        ]
    };
    let rows: Vec<Vec<Cell>> = of.parts("witnesses").map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(&["WITNESS", "ASKED", "SAID", "WHEN"], &rows)
}

/// A text, or a dash where there is none.
fn word<'a>(part: Part<'a>, key: &str) -> &'a str {
    Some(part.text(key)).filter(|text| !text.is_empty()).unwrap_or("-")
}

/// A length of time, or a dash where it is not known.
fn ago(part: Part<'_>, key: &str) -> String {
    part.span(key).map_or_else(|| "-".to_owned(), span)
}

/// The text in lines of at most `width` characters, broken between words; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::*;

    #[test]
    fn a_key_finds_its_way_into_a_path() {
        assert_eq!(path("node-3"), "/api/v1/why/node-3");
        assert_eq!(path("[::1]:8003"), "/api/v1/why/%5B::1%5D:8003");
        assert_eq!(path("a/b ?#ü"), "/api/v1/why/a%2Fb%20%3F%23%C3%BC");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 5), ["incomprehensible"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn an_answer_of_another_version_is_shown_as_far_as_it_goes() {
        for body in ["{}", r#"{"decision":{},"pings":[{}],"peer":{"witnesses":[{}]},"observer":3}"#, "[]", "null"] {
            let answer = Answer::new(body.into(), "").unwrap();
            let body = answer.root();
            assert!(decided(body.part("decision")).iter().chain(&now(body)).all(|(_, value)| !value.is_empty()));
        }
    }
}
