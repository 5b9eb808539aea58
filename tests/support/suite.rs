//! Runs the cases of one suite, several at once, and prints what each measured.
//!
//! Understands what `cargo test` passes on: name filters, `--exact`, `--skip`,
//! `--list` and `--test-threads`.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Asks for the suites that need more than this repository and a machine: a container engine, a cluster.
const WANTED: &str = "HEARTBEAT_E2E";

/// One behaviour to show, under the name that `cargo test NAME` selects it by.
pub struct Case {
    pub name: &'static str,
    pub run: fn(&Report),
}

/// A case from its function.
#[allow(unused_macros)] // benchmarks use the helpers without the cases
macro_rules! case {
    ($function:path) => {
        $crate::support::Case { name: stringify!($function), run: $function }
    };
}
pub(crate) use case;

/// What one case has to tell besides passing or failing.
#[derive(Default)]
pub struct Report {
    lines: Mutex<String>,
}

impl Report {
    pub fn say(&self, text: impl AsRef<str>) {
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for line in text.as_ref().lines() {
            let _ = writeln!(lines, "       {line}");
        }
    }

    /// A time, beside what is expected of it. Never a reason to fail: machines differ.
    pub fn measured(&self, label: &str, time: Duration, expected: Duration) {
        let mark = if time <= expected { "" } else { "   <-- above what is expected" };
        self.say(format!(
            "{label}: {:.3} s (expected at most {:.2} s){mark}",
            time.as_secs_f64(),
            expected.as_secs_f64()
        ));
    }

    /// p50, p99 and the maximum of many runs, beside what is expected of them.
    pub fn distribution(&self, label: &str, times: &[Duration], p50: Duration, p99: Duration) {
        let mut sorted = times.to_vec();
        sorted.sort();
        let at = |part: f64| sorted[((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len()) - 1];
        let (median, tail) = (at(0.5), at(0.99));
        let mark = if median <= p50 && tail <= p99 { "" } else { "   <-- above what is expected" };
        self.say(format!(
            "{label}: {} runs, p50 {:.3} s (expected {:.2}), p99 {:.3} s (expected {:.2}), min {:.3} s, max {:.3} s{mark}",
            sorted.len(),
            median.as_secs_f64(),
            p50.as_secs_f64(),
            tail.as_secs_f64(),
            p99.as_secs_f64(),
            sorted[0].as_secs_f64(),
            sorted[sorted.len() - 1].as_secs_f64(),
        ));
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

/// Why a suite that needs so much does not run: nobody asked for it. `how` says what else asking takes.
pub fn unasked(needs: &str, how: &str) -> Option<String> {
    let unasked = std::env::var_os(WANTED).is_none_or(|value| value != "1");
    unasked.then(|| format!("needs {needs} and is run by {WANTED}=1 {how}"))
}

/// [`main`] for a suite that leaves things behind where it is killed; `clean` removes them, before it and after.
pub fn end_to_end(
    suite: &str,
    skipped: Option<String>,
    clean: fn(),
    at_once: usize,
    cases: &'static [Case],
) -> ExitCode {
    if let Some(why) = skipped {
        println!("\n{suite}: SKIPPED, nothing was tested: {why}\n");
        return ExitCode::SUCCESS;
    }
    clean();
    let outcome = main(suite, at_once, cases);
    clean();
    outcome
}

/// Runs the cases that the command line asks for, at most `at_once` at a time.
pub fn main(suite: &str, at_once: usize, cases: &'static [Case]) -> ExitCode {
    super::http::serve_fetch();
    let wish = Wish::from_arguments(std::env::args().skip(1));
    let chosen: Vec<&Case> = cases.iter().filter(|case| wish.wants(case.name)).collect();
    if wish.list {
        chosen.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let (count, started) = (chosen.len(), Instant::now());
    println!("\nrunning {count} cases of {suite}, at most {at_once} at once");
    let queue = Mutex::new(chosen.into_iter().collect::<VecDeque<_>>());
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..wish.threads.unwrap_or(at_once).min(count) {
            scope.spawn(|| {
                while let Some(case) = next(&queue) {
                    if !run(case) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    let outcome = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "{suite}: {outcome}. {} passed; {failed} failed; {:.1} s\n",
        count - failed,
        started.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(failed > 0))
}

fn next<'a>(queue: &Mutex<VecDeque<&'a Case>>) -> Option<&'a Case> {
    queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_front()
}

fn run(case: &Case) -> bool {
    let (report, started) = (Report::default(), Instant::now());
    let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(&report)));
    let word = if outcome.is_ok() { "ok    " } else { "FAILED" };
    let mut text = format!("{word} {} ({:.1} s)\n{}", case.name, started.elapsed().as_secs_f64(), report.take());
    if let Err(panic) = &outcome {
        let _ = writeln!(text, "       {}", reason(&**panic).replace('\n', "\n       "));
    }
    print!("{text}");
    outcome.is_ok()
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panicked".to_owned())
}

/// What the command line asks for.
#[derive(Default)]
struct Wish {
    filters: Vec<String>,
    skips: Vec<String>,
    exact: bool,
    list: bool,
    /// `--ignored` alone: this suite ignores nothing, so it has nothing to run.
    only_ignored: bool,
    threads: Option<usize>,
}

impl Wish {
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Wish {
        let mut wish = Wish::default();
        // `--option=value` and `--option value` are the same to the built-in harness.
        let mut words = arguments.flat_map(|word| match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => vec![option.to_owned(), value.to_owned()],
            _ => vec![word],
        });
        while let Some(word) = words.next() {
            match word.as_str() {
                "--exact" => wish.exact = true,
                "--list" => wish.list = true,
                "--ignored" => wish.only_ignored = true,
                "--skip" => wish.skips.extend(words.next()),
                "--test-threads" => wish.threads = words.next().and_then(|count| count.parse().ok()),
                "--color" | "--format" | "--logfile" | "--shuffle-seed" | "-Z" => drop(words.next()),
                option if option.starts_with('-') => {}
                _ => wish.filters.push(word),
            }
        }
        wish
    }

    fn wants(&self, name: &str) -> bool {
        let fits = |text: &String| if self.exact { name == text } else { name.contains(text.as_str()) };
        !self.only_ignored && (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skips.iter().any(fits)
    }
}
