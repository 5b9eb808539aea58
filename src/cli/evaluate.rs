//! `heartbeat evaluate`: how good detectors are, on the same schedules.
//!
//! The figures are those of Chen, Toueg and Aguilera (On the Quality of Service of Failure Detectors, DSN 2000). They are
//! printed when all runs are done, so what is stopped half-way leaves nothing that looks like a result.

mod child;
mod experiments;
mod lines;
mod own;
mod picture;
mod row;
mod schedule;
mod table;

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::experiments::{EXPERIMENTS, Experiment, experiment};
use self::own::Own;
use self::row::Row;
use self::schedule::{Case, Schedule};
use self::table::{Format, Table};
use super::exit::{Exit, Failure, Outcome, computed, early_end, until_asked};
use super::output::{Cell, Output, counted};
use super::simulate::{find, rule};
use crate::baselines::Opinion;
use crate::config::environment::Environment;
use crate::render::span;
use crate::runtime::clock::Clock;
use crate::sim::{self, Contender, Omission, Quality, Scenario};

/// An estimate is shown for what takes longer.
const QUIET: Duration = Duration::from_secs(2);
/// The estimate is written anew this often.
const ESTIMATE_EVERY: Duration = Duration::from_millis(500);
/// With more the figures no longer change, and the schedules of a day are too many to wait for.
const SEEDS_MAX: u64 = 100_000;
/// Nodes of the largest case that an own detector plays: that of heartbeats in larger ones needs more lines than a run may.
const OWN_NODES_MAX: usize = 100;
/// Seeds of a scenario, unless others are asked for.
const SEEDS: u64 = 10;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat evaluate                         a crash, with ten seeds
  heartbeat evaluate lossy --seeds=100
  heartbeat evaluate random --seeds=100      a hundred schedules made of chance
  heartbeat evaluate three-links --without=veto    one more row: ours without one of its rules
  heartbeat evaluate --list                  the experiments of papers, such as swim-load
  heartbeat evaluate crash --format=svg --out=crash.svg    detection time against mistakes
  heartbeat evaluate my.txt --format=csv --out=my.csv
  heartbeat evaluate crash --detector 'python3 my_detector.py'    a detector of your own (docs/evaluation.md)

Exit codes: 0 done, 1 the file cannot be written or the own detector fails, 64 no such scenario or a mistake in it, or
the own detector does not start, 130 Ctrl-C.")]
pub(crate) struct Evaluate {
    /// A scenario file, the name of a built-in one or of an experiment, random, or sick (another schedule for each seed)
    #[arg(default_value = "crash")]
    pub scenario: String,
    /// Number of seeds, from 1 on; without it 10, and for an experiment what --list says
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    pub seeds: Option<u64>,
    /// List the experiments, and do nothing else
    #[arg(long)]
    pub list: bool,
    /// Add our detector without one of its rules
    #[arg(long, value_name = "RULE", value_parser = rule())]
    pub without: Option<Omission>,
    /// Add a detector of your own: a program, with its arguments, that reads and writes lines of JSON
    #[arg(long, value_name = "COMMAND")]
    pub detector: Option<String>,
    /// How the figures are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write them to a file; it appears when all is done
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A detector of the table.
enum Entrant<'a> {
    Known(Contender, Option<Omission>),
    Own(&'a Own),
}

/// Plays the schedules with every detector and prints the figures.
///
/// # Errors
/// When there is no such scenario, it cannot be compared, the own detector fails, or the file cannot be written.
pub(crate) async fn evaluate(command: Evaluate, environment: &Environment) -> Outcome {
    if command.list {
        return list(environment);
    }
    let environment = environment.clone();
    match command.detector.clone() {
        None => until_asked(computed(move || compare(&command, &environment, None)), early_end).await,
        Some(detector) => with_own(detector, command, environment).await,
    }
}

/// The runs beside the process of the own detector, which ends with them, with a mistake, and with Ctrl-C.
async fn with_own(detector: String, command: Evaluate, environment: Environment) -> Outcome {
    let work = async {
        // Started in here, where signals are listened to already.
        let (link, serving) = child::start(&detector, child::ANSWER_WITHIN)?;
        let playing = computed(move || compare(&command, &environment, Some(Own::new(&detector, link))));
        let (outcome, ()) = tokio::join!(playing, serving);
        outcome
    };
    until_asked(work, early_end).await
}

fn list(environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let cells: Vec<Vec<Cell>> = EXPERIMENTS
        .iter()
        .map(|known| [known.name, &known.seeds.to_string(), known.takes, known.shows].map(Cell::plain).into())
        .collect();
    output.table(&["EXPERIMENT", "SEEDS", "TAKES", "SHOWS"], &cells)?;
    output.line("")?;
    output.say(0, "The times are of one core and a release build. `heartbeat simulate --list` has the scenarios.")?;
    Ok(Exit::Success)
}

fn compare(command: &Evaluate, environment: &Environment, own: Option<Own>) -> Outcome {
    let mut output = Output::stdout(environment);
    let known = experiment(&command.scenario);
    let cases = cases(&command.scenario, known)?;
    let seeds = command.seeds.unwrap_or(known.map_or(SEEDS, |known| known.seeds));
    let players = |case: &Case| entrants(case, command, own.as_ref()).len() as u64;
    let mut progress = Progress::new(seeds * cases.iter().map(|case| players(case) * case.work()).sum::<u64>());
    let mut rows = Vec::new();
    for case in &cases {
        for entrant in entrants(case, command, own.as_ref()) {
            rows.extend(played(case, &entrant, seeds, &mut progress)?);
        }
    }
    progress.end();
    let table = Table { scenario: &command.scenario, seeds, source: known.map(|known| known.source), rows: &rows };
    table.print(command.format, command.out.as_deref(), &mut output)
}

/// A scenario is read once: standard input has it only once. A schedule of chance is another one for each seed.
fn cases(name: &str, known: Option<&Experiment>) -> Result<Vec<Case>, Failure> {
    if let Some(known) = known {
        return known.cases().map_err(|error| Failure::Internal(format!("the experiment {name}: {error}")));
    }
    let schedule = match name {
        "random" | "sick" => Schedule::ByChance(name.to_owned()),
        name => Schedule::Fixed(find(name, 1).map_err(|failure| match failure {
            Failure::Usage(text) => {
                Failure::Usage(format!("{text}\n`heartbeat evaluate --list` shows the experiments."))
            }
            other => other,
        })?),
    };
    Ok(vec![Case { name: String::new(), schedule, contenders: &Contender::ALL }])
}

/// Who plays a case. An own detector is the first: a mistake in it shows at once.
fn entrants<'a>(case: &Case, command: &Evaluate, own: Option<&'a Own>) -> Vec<Entrant<'a>> {
    let mut entrants: Vec<Entrant> = case.contenders.iter().map(|known| Entrant::Known(*known, None)).collect();
    // Beside the whole detector.
    if let Some(ours) = case.contenders.iter().position(|known| *known == Contender::Ours) {
        entrants.splice(ours + 1..ours + 1, command.without.map(|rule| Entrant::Known(Contender::Ours, Some(rule))));
    }
    // A scenario that was named is played as it was asked.
    let is_played = case.name.is_empty() || case.nodes() <= OWN_NODES_MAX;
    entrants.splice(0..0, own.filter(|_| is_played).map(Entrant::Own));
    entrants
}

