//! The introduction of the demo: which node runs where, and what to try.

use serde_json::json;

use super::node::Plan;
use crate::cli::output::{Output, Paint, counted};
use crate::cli::platform;
use crate::config::settings::PORT;

/// Prints which node runs where and what can be tried.
///
/// # Errors
/// Those of the pipe.
pub(super) fn introduce(
    output: &mut Output,
    running: &[(&Plan, u32)],
    ports_were_given: bool,
    as_json: bool,
) -> std::io::Result<()> {
    if as_json {
        let nodes: Vec<_> = running
            .iter()
            .map(|(plan, id)| json!({ "node": plan.name, "url": plan.url(), "metrics": plan.metrics_url(), "process_id": id, "restart": restart_line(plan) }))
            .collect();
        return output.line(&json!({ "event": "demo_started", "nodes": nodes }).to_string());
    }
    let usual = running.iter().zip(PORT..).all(|((plan, _), port)| plan.port == port);
    if !ports_were_given && !usual {
        output.line(&format!("Port {PORT} or one after it is taken; the nodes use other ports."))?;
    }
    output.line(&format!("{} on this machine, each a process of its own:\n", counted(running.len(), "node")))?;
    for (number, (plan, id)) in running.iter().enumerate() {
        let name = output.paint(Paint::Node(number), &plan.name);
        output.line(&format!("  {name}  {}  {}  process {id}", plan.url(), plan.metrics_url()))?;
    }
    output.line("\nTry in another terminal:\n")?;
    let ideas = ideas(running);
    let width = ideas.iter().map(|(order, _)| order.chars().count()).max().unwrap_or(0);
    for (order, effect) in ideas {
        let gap = " ".repeat(width - order.chars().count());
        let order = output.paint(Paint::Strong, &order);
        // Side by side where there is room for it: a command that is broken cannot be copied.
        if output.width().is_some_and(|room| room < width + 4 + effect.len()) {
            output.line(&format!("  {effect}:"))?;
            output.line(&format!("    {order}"))?;
        } else {
            output.line(&format!("  {order}{gap}  {effect}"))?;
        }
    }
    output.line("\nCtrl-C here stops them all.\n")
}

fn ideas(running: &[(&Plan, u32)]) -> Vec<(String, &'static str)> {
    let mut ideas = Vec::new();
    let last = running.last();
    if let Some((plan, id)) = last {
        let program = shell_word(&plan.program.to_string_lossy());
        ideas.push((platform::kill_command(*id), "it is gone; the others report it at once"));
        if let Some((freeze, thaw)) = platform::freeze_commands(running.first().map_or(*id, |(_, first)| *first)) {
            ideas.push((freeze, "it is paused: tolerated at first, then reported"));
            ideas.push((thaw, "it continues, and accuses no peer"));
        }
        let middle = running.get(1).map_or(plan.addr(), |(plan, _)| plan.addr());
        ideas.push((format!("{program} members --addr={middle}"), "the peers as one node sees them"));
        ideas.push((format!("{program} monitor --addr={middle}"), "the whole mesh, and its events"));
        ideas.push((format!("{program} events --follow --addr={middle}"), "its events as they happen"));
    }
    ideas
}

/// What to type to start a node of the demo again.
pub(super) fn restart_line(plan: &Plan) -> String {
    let program = plan.program.to_string_lossy();
    let words = std::iter::once(program.as_ref()).chain(plan.arguments.iter().map(String::as_str));
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}

/// A word that a shell takes as it is.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell_word("--peers=a=http://b:1,c=http://d:2"), "--peers=a=http://b:1,c=http://d:2");
        assert_eq!(shell_word("my programs/heart's"), r"'my programs/heart'\''s'");
    }
}
