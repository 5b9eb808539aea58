//! `heartbeat drill`: find a simulated fault from what an operator sees.

use std::time::{Duration, SystemTime};

use clap::Args;

use super::exit::{Exit, Failure, Outcome, early_end, until_asked};
use super::output::{Output, Paint};
use super::{members, why};
use crate::api::{PeersBody, WhyBody};
use crate::config::environment::Environment;
use crate::mesh::{self, Member, Row, RowFreshness};
use crate::render::{matrix, mesh::summary};
use crate::sim::{self, DRILL_LEVEL_MAX, Drill as Case, HostId, Question, Run};

/// An answer is one digit; a longer line is read to its end and is none.
const LINE_MAX: usize = 256;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat drill                        a fault of level 1; answer with a number and Enter
  heartbeat drill --seed=7 --level=3     another one, and a harder one
  heartbeat drill --seed=7 --answers=1,2,3   all three answers at once

Levels: 1 a node that ended, 2 a pause, a restart, a broken link, 3 half a link, a refusal, a lost network,
4 slow or lossy, 5 two faults at once.
Exit codes: 0 done, or no more answers came, 64 a wrong argument, 130 Ctrl-C.")]
pub(crate) struct Drill {
    /// Seed of the fault; the same seed and level give the same drill
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How hard it is to see, 1 to 5
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(DRILL_LEVEL_MAX)))]
    pub level: u8,
    /// The answers by number, instead of standard input
    #[arg(long, value_name = "N,N,N", value_delimiter = ',', num_args = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub answers: Vec<u8>,
}

/// Shows what an operator sees, asks, and grades.
///
/// # Errors
/// When the output cannot be written or the input not be read.
pub(crate) async fn drill(command: &Drill, environment: &Environment) -> Outcome {
    if !matches!(command.answers.len(), 0 | 3) {
        return Err(Failure::Usage("--answers takes three numbers, such as --answers=1,2,3".into()));
    }
    let outcome = until_asked(ask_all(command, environment), early_end).await?;
    if outcome != Exit::Success {
        let mut output = Output::stdout(environment);
        output.line("")?;
        output.line(&format!("Stopped. The same drill again: {}", again(command)))?;
    }
    Ok(outcome)
}

async fn ask_all(command: &Drill, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let case = sim::drill(command.seed, command.level);
    shown(command, &case, &mut output)?;
    let (mut right, mut asked) = (0, 0);
    for (number, question) in case.questions.iter().enumerate() {
        output.line("")?;
        output.line(&output.paint(Paint::Strong, &format!("{}. {}", number + 1, question.text)))?;
        for (choice, text) in question.choices.iter().enumerate() {
            output.say(5, &format!("  {}  {text}", choice + 1))?;
        }
        let given = match command.answers.get(number) {
            Some(answer) => Some(usize::from(*answer)),
            None => typed(question, &mut output).await?,
        };
        let Some(given) = given else {
            output.line("No more answers came.")?;
            break;
        };
        asked += 1;
        right += usize::from(graded(question, given, &mut output)?);
    }
    output.line("")?;
    output.line(&format!("{right} of {asked} right."))?;
    output.say(2, &format!("What happened: {}", replay(command, &case)))?;
    output.say(
        2,
        &format!("The next one: heartbeat drill --seed={} --level={}", command.seed.wrapping_add(1), command.level),
    )?;
    Ok(Exit::Success)
}

fn again(command: &Drill) -> String {
    format!("heartbeat drill --seed={} --level={}", command.seed, command.level)
}

fn replay(command: &Drill, case: &Case) -> String {
    format!("heartbeat simulate {} --seed={}", case.scenario.name, command.seed)
}

fn graded(question: &Question, given: usize, output: &mut Output) -> std::io::Result<bool> {
    let is_right = given == question.right + 1;
    let verdict = if is_right {
        output.paint(Paint::Good, "Right.")
    } else {
        output.paint(Paint::Bad, &format!("Wrong: {} is right.", question.right + 1))
    };
    output.say(2, &format!("{verdict} {}", question.explanation))?;
    Ok(is_right)
}

