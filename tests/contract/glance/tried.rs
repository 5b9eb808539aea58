//! The first row's queries, asked of Prometheus' own engine in the situations that matter: `promtool test rules` takes
//! series and expressions. Where it is not installed, that is said.

use std::fmt::Write;
use std::fs;

use heartbeat::detector::peer::PeerState;
use serde_json::{Value, json};

use super::{expressions, list, panel, word};
use crate::dashboard::words;
use crate::files;
use crate::queries::filled;

const JOB: &str = "heartbeat";

/// A situation: which nodes Prometheus scrapes, and what they report.
struct Situation {
    name: &'static str,
    nodes: &'static [&'static str],
    silent: &'static [&'static str],
    cut_off: &'static [&'static str],
    /// How an observer sees a peer that is not alive.
    links: &'static [(&'static str, &'static str, PeerState)],
    mesh: u8,
    /// By kind: down, cut off, links, whether there are others, whether there is nothing.
    who: [&'static [&'static str]; 5],
    links_down: u8,
}

const THREE: &[&str] = &["a", "b", "c"];
const UNREACHABLE: PeerState = PeerState::Unreachable;
const DEAD: PeerState = PeerState::Dead;
const YES: &[&str] = &["{}"];
const NONE: &[&str] = &[];

fn situations() -> Vec<Situation> {
    vec![
        Situation {
            name: "whole",
            nodes: THREE,
            silent: &[],
            cut_off: &[],
            links: &[],
            mesh: 0,
            who: [NONE, NONE, NONE, NONE, YES],
            links_down: 0,
        },
        Situation {
            name: "one killed",
            nodes: THREE,
            silent: &["c"],
            cut_off: &[],
            links: &[("a", "c", DEAD), ("b", "c", DEAD)],
            mesh: 3,
            who: [&[r#"{peer="c"}"#], NONE, NONE, NONE, NONE],
            links_down: 2,
        },
        Situation {
            name: "one left",
            nodes: THREE,
            silent: &[],
            cut_off: &[],
            links: &[("a", "b", PeerState::Left), ("c", "b", PeerState::Left)],
            mesh: 0,
            who: [NONE, NONE, NONE, NONE, YES],
            links_down: 0,
        },
        Situation {
            name: "one direction",
            nodes: THREE,
            silent: &[],
            cut_off: &[],
            links: &[("a", "b", UNREACHABLE)],
            mesh: 1,
            who: [NONE, NONE, &[r#"{node="a",peer="b"}"#], NONE, NONE],
            links_down: 1,
        },
        Situation {
            name: "one cut off",
            nodes: THREE,
            silent: &[],
            cut_off: &["c"],
            links: &[("a", "c", DEAD), ("b", "c", DEAD), ("c", "a", UNREACHABLE), ("c", "b", UNREACHABLE)],
            mesh: 5,
            who: [NONE, &[r#"{node="c"}"#], NONE, NONE, NONE],
            links_down: 4,
        },
        Situation {
            name: "all killed but one",
            nodes: THREE,
            silent: &["b", "c"],
            cut_off: &["a"],
            links: &[("a", "b", UNREACHABLE), ("a", "c", DEAD)],
            mesh: 3,
            who: [&[r#"{peer="b"}"#, r#"{peer="c"}"#], NONE, NONE, NONE, NONE],
            links_down: 2,
        },
        Situation {
            name: "all killed",
            nodes: THREE,
            silent: THREE,
            cut_off: &[],
            links: &[],
            mesh: words::NO_NODE,
            who: [&[r#"{peer="a"}"#, r#"{peer="b"}"#, r#"{peer="c"}"#], NONE, NONE, NONE, NONE],
            links_down: 0,
        },
    ]
}

fn series(name: &str, labels: &str, values: &str) -> Value {
    json!({ "series": format!(r#"{name}{{job="{JOB}",{labels}}}"#), "values": values })
}

fn constant(value: u8) -> String {
    format!("{value}x24")
}

impl Situation {
    fn state(&self, node: &str, peer: &str) -> PeerState {
        let found = self.links.iter().find(|(from, to, _)| (*from, *to) == (node, peer));
        found.map_or(PeerState::Alive, |(_, _, state)| *state)
    }

    fn series(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for node in self.nodes {
            let scraped = !self.silent.contains(node);
            let by = format!(r#"instance="{node}:9100",node="{node}""#);
            all.push(series("up", &by, &constant(scraped.into())));
            if !scraped {
                continue;
            }
            let cut_off = self.cut_off.contains(node);
            all.push(series("heartbeat_cut_off", &by, &constant(cut_off.into())));
            all.push(series("heartbeat_peer_verdicts", &format!(r#"{by},verdict="never_seen""#), &constant(0)));
            let peers: Vec<&&str> = self.nodes.iter().filter(|peer| *peer != node).collect();
            for state in PeerState::ALL {
                let there = peers.iter().filter(|peer| self.state(node, peer) == state).count();
                let labels = format!(r#"{by},state="{}""#, state.as_str());
                all.push(series("heartbeat_peers", &labels, &constant(u8::try_from(there).expect("few"))));
            }
            for peer in peers {
                let (by, now) = (format!(r#"{by},peer="{peer}""#), self.state(node, peer));
                all.push(series("heartbeat_peer_up", &by, &constant((now == PeerState::Alive).into())));
                let expected = !cut_off && now != PeerState::Left;
                all.push(series("heartbeat_peer_expected", &by, &constant(expected.into())));
                all.push(series("heartbeat_peer_state_changed_timestamp_seconds", &by, &constant(30)));
                for state in PeerState::ALL {
                    let labels = format!(r#"{by},state="{}""#, state.as_str());
                    all.push(series("heartbeat_peer_state", &labels, &constant((state == now).into())));
                }
            }
        }
        all
    }

    fn expectations(&self) -> Vec<Value> {
        let ask = |expression: &str, samples: Vec<Value>| json!({ "expr": filled(expression), "eval_time": "1m", "exp_samples": samples });
        let one = |value: u8| vec![json!({ "labels": "{}", "value": value })];
        let mut all = vec![ask(&expressions(&panel("Mesh"))[0], one(self.mesh))];
        let values = [words::IS_DOWN, words::IS_APART, words::A_LINK, words::MORE, 0];
        for ((expression, names), value) in expressions(&panel("Who?")).iter().zip(self.who).zip(values) {
            all.push(ask(expression, names.iter().map(|name| json!({ "labels": name, "value": value })).collect()));
        }
        let scraped = self.silent.len() < self.nodes.len();
        let down = if scraped { one(self.links_down) } else { Vec::new() };
        all.push(ask(&expressions(&panel("Links"))[0], down));
        if scraped {
            // State changed 30 s after the beginning of time; milliseconds.
            let began = if self.links_down > 0 { json!(30_000) } else { json!(0) };
            all.push(ask(&expressions(&panel("Since"))[0], vec![json!({ "labels": "{}", "value": began })]));
        }
        all
    }
}

/// A freeze of 150 s: no scrape succeeds, and the first one after it has all of the lost time.
fn frozen() -> Value {
    let by = r#"instance="a:9100",node="a""#;
    let values = "0x11 _x30 150x20";
    let expression = filled(&expressions(&panel("Time lost"))[0]);
    let at = |time: &str, value: u8| json!({ "expr": expression, "eval_time": time, "exp_samples": [{ "labels": r#"{node="a"}"#, "value": value }] });
    json!({
        "name": "frozen", "interval": "5s", "input_series": [series("heartbeat_observer_stall_seconds_total", by, values)],
        "promql_expr_test": [at("50s", 0), at("210s", 150), at("215s", 0)],
    })
}

/// The rates of an observer that has died are still in their window.
fn dead_observer() -> Value {
    let by = r#"instance="a:9100",node="a",peer="b""#;
    let matrix = panel("Loss on links that are up");
    let loss = filled(&expressions(&matrix)[0]);
    let nothing = f64::from(words::NO_NUMBER);
    let ask = |time: &str, value: f64| {
        let labels = r#"{_node="a",_peer="b",node="a",peer="b"}"#;
        let only = format!(r#"({loss}) and on (peer) label_replace(vector(1), "peer", "b", "", "")"#);
        json!({ "expr": only, "eval_time": time, "exp_samples": [{ "labels": labels, "value": value }] })
    };
    json!({
        "name": "dead observer", "interval": "5s",
        "input_series": [
            series("up", r#"instance="a:9100",node="a""#, "1x11 0x10"),
            series("heartbeat_peer_up", by, "1x11 stale"),
            series("heartbeat_pings_total", by, "0+5x11 stale"),
            series("heartbeat_pings_failed_total", by, "0+1x11 stale"),
        ],
        "promql_expr_test": [ask("55s", 0.2), ask("60s", nothing)],
    })
}

#[test]
fn prometheus_answers_the_first_row_as_it_should() {
    let mut tests: Vec<Value> = situations()
        .iter()
        .map(|situation| {
            json!({
                "name": situation.name, "interval": "5s",
                "input_series": situation.series(), "promql_expr_test": situation.expectations(),
            })
        })
        .collect();
    tests.extend([frozen(), dead_observer()]);
    let mut asked = String::new();
    for test in &tests {
        let _ = write!(asked, "{} {}; ", word(&test["name"]), list(&test["promql_expr_test"]).len());
    }
    println!("{asked}");
    let name = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-row.yml");
    let file = json!({ "rule_files": [], "evaluation_interval": "5s", "tests": tests });
    fs::write(&name, file.to_string()).expect("a file under target");
    files::tool("PROMTOOL", "promtool", &[&["test", "rules", name.to_str().expect("text")]]);
}
