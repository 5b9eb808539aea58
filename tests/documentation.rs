//! What the pages say is so: links lead somewhere, scenarios and metrics exist,
//! and a quoted timeline is what the simulator prints today.

#![cfg(feature = "node")]
// Reading the pages is what these tests do.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use heartbeat::sim;
use heartbeat::testing::telemetry::catalogue::CATALOGUE;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that people read, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).expect("docs/").map(|entry| entry.expect("an entry of docs/").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(|name| root().join(name));
    let labs = fs::read_dir(root().join("labs")).expect("labs/").map(|entry| entry.expect("an entry of labs/").path());
    let labs = labs.chain([root().join("labs")]).map(|folder| folder.join("README.md")).filter(|page| page.exists());
    let mut paths: Vec<PathBuf> = docs.chain(labs).chain(top).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

fn check_nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} faults in the pages:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if file.is_empty() { path.clone() } else { path.parent().unwrap_or(Path::new("")).join(file) };
            if !there.exists() {
                wrong.push(format!("{}: {target} does not exist", path.display()));
            } else if !anchor.is_empty() && !anchors(&there).contains(anchor) {
                wrong.push(format!("{}: {target} has no such heading", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

/// The headings of a page, as a browser of repositories names them: lower case, blanks as hyphens, no punctuation.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).expect("a page");
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

/// After a change of the detector, `HEARTBEAT_WRITE=1 cargo test --test documentation` quotes anew: each stale line
/// becomes the one with the same words that comes nearest in time. What changed its words is for a person to mend.
#[test]
fn quoted_timelines_are_those_of_the_simulator() {
    let told = told_by_the_builtins();
    let rewrite = std::env::var_os("HEARTBEAT_WRITE").is_some();
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        let mut fresh = text.clone();
        for line in text.lines().map(str::trim).filter(|line| is_timeline(line) && !told.contains(*line)) {
            match told.iter().filter(|new| wording(new) == wording(line)).min_by_key(|new| apart(new, line)) {
                Some(new) if rewrite => fresh = fresh.replace(line, new),
                Some(new) => wrong.push(format!("{}: no scenario prints {line:?}, but {new:?}", path.display())),
                None => wrong.push(format!("{}: no scenario prints the like of {line:?}", path.display())),
            }
        }
        if fresh != text {
            fs::write(&path, fresh).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    check_nothing_wrong(&wrong);
}

fn told_by_the_builtins() -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for (name, _) in sim::builtin_names() {
        let run = sim::run(&sim::builtin(name).expect(name), 1);
        let mut timeline = String::new();
        sim::print_timeline(&run, &mut timeline).expect("writing into a string");
        told.extend(timeline.lines().map(|line| line.trim().to_owned()));
    }
    told
}

/// A line without its time and its measured spans: the words by which it is found again.
fn wording(line: &str) -> Vec<&str> {
    let is_span = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    line.split_whitespace().filter(|word| !is_span(word)).collect()
}

/// Milliseconds of virtual time between two lines.
fn apart(one: &str, other: &str) -> u64 {
    let at = |line: &str| line.split('s').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::MAX);
    ((at(one) - at(other)).abs() * 1000.0) as u64
}

/// `10.252s  node-1  ...`: virtual time, two blanks, the node that reports.
fn is_timeline(line: &str) -> bool {
    let Some((at, _)) = line.split_once("  ") else { return false };
    at.strip_suffix('s').is_some_and(|seconds| seconds.contains('.') && seconds.parse::<f64>().is_ok())
}

#[test]
fn scenarios_that_are_mentioned_exist() {
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        for rest in text.split("simulate ").skip(1) {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect();
            // Options, files, and the word in running text.
            let is_other = name.is_empty() || name.starts_with('-') || rest[name.len()..].starts_with('.');
            if !is_other && name != "random" && sim::builtin(&name).is_none() {
                wrong.push(format!("{}: there is no scenario {name:?}", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

#[test]
fn metrics_that_are_mentioned_exist() {
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        // `distributed-heartbeat_mesh` is a network.
        let starts = text.match_indices("heartbeat_").filter(|(at, _)| !text[..*at].ends_with('-'));
        for (at, prefix) in starts {
            let rest = text[at + prefix.len()..].chars();
            let rest: String = rest.take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let name = format!("heartbeat_{rest}");
            if !CATALOGUE.iter().any(|metric| metric.name == name) {
                wrong.push(format!("{}: there is no metric {name}", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}
