//! The built-in scenarios.

use heartbeat::sim;
use serde_json::{Value, json};

pub(crate) fn all() -> Value {
    let of = |(name, about): (&str, &str)| {
        let text = sim::builtin(name).map(|scenario| short(&scenario.to_string())).unwrap_or_default();
        json!({ "name": name, "about": about, "teaches": sim::teaches(name), "text": text })
    };
    json!({ "presets": sim::builtin_names().into_iter().map(of).collect::<Vec<_>>() })
}

/// Without the statements that say what holds anyway.
fn short(text: &str) -> String {
    let plain = sim::Scenario::new("plain", 3).to_string();
    let usual: Vec<&str> =
        plain.lines().filter(|line| !["scenario", "nodes", "length"].contains(&word(line))).collect();
    text.lines().filter(|line| !usual.contains(line)).map(|line| format!("{line}\n")).collect()
}

fn word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}