/// The number that is typed; `None` at the end of the input.
async fn typed(question: &Question, output: &mut Output) -> Result<Option<usize>, Failure> {
    let most = question.choices.len();
    loop {
        output.raw(&format!("Your answer, 1 to {most}: "))?;
        // A terminal gives a line when it is complete; meanwhile Ctrl-C is listened to.
        let line = tokio::task::spawn_blocking(line).await;
        let line = line.map_err(|error| Failure::Internal(format!("cannot read the answer: {error}")))?;
        let line = line.map_err(|error| {
            Failure::Failed(format!("cannot read the answer: {error}; --answers=1,2,3 needs no input"))
        })?;
        let Some(line) = line else {
            output.line("")?;
            return Ok(None);
        };
        match line.trim().parse::<usize>() {
            Ok(number) if (1..=most).contains(&number) => return Ok(Some(number)),
            _ => output.line(&format!("A number from 1 to {most}, then Enter."))?,
        }
    }
}

/// The next line of standard input, at most its beginning; `None` at the end.
fn line() -> std::io::Result<Option<String>> {
    use std::io::BufRead;
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    let mut is_end = true;
    loop {
        let read = input.fill_buf()?;
        if read.is_empty() {
            break;
        }
        is_end = false;
        let end = read.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(read.len(), |end| end + 1);
        let room = LINE_MAX.saturating_sub(line.len());
        line.extend_from_slice(&read[..taken.min(room)]);
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    Ok((!is_end).then(|| String::from_utf8_lossy(&line).into_owned()))
}

/// Members and evidence of one node, and the matrix as one of them collects it.
fn shown(command: &Drill, case: &Case, output: &mut Output) -> Result<(), Failure> {
    let run = sim::run(&case.scenario, command.seed);
    let Case { observer, subject, collector, .. } = case;
    let now = SystemTime::UNIX_EPOCH + case.scenario.length;
    output
        .say(0, &format!("Drill {} of level {}: three nodes, and something is wrong.", command.seed, command.level))?;
    command_line(output, &format!("heartbeat members --addr={observer}:8001"))?;
    if let Some(view) = view(&run, *observer) {
        members::show(output, &PeersBody::new(view, now))?;
    }
    command_line(output, &format!("heartbeat why {subject} --addr={observer}:8001"))?;
    if let Some(evidence) = run.why(*observer, *subject) {
        why::show(output, &WhyBody::new(evidence, now))?;
    }
    command_line(output, &format!("heartbeat matrix --addr={collector}:8001"))?;
    let mesh = mesh::view(rows(case, &run, command.seed));
    let asked = Member::from(collector.to_string().as_str());
    for line in matrix::text(&mesh, &summary(&mesh), &asked).trim_end().lines() {
        output.line(line)?;
    }
    Ok(())
}

fn command_line(output: &mut Output, command: &str) -> std::io::Result<()> {
    output.line("")?;
    output.line(&output.paint(Paint::Faint, &format!("$ {command}")))
}

fn view(run: &Run, host: HostId) -> Option<&crate::detector::view::View> {
    run.views.get(host.0).and_then(Option::as_ref)
}

/// What the collector has: rows of now, and the last ones of those that do not answer it.
fn rows(case: &Case, run: &Run, seed: u64) -> Vec<Row> {
    let before = sim::run(&case.scenario.clone().until(case.began), seed);
    let age: Duration = case.scenario.length.saturating_sub(case.began);
    let row = |host| {
        if !case.silent.contains(&host) {
            return view(run, host).map(Row::from);
        }
        let last = view(&before, host).map(Row::from);
        last.map(|row| Row { freshness: RowFreshness::Before, as_of: Some(age), ..row })
    };
    (0..case.scenario.nodes).map(HostId).filter_map(row).collect()
}