/// The rows of one detector: counted from the suspicion, and from the verdict where it has one.
fn played(case: &Case, entrant: &Entrant, seeds: u64, progress: &mut Progress) -> Result<Vec<Row>, Failure> {
    let (mut suspicion, mut verdict) = (Quality::default(), Quality::default());
    let (mut has_verdict, mut sent, mut node_seconds) = (false, 0, 0.0);
    for seed in 1..=seeds {
        let mut scenario = match &case.schedule {
            Schedule::Fixed(scenario) => scenario.clone(),
            Schedule::ByChance(name) => find(name, seed)?,
        };
        let compared = compared(entrant, &mut scenario, seed)?;
        has_verdict |= entrant.has_verdict(&compared);
        suspicion.add(compared.suspicion);
        if let Some(quality) = compared.verdict {
            verdict.add(quality);
        }
        sent += compared.sent;
        node_seconds += scenario.length.as_secs_f64() * scenario.nodes as f64;
        progress.done_one(case.work());
    }
    let row = |from, quality| Row {
        case: case.name.clone(),
        name: entrant.name(),
        from,
        quality,
        load: sent as f64 / node_seconds,
    };
    let mut rows = vec![row("suspicion", suspicion)];
    rows.extend(has_verdict.then(|| row("verdict", verdict)));
    Ok(rows)
}

impl Entrant<'_> {
    fn name(&self) -> String {
        match self {
            Entrant::Known(contender, None) => contender.to_string(),
            Entrant::Known(contender, Some(rule)) => format!("{contender} without {rule}"),
            Entrant::Own(_) => "own".to_owned(),
        }
    }

    /// Whether it distinguishes a suspicion from a verdict: an own detector by what it says.
    fn has_verdict(&self, compared: &sim::Compared) -> bool {
        match self {
            Entrant::Known(contender, _) => contender.has_verdict(),
            Entrant::Own(_) => compared.changes.iter().any(|change| change.opinion == Opinion::Down),
        }
    }
}

fn compared(entrant: &Entrant, scenario: &mut Scenario, seed: u64) -> Result<sim::Compared, Failure> {
    let compared = match entrant {
        Entrant::Known(contender, without) => {
            scenario.without = without.or(scenario.without);
            sim::compare(*contender, scenario, seed)
        }
        Entrant::Own(own) => own.compared(scenario, seed)?,
    };
    compared.map_err(|error| Failure::Usage(format!("{}: {error}", scenario.name)))
}

/// An estimate of the time that is left, on a terminal and for what takes longer than two seconds. Runs differ by factors
/// of hundreds, so it is the work that is counted.
struct Progress {
    clock: Clock,
    all: u64,
    done: u64,
    runs: usize,
    shown: Option<Duration>,
}

impl Progress {
    fn new(all: u64) -> Progress {
        Progress { clock: Clock::start(), all, done: 0, runs: 0, shown: None }
    }

    fn done_one(&mut self, work: u64) {
        self.done += work;
        self.runs += 1;
        let now = self.clock.now().0;
        let is_due = self.shown.is_none_or(|at| now >= at + ESTIMATE_EVERY);
        if now < QUIET || !is_due || !std::io::stderr().is_terminal() {
            return;
        }
        self.shown = Some(now);
        let left = now.mul_f64((self.all - self.done) as f64 / self.done as f64);
        let text = format!("{} done, about {} left", counted(self.runs, "run"), span(left));
        // No one is helped by a failure to show how far it is.
        let _ = write!(std::io::stderr(), "\r{text:<60}");
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r{:<60}\r", "");
        }
    }
}
