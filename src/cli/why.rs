//! `heartbeat why`: the evidence for the state of one peer.
//!
//! The node writes the paragraph itself (`explanation`), so what is read here,
//! in a browser and in a simulation is the same. Below it stand the rule that
//! decided and what it was made with, then what there is now.

use clap::Args;

use super::address::Reader;
use super::answer::{ago_or_never, fine, listed, span_of, span_or_dash};
use super::exit::{Exit, Outcome};
use super::layout::wrapped;
use super::output::{Cell, Output, Paint};
use crate::api::text::{Text, TextForm};
use crate::api::words::{PingResult, Said};
use crate::api::{DecisionBody, PingBody, QuorumBody, WhyBody, WitnessBody};
use crate::config::environment::Environment;
use crate::render::join_names;
use crate::render::{round_trip, span};

/// A paragraph on a screen is read more easily in lines of this length.
const PARAGRAPH_COLUMNS: usize = 100;
/// The name of a fact and the gap after it.
const BEFORE_FACT: usize = 14;

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
    pub reader: Reader,
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
    let answer = command.reader.place(environment)?.ask(&path(&command.peer), "about a peer").await?;
    if command.json {
        output.line(&answer.body)?;
    } else {
        show(&mut output, &answer.into_shape()?)?;
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

pub(super) fn show(output: &mut Output, body: &WhyBody) -> std::io::Result<()> {
    let width = output.width().map(|width| width.min(PARAGRAPH_COLUMNS));
    wrapped("", 0, or_dash(&body.explanation), width).iter().try_for_each(|line| output.line(line))?;
    if let Some(decision) = &body.decision {
        output.line("")?;
        facts(output, &decided(decision))?;
        let before = &decision.pings;
        if !before.is_empty() {
            pings(output, "the pings before it", before)?;
        }
        witnesses(output, &decision.witnesses)?;
        let since = body.pings.iter().filter(|ping| before.is_empty() || ping.age_ms < decision.age_ms);
        pings(output, if before.is_empty() { "the last pings" } else { "the pings since" }, since)?;
    } else {
        pings(output, "the pings", &body.pings)?;
    }
    if body.decision.as_ref().is_none_or(|decision| decision.witnesses.is_empty()) {
        witnesses(output, &body.peer.witnesses)?;
    }
    output.line("")?;
    facts(output, &now(body))
}

/// The rule and its figures.
fn decided(decision: &DecisionBody) -> Vec<(&'static str, String)> {
    let DecisionBody { rule, sentence, at, from, to, age_ms, silent_ms, limit_ms, .. } = decision;
    let mut facts = vec![
        ("rule", format!("{}: {}", word(rule), or_dash(sentence))),
        ("decided", format!("{} ago, at {}", span_of(*age_ms), or_dash(&at.0))),
        ("change", format!("{} to {}", word(from), word(to))),
    ];
    if let Some(verdict) = &decision.verdict {
        facts.push(("verdict", word(verdict).replace('_', " ")));
    }
    if let Some(class) = &decision.class {
        let wait = format!("wait {}, silent for {}", span_or_dash(*limit_ms), span_of(*silent_ms));
        facts.push(("class", format!("{} ({} last), {wait}", word(class), word_or_dash(&decision.evidence))));
    }
    if let Some(phi) = decision.phi {
        facts.push(("phi", format!("{phi:.1}")));
    }
    if let Some(expected) = decision.expected {
        let heard = decision.heard.map_or_else(|| "-".to_owned(), |heard| heard.to_string());
        facts.push(("heard", format!("{heard} of {expected} peers expected")));
    }
    facts.extend(decision.quorum.iter().flat_map(quorum));
    if !decision.vouchers.is_empty() {
        facts.push(("vouch for it", listed(&decision.vouchers)));
    }
    if let Some(before) = &decision.before {
        facts.push(("before", format!("{}, {} ago", word(&before.rule), span_of(before.age_ms))));
    }
    facts
}

fn quorum(quorum: &QuorumBody) -> Vec<(&'static str, String)> {
    let QuorumBody { observers, needed, accusations, accusers, could_speak } = quorum;
    let who = if accusers.is_empty() { String::new() } else { format!(" by {}", listed(accusers)) };
    let mut facts =
        vec![("quorum", format!("{needed} of {observers} observers needed; accusations: {accusations}{who}"))];
    if !could_speak.is_empty() {
        facts.push(("could speak", listed(could_speak)));
    }
    facts
}

/// What holds at this moment.
fn now(body: &WhyBody) -> Vec<(&'static str, String)> {
    let WhyBody { peer, figures, observer, .. } = body;
    let mut facts = vec![(
        "now",
        format!(
            "{} for {}; last sign of life {}, last answer {}, last ping from it {}",
            word(&peer.state),
            span_of(peer.state_age_ms),
            ago_or_never(peer.last_proof_ms),
            ago_or_never(peer.last_answer_ms),
            ago_or_never(figures.last_ping_in_ms)
        ),
    )];
    let late = fine(figures.late_after_ms).map_or_else(|| "-".to_owned(), span);
    let limit = figures.phi_limit;
    facts.push(("phi", format!("{:.1}; a ping is late at {limit:.1}, here after {late}", peer.phi)));
    facts.extend(body.quorum.iter().flat_map(quorum));
    let heard = body.accusations.iter().map(|heard| format!("{} ({})", word(&heard.observer), word(&heard.class)));
    let heard: Vec<String> = heard.collect();
    if !heard.is_empty() {
        facts.push(("accused by", join_names(&heard)));
    }
    if !body.vouchers.is_empty() {
        facts.push(("vouch for it", listed(&body.vouchers)));
    }
    let mut asked = format!("{} ({})", word(&observer.node), word(&observer.state).replace('_', " "));
    if observer.lost_ms > 0 {
        asked += &format!(", was paused for {} in total", span_of(observer.lost_ms));
    }
    facts.push(("asked", asked));
    facts
}

fn facts(output: &mut Output, facts: &[(&str, String)]) -> std::io::Result<()> {
    for (name, value) in facts {
        let name = output.paint(Paint::Faint, &format!("{name:<12}"));
        output.say(BEFORE_FACT, &format!("{name}  {value}"))?;
    }
    Ok(())
}

fn pings<'a>(output: &mut Output, title: &str, pings: impl IntoIterator<Item = &'a PingBody>) -> std::io::Result<()> {
    let rows: Vec<Vec<Cell>> = pings.into_iter().map(ping).collect();
    output.line("")?;
    let title = if rows.is_empty() { format!("{title}: none yet") } else { format!("{title}, newest first") };
    output.line(&output.paint(Paint::Strong, &title))?;
    if rows.is_empty() { Ok(()) } else { output.table(&["BEGAN", "PING", "RESULT", "TOOK", "WHAT IT SHOWED"], &rows) }
}

