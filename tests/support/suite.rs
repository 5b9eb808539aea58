//! The harness of the suites with real processes: `libtest-mimic`, which takes the options and prints the lines of the
//! built-in one, and two things more.
//!
//! A case may need something that not every machine has. Where it is missing the case is reported as ignored, with the
//! reason; where `HEARTBEAT_EXPECT` names the need, it fails instead, so that a machine that was set up for it cannot
//! lose a part of the suite unnoticed. And what a case measured is printed when it ends, whether it passed or not.

use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Asks for the suites that need more than this repository and a machine: a container engine, a cluster.
const WANTED: &str = "HEARTBEAT_E2E";

/// Names the needs, separated by blanks, whose cases must not be skipped.
const EXPECTED: &str = "HEARTBEAT_EXPECT";

/// Something that a case needs and a machine may lack.
pub struct Need {
    /// As `HEARTBEAT_EXPECT` names it.
    pub name: &'static str,
    look: fn() -> Option<String>,
    missing: OnceLock<Option<String>>,
    /// How many cases that need it may still begin.
    free: Mutex<usize>,
    freed: Condvar,
}

impl Need {
    /// `look` gives what is missing here and how to get it, if anything is. At most `at_once` cases with this need run at
    /// the same time.
    pub const fn new(name: &'static str, look: fn() -> Option<String>, at_once: usize) -> Need {
        Need { name, look, missing: OnceLock::new(), free: Mutex::new(at_once), freed: Condvar::new() }
    }

    fn missing(&self) -> Option<&str> {
        self.missing.get_or_init(self.look).as_deref()
    }

    /// Waits for a place, which is given back when the value is dropped.
    fn place(&self) -> Place<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self)
    }
}

struct Place<'a>(&'a Need);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// One behaviour to show, under the name that `cargo test NAME` selects it by.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub needs: &'static [&'static Need],
    pub run: fn(&Report),
}

/// A case from its function, and what it needs.
#[allow(unused_macros)] // benchmarks use the helpers without the cases
macro_rules! case {
    ($function:path $(, $need:expr)*) => {
        $crate::support::Case { name: stringify!($function), needs: &[$(&$need),*], run: $function }
    };
}
pub(crate) use case;

thread_local! {
    static RUNNING: Cell<&'static str> = const { Cell::new("") };
}

/// The name of the case that this thread runs; empty outside of cases.
pub fn running() -> &'static str {
    RUNNING.get()
}

/// What one case has to tell besides passing or failing.
#[derive(Default)]
pub struct Report {
    lines: Mutex<String>,
}

impl Report {
    pub fn say(&self, text: impl AsRef<str>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.as_ref().lines() {
            let _ = writeln!(lines, "    {line}");
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

    fn take(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why a suite that needs so much does not run: it was not asked for. `how` says what else must be set to ask for it.
pub fn unasked(needs: &str, how: &str) -> Option<String> {
    let unasked = std::env::var_os(WANTED).is_none_or(|value| value != "1");
    unasked.then(|| format!("needs {needs} and is run by {WANTED}=1 {how}"))
}

/// [`main`] for a suite that leaves things behind where it is killed; `clean` removes them, before it and after.
pub fn end_to_end(skipped: Option<String>, clean: fn(), at_once: usize, cases: &'static [Case]) -> ExitCode {
    let arguments = Arguments::from_args();
    if let Some(reason) = skipped {
        let ignored = |case: &Case| {
            let reason = reason.clone();
            Trial::ignorable_test(case.name, move || Ok(Completion::ignored_with(reason)))
        };
        return libtest_mimic::run(&arguments, cases.iter().map(ignored).collect()).exit_code();
    }
    if arguments.list {
        return main(at_once, cases);
    }
    clean();
    let outcome = main(at_once, cases);
    clean();
    outcome
}

/// Runs the cases that the command line asks for in their order, at most `at_once` at a time.
pub fn main(at_once: usize, cases: &'static [Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(at_once);
    let expected = std::env::var(EXPECTED).unwrap_or_default();
    let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
    let trial = |case: &'static Case| {
        let expected = expected.clone();
        Trial::ignorable_test(case.name, move || attempt(case, &expected))
    };
    libtest_mimic::run(&arguments, cases.iter().map(trial).collect()).exit_code()
}

/// A word of `HEARTBEAT_EXPECT` that names none of `needs`, which would expect nothing.
pub fn unknown_expectation(needs: &[&Need]) -> Option<String> {
    let expected = std::env::var(EXPECTED).unwrap_or_default();
    let known: Vec<&str> = needs.iter().map(|need| need.name).collect();
    let unknown = expected.split_whitespace().find(|word| !known.contains(word))?;
    Some(format!("{EXPECTED} names {unknown:?}; known are {}", known.join(", ")))
}

fn attempt(case: &'static Case, expected: &[String]) -> Result<Completion, Failed> {
    for need in case.needs {
        let Some(missing) = need.missing() else { continue };
        if expected.iter().any(|word| word == need.name) {
            return Err(format!("{EXPECTED} names {:?}, but here is missing: {missing}", need.name).into());
        }
        return Ok(Completion::ignored_with(format!("SKIPPED, nothing was tested: needs {missing}")));
    }
    // All cases take their places in the same order of needs, so none waits for one that waits for it.
    let places: Vec<Place<'_>> = case.needs.iter().map(|need| need.place()).collect();
    RUNNING.set(case.name);
    let (report, started) = (Report::default(), Instant::now());
    let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(&report)));
    // In one piece: other cases print too.
    print!("\n{} ({:.1} s)\n{}", case.name, started.elapsed().as_secs_f64(), report.take());
    RUNNING.set("");
    drop(places);
    match outcome {
        Ok(()) => Ok(Completion::Completed),
        // The harness makes a failure of it, with its message.
        Err(panic) => resume_unwind(panic),
    }
}
