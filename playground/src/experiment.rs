//! What a page asks about: a scenario that can be drawn, and a seed.

use std::time::Duration;

use heartbeat::sim::{InvalidScenario, LineProblem, Scenario};
use serde_json::{Value, json};

/// More nodes than these are not readable as a drawing.
const NODES_MAX: usize = 9;
/// A run of nine nodes over this time takes some 0.4 s.
const LENGTH_MAX: Duration = Duration::from_secs(600);

pub(crate) struct Experiment {
    pub scenario: Scenario,
    pub seed: u64,
}

impl Experiment {
    /// From the `text` and `seed` of a question; otherwise every problem with its line and its remedy.
    pub(crate) fn read(question: &Value) -> Result<Experiment, Vec<Value>> {
        let text = question["text"].as_str().unwrap_or_default();
        let seed = question["seed"].as_u64().unwrap_or(1);
        let scenario: Scenario = match text.parse() {
            Ok(scenario) => scenario,
            Err(InvalidScenario(problems)) => return Err(problems.iter().map(of_line).collect()),
        };
        let mut problems = Vec::new();
        if scenario.nodes > NODES_MAX {
            problems.push(too_much(
                text,
                "nodes",
                format!("{} nodes are too many to draw", scenario.nodes),
                "1 to 9 nodes; `heartbeat simulate FILE` takes more",
            ));
        }
        if scenario.length > LENGTH_MAX {
            problems.push(too_much(
                text,
                "length",
                format!("{} s are too long for a page", scenario.length.as_secs()),
                "a time up to 600s; `heartbeat simulate FILE` takes more",
            ));
        }
        if problems.is_empty() { Ok(Experiment { scenario, seed }) } else { Err(problems) }
    }
}

fn of_line(problem: &LineProblem) -> Value {
    json!({ "line": problem.line, "text": problem.text, "problem": problem.problem, "accepted": problem.accepted })
}

/// A statement that the simulator takes and the page does not.
fn too_much(text: &str, statement: &str, problem: String, accepted: &str) -> Value {
    let is_it = |line: &str| line.split_whitespace().next() == Some(statement);
    let found = text.lines().enumerate().filter(|(_, line)| is_it(line)).last();
    let (index, line) = found.unwrap_or((0, ""));
    json!({ "line": index + 1, "text": line.trim(), "problem": problem, "accepted": accepted })
}

/// A time of a question.
pub(crate) fn seconds(value: &Value) -> Duration {
    let seconds = value.as_f64().unwrap_or_default().clamp(0.0, LENGTH_MAX.as_secs_f64());
    Duration::from_micros((seconds * 1e6).round() as u64)
}

/// The node behind `node-3` or `node-3:8001`, counted from 0.
pub(crate) fn place(name: &str) -> Option<usize> {
    let name = name.split(':').next().unwrap_or_default();
    heartbeat::sim::host(name).ok().map(|host| host.0)
}