fn ping(ping: &PingBody) -> Vec<Cell> {
    let paint = match ping.result.known() {
        Some(PingResult::Answered) => Paint::Good,
        Some(PingResult::Open) => Paint::Faint,
        Some(PingResult::AnsweredLate) => Paint::Doubtful,
        Some(PingResult::Failed | PingResult::OutOfTime) | None => Paint::Bad,
    };
    vec![
        Cell::plain(format!("{} ago", span_of(ping.age_ms))),
        Cell::plain(word(&ping.purpose)),
        Cell::new(paint, word(&ping.result).replace('_', " ")),
        Cell::plain(ping.took_ms.and_then(fine).map_or_else(|| "-".to_owned(), round_trip)),
        Cell::plain(ping.reason.as_ref().map(Text::as_str).unwrap_or_default()),
    ]
}

fn witnesses(output: &mut Output, witnesses: &[WitnessBody]) -> std::io::Result<()> {
    let row = |witness: &WitnessBody| {
        let said = match witness.said.as_ref().map(Text::known) {
            None => Cell::new(Paint::Faint, "no answer yet"),
            Some(Some(Said::Answered)) => Cell::new(Paint::Good, "had an answer from it"),
            Some(Some(Said::Failed)) => {
                Cell::new(Paint::Bad, format!("had none ({})", word_or_dash(&witness.evidence)))
            }
            Some(Some(Said::Left)) => Cell::plain("it said goodbye"),
            Some(Some(Said::NoOpinion)) => Cell::plain("no opinion"),
            Some(None) => Cell::plain(word_or_dash(&witness.said)),
        };
        vec![
            Cell::plain(word(&witness.witness)),
            Cell::plain(format!("{} ago", span_of(witness.age_ms))),
            said,
            Cell::plain(witness.said_ms.map_or_else(String::new, |age| format!("{} ago", span_of(age)))),
        ]
    };
    let rows: Vec<Vec<Cell>> = witnesses.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(&["WITNESS", "ASKED", "SAID", "WHEN"], &rows)
}

/// A text, or a dash where there is none.
fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn word<T: TextForm>(text: &Text<T>) -> String {
    or_dash(&text.as_str()).to_owned()
}

fn word_or_dash<T: TextForm>(text: &Option<Text<T>>) -> String {
    text.as_ref().map_or_else(|| "-".to_owned(), word)
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
    fn an_answer_of_another_version_is_shown_as_far_as_it_goes() {
        for body in ["{}", r#"{"decision":{},"pings":[{}],"peer":{"witnesses":[{}]},"observer":null}"#, "[]"] {
            let body: WhyBody = Answer::new(body.into(), "").unwrap().into_shape().unwrap();
            let decided = body.decision.as_ref().map(decided).unwrap_or_default();
            assert!(decided.iter().chain(&now(&body)).all(|(_, value)| !value.is_empty()));
        }
        let odd = r#"{"decision":{"rule":"whim","verdict":"lost_in_thought","class":"asleep","silent_ms":2000},"quorum":{"new":1}}"#;
        let body: WhyBody = Answer::new(odd.into(), "").unwrap().into_shape().unwrap();
        let facts = decided(&body.decision.unwrap());
        assert_eq!(facts[0].1, "whim: -");
        assert_eq!(facts[3].1, "lost in thought");
        assert_eq!(facts[4].1, "asleep (- last), wait -, silent for 2 s");
    }
}
