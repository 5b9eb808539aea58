//! `heartbeat evaluate`: how good detectors are, on the same schedules.
//!
//! The figures are those of Chen, Toueg and Aguilera (On the Quality of Service of Failure Detectors, DSN 2000). They are
//! printed when all runs are done, so what is stopped half-way leaves nothing that looks like a result.

mod child;
mod lines;
mod own;
mod picture;
mod row;

use std::fmt::Write;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::own::Own;
use self::row::Row;
use super::exit::{Exit, Failure, Outcome, early_end, until_asked};
use super::output::{Cell, Output, Paint, counted};
use super::simulate::{find, rule};
use super::whole_file;
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
/// The columns; `docs/scenarios.md` says what each means.
const COLUMNS: [&str; 9] =
    ["DETECTOR", "COUNTED FROM", "T_D MEAN", "T_D MAX", "MISSED", "MISTAKES", "T_MR", "T_M", "P_A"];

/// The commit it was built from, when the build was told.
const REVISION: &str = match option_env!("HEARTBEAT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat evaluate                         a crash, with ten seeds
  heartbeat evaluate lossy --seeds=100
  heartbeat evaluate random --seeds=100      a hundred schedules made of chance
  heartbeat evaluate three-links --without=veto    one more row: ours without one of its rules
  heartbeat evaluate crash --format=svg --out=crash.svg    detection time against mistakes
  heartbeat evaluate my.txt --format=csv --out=my.csv
  heartbeat evaluate crash --detector 'python3 my_detector.py'    a detector of your own (docs/evaluation.md)

Exit codes: 0 done, 1 the file cannot be written or the own detector fails, 64 no such scenario or a mistake in it, or
the own detector does not start.")]
pub(crate) struct Evaluate {
    /// A scenario file, the name of a built-in one, random, or sick (another schedule for each seed)
    #[arg(default_value = "crash")]
    pub scenario: String,
    /// Number of seeds, from 1 on
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=SEEDS_MAX))]
    pub seeds: u64,
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

/// How the figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Table,
    /// For a page
    Markdown,
    /// For a program; times in seconds
    Csv,
    /// A picture of detection time against mistakes
    Svg,
}

/// A detector of the table.
enum Entrant {
    Known(Contender, Option<Omission>),
    Own(Own),
}

/// Plays the schedules with every detector and prints the figures.
///
/// # Errors
/// When there is no such scenario, it cannot be compared, the own detector fails, or the file cannot be written.
pub(crate) async fn evaluate(command: Evaluate, environment: &Environment) -> Outcome {
    match command.detector.clone() {
        None => compare(&command, environment, None),
        Some(detector) => with_own(detector, command, environment.clone()).await,
    }
}

/// The runs beside the process of the own detector, which ends with them, with a mistake, and with Ctrl-C.
async fn with_own(detector: String, command: Evaluate, environment: Environment) -> Outcome {
    let (link, serving) = child::start(&detector, child::ANSWER_WITHIN)?;
    let playing = tokio::task::spawn_blocking(move || compare(&command, &environment, Some(Own::new(&detector, link))));
    let work = async {
        let (outcome, ()) = tokio::join!(playing, serving);
        outcome.map_err(|error| Failure::Internal(format!("the comparison panicked: {error}")))?
    };
    until_asked(work, early_end).await
}

fn compare(command: &Evaluate, environment: &Environment, own: Option<Own>) -> Outcome {
    let mut output = Output::stdout(environment);
    // Read once: standard input has it only once. A schedule of chance is another one for each seed.
    let fixed = match command.scenario.as_str() {
        "random" | "sick" => None,
        name => Some(find(name, 1)?),
    };
    let mut rows = Vec::new();
    let mut entrants: Vec<Entrant> = Contender::ALL.into_iter().map(|known| Entrant::Known(known, None)).collect();
    // Beside the whole detector, which is the first.
    entrants.splice(1..1, command.without.map(|rule| Entrant::Known(Contender::Ours, Some(rule))));
    // The first that is played: a mistake in it shows at once.
    entrants.splice(0..0, own.map(Entrant::Own));
    let mut progress = Progress::new(command.seeds * entrants.len() as u64);
    for entrant in entrants {
        let (mut suspicion, mut verdict) = (Quality::default(), Quality::default());
        let mut has_verdict = false;
        for seed in 1..=command.seeds {
            let mut scenario = match &fixed {
                Some(scenario) => scenario.clone(),
                None => find(&command.scenario, seed)?,
            };
            let compared = compared(&entrant, &mut scenario, seed)?;
            has_verdict |= entrant.has_verdict(&compared);
            suspicion.add(compared.suspicion);
            if let Some(quality) = compared.verdict {
                verdict.add(quality);
            }
            progress.done_one();
        }
        let name = entrant.name();
        rows.push(Row { name: name.clone(), from: "suspicion", quality: suspicion });
        if has_verdict {
            rows.push(Row { name, from: "verdict", quality: verdict });
        }
    }
    progress.end();
    print(command, &rows, &mut output)
}

