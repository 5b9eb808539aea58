//! `heartbeat simulate`: the same detector, in virtual time.
//!
//! How nodes start and meet is the same in most scenarios and longer than what follows, so it is one line unless it is
//! asked for. The last line says what the run showed.

use std::fmt::Write;
use std::io::Read;

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure, Outcome};
use super::output::{Cell, Output, Paint, counted, milliseconds};
use crate::config::environment::Environment;
use crate::sim::{self, Entry, Run, Scenario, What};

/// Columns before the text of an entry: its time and its node.
const BEFORE_TEXT: usize = 21;
/// A scenario is a few lines; a longer file is not one.
const FILE_MAX: u64 = 1024 * 1024;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat simulate --list                  the built-in scenarios, and what each teaches
  heartbeat simulate crash
  heartbeat simulate crash --seed=7          another seed; the same seed repeats the same run
  heartbeat simulate random --seed=42        the schedule that the tests generate from this seed
  heartbeat simulate crash --text > my.txt   a scenario as a file, to change
  heartbeat simulate my.txt                  (- reads standard input)

Exit codes: 0 done, 1 an invariant broke, 64 no such scenario or a mistake in it.")]
pub(crate) struct Simulate {
    /// A scenario file, the name of a built-in one, random, or sick (random, with sick observers); without it, the
    /// built-in ones are listed
    pub scenario: Option<String>,
    /// Seed of the random numbers; the same seed gives the same timeline, packet by packet
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// List the built-in scenarios
    #[arg(long)]
    pub list: bool,
    /// Print the scenario instead of running it
    #[arg(long)]
    pub text: bool,
    /// Show how the nodes start and meet, too
    #[arg(long)]
    pub all: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Runs a scenario and prints its timeline.
///
/// # Errors
/// When there is no such scenario, or an invariant broke.
pub(crate) fn simulate(command: &Simulate, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let Some(name) = command.scenario.as_deref().filter(|_| !command.list) else {
        list(command, &mut output)?;
        return Ok(Exit::Success);
    };
    let scenario = find(name, command.seed)?;
    if command.text {
        output.line(scenario.to_string().trim_end())?;
        return Ok(Exit::Success);
    }
    let run = sim::run(&scenario, command.seed);
    if command.json {
        tell_json(&run, &mut output)?
    } else {
        tell(command, &run, &mut output)?
    }
    if run.violations.is_empty() {
        return Ok(Exit::Success);
    }
    let broken: Vec<String> = run.violations.iter().map(ToString::to_string).collect();
    let replay = format!("replay: heartbeat simulate {name} --seed={}", command.seed);
    Err(Failure::Failed(format!("{} broken\n{}\n{replay}", counted(broken.len(), "invariant"), broken.join("\n"))))
}

fn list(command: &Simulate, output: &mut Output) -> std::io::Result<()> {
    let names = sim::builtin_names();
    if command.json {
        let list: Vec<Value> = names
            .iter()
            .map(|(name, about)| json!({ "name": name, "about": about, "teaches": sim::teaches(name) }))
            .collect();
        return output.line(&Value::from(list).to_string());
    }
    let row = |name: &str| vec![Cell::new(Paint::Strong, name), Cell::plain(sim::teaches(name).unwrap_or_default())];
    let rows: Vec<Vec<Cell>> = names.iter().map(|(name, _)| row(name)).collect();
    output.table(&["NAME", "WHAT IT TEACHES"], &rows)?;
    output.line("")?;
    output.say(0, "heartbeat simulate NAME plays one and says what to expect of it.")
}

fn find(name: &str, seed: u64) -> Result<Scenario, Failure> {
    match name {
        "random" => return Ok(sim::random(seed)),
        "sick" => return Ok(sim::random_sick(seed)),
        _ => {}
    }
    if let Some(scenario) = sim::builtin(name) {
        return Ok(scenario);
    }
    let text = read(name).map_err(|error| {
        let nearest = sim::builtin_names()
            .into_iter()
            .map(|(known, _)| (strsim::jaro_winkler(known, name), known))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or("", |(_, known)| known);
        Failure::Usage(format!(
            "{name:?} is neither a built-in scenario nor a file that can be read ({error})\n\
             Perhaps {nearest:?}; `heartbeat simulate --list` shows the built-in ones."
        ))
    })?;
    text.parse::<Scenario>().map_err(|problems| Failure::Usage(format!("{name} is no scenario:\n{problems}")))
}

fn read(name: &str) -> std::io::Result<String> {
    let mut text = String::new();
    match name {
        "-" => std::io::stdin().take(FILE_MAX).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(FILE_MAX).read_to_string(&mut text)?,
    };
    Ok(text)
}

fn tell(command: &Simulate, run: &Run, output: &mut Output) -> Result<(), Failure> {
    let mut text = String::new();
    let about = if run.scenario.about.is_empty() { String::new() } else { format!(": {}", run.scenario.about) };
    output.say(2, &output.paint(Paint::Strong, &format!("{}{about}", run.scenario.name)))?;
    // Writing into a string does not fail.
    let _ = sim::print_timeline(run, &mut text);
    let startup = if command.all { 0 } else { sim::startup(run) };
    if startup > 0 {
        let last = run.timeline[startup - 1].at.as_secs_f64();
        let meet = format!("{last:>10.3}s  ----    {} started and met", counted(run.scenario.nodes, "node"));
        let hint = format!(" ({}; --all shows them)", counted(startup, "line"));
        output.say(BEFORE_TEXT, &format!("{meet}{}", output.paint(Paint::Faint, &hint)))?;
    }
    text.lines().skip(startup).try_for_each(|line| output.say(BEFORE_TEXT, line))?;
    let paint = if run.violations.is_empty() { Paint::Good } else { Paint::Bad };
    output.line("")?;
    let shown = output.paint(paint, &sim::shown(run));
    Ok(output.say(2, &format!("shown: {shown}"))?)
}

fn tell_json(run: &Run, output: &mut Output) -> Result<(), Failure> {
    for entry in &run.timeline {
        output.line(&entry_json(entry).to_string())?;
    }
    let violations: Vec<String> = run.violations.iter().map(ToString::to_string).collect();
    let mut trace = String::new();
    let _ = write!(trace, "{:016x}", run.hash);
    let end = json!({
        "scenario": run.scenario.name, "seed": run.seed, "length_ms": milliseconds(run.scenario.length),
        "trace": trace, "violations": violations, "shown": sim::shown(run),
    });
    output.line(&end.to_string())?;
    Ok(())
}

fn entry_json(entry: &Entry) -> Value {
    let at = milliseconds(entry.at);
    match &entry.what {
        What::Step(action) => json!({ "at_ms": at, "step": action.to_string() }),
        What::Event(node, event) => json!({
            "at_ms": at,
            "node": node.as_str(),
            "event": event.kind.name(),
            "peer": event.peer.as_ref().map(|peer| peer.key.0.to_string()),
            "message": crate::render::message(&event.kind),
            "sentence": crate::render::sentence(event),
        }),
    }
}