impl Entrant {
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

fn print(command: &Evaluate, rows: &[Row], output: &mut Output) -> Outcome {
    let text = match command.format {
        Format::Table => None,
        Format::Markdown => Some(markdown(command, rows)),
        Format::Csv => Some(csv(command, rows)),
        Format::Svg => Some(picture::svg(rows, &origin(command))),
    };
    match (&command.out, text) {
        (Some(file), text) => whole_file::write(file, &text.unwrap_or_else(|| plain(command, rows)))?,
        (None, Some(text)) => output.line(text.trim_end())?,
        (None, None) => {
            let cells: Vec<Vec<Cell>> = rows.iter().map(|row| words(row).map(Cell::plain).into()).collect();
            output.table(&COLUMNS, &cells)?;
            output.line("")?;
            output.line(&output.paint(Paint::Faint, &origin(command)))?;
        }
    }
    Ok(Exit::Success)
}

/// Which runs these are, so that they can be repeated.
fn origin(command: &Evaluate) -> String {
    let Evaluate { scenario, seeds, .. } = command;
    format!("{scenario}, seeds 1 to {seeds}, heartbeat {}, commit {REVISION}", env!("CARGO_PKG_VERSION"))
}

fn words(row: &Row) -> [String; 9] {
    let Row { name, from, quality } = row;
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), span);
    [
        name.clone(),
        (*from).to_owned(),
        time(quality.detection_mean()),
        time(quality.detection_max()),
        quality.missed.to_string(),
        quality.mistakes.to_string(),
        time(quality.mistake_recurrence()),
        time(quality.mistake_duration()),
        quality.accuracy().map_or_else(|| "-".to_owned(), |accuracy| format!("{accuracy:.6}")),
    ]
}

fn plain(command: &Evaluate, rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| words(row).join("  "));
    format!("{}\n{}\n{}\n", COLUMNS.join("  "), lines.collect::<Vec<_>>().join("\n"), origin(command))
}

fn markdown(command: &Evaluate, rows: &[Row]) -> String {
    let mut text = format!("| {} |\n|{}\n", COLUMNS.join(" | ").to_lowercase(), "---|".repeat(COLUMNS.len()));
    for row in rows {
        // Writing into a string does not fail.
        let _ = writeln!(text, "| {} |", words(row).join(" | "));
    }
    let _ = write!(text, "\n{}.\n", origin(command));
    text
}

fn csv(command: &Evaluate, rows: &[Row]) -> String {
    let mut text = format!("# {}\n", origin(command));
    text += "detector,counted_from,detections,missed,t_d_mean_s,t_d_max_s,mistakes,t_mr_s,t_m_s,p_a,up_s\n";
    let time = |time: Option<Duration>| time.map_or_else(String::new, |time| format!("{:.6}", time.as_secs_f64()));
    for Row { name, from, quality } in rows {
        let (mean, max) = (time(quality.detection_mean()), time(quality.detection_max()));
        let (recurrence, duration) = (time(quality.mistake_recurrence()), time(quality.mistake_duration()));
        let accuracy = quality.accuracy().map_or_else(String::new, |accuracy| format!("{accuracy:.9}"));
        let _ = writeln!(
            text,
            "{name},{from},{},{},{mean},{max},{},{recurrence},{duration},{accuracy},{:.3}",
            quality.detections.len(),
            quality.missed,
            quality.mistakes,
            quality.up.as_secs_f64()
        );
    }
    text
}

/// An estimate of the time that is left, on a terminal and for what takes longer than two seconds.
struct Progress {
    clock: Clock,
    all: u64,
    done: u64,
    shown: Option<Duration>,
}

impl Progress {
    fn new(all: u64) -> Progress {
        Progress { clock: Clock::start(), all, done: 0, shown: None }
    }

    fn done_one(&mut self) {
        self.done += 1;
        let now = self.clock.now().0;
        let is_due = self.shown.is_none_or(|at| now >= at + ESTIMATE_EVERY);
        if now < QUIET || !is_due || !std::io::stderr().is_terminal() {
            return;
        }
        self.shown = Some(now);
        let left = now.mul_f64((self.all - self.done) as f64 / self.done as f64);
        let text = format!("{} of {}, about {} left", self.done, counted(self.all as usize, "run"), span(left));
        // No one is helped by a failure to show how far it is.
        let _ = write!(std::io::stderr(), "\r{text:<60}");
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r{:<60}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(format: Format) -> Evaluate {
        Evaluate { scenario: "crash".into(), seeds: 3, without: None, detector: None, format, out: None }
    }

    fn row() -> Row {
        let quality = Quality {
            detections: vec![Duration::from_millis(250), Duration::from_millis(750)],
            missed: 1,
            mistakes: 2,
            mistaken: Duration::from_secs(1),
            up: Duration::from_secs(100),
        };
        Row { name: "swim".into(), from: "verdict", quality }
    }

    #[test]
    fn each_format_has_the_figures_and_their_origin() {
        let markdown = markdown(&command(Format::Markdown), &[row()]);
        assert!(
            markdown.contains("| swim | verdict | 0.5 s | 0.75 s | 1 | 2 | 50 s | 0.5 s | 0.990000 |"),
            "{markdown}"
        );
        let csv = csv(&command(Format::Csv), &[row()]);
        let wanted = "swim,verdict,2,1,0.500000,0.750000,2,50.000000,0.500000,0.990000000,100.000";
        assert_eq!(csv.lines().nth(2), Some(wanted));
        let columns = |line: usize| csv.lines().nth(line).map(|line| line.split(',').count());
        assert_eq!(columns(1), columns(2));
        for text in [markdown, csv, plain(&command(Format::Table), &[row()])] {
            assert!(text.contains("crash, seeds 1 to 3, heartbeat 0."), "{text}");
        }
    }
}
