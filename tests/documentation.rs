//! What the pages say is so: links lead somewhere, scenarios and metrics exist,
//! and a quoted timeline is what the simulator prints today.

#![cfg(feature = "node")]
// Reading the pages is what these tests do.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/pages.rs"]
mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use heartbeat::sim;
use heartbeat::testing::config::settings::SETTINGS;
use heartbeat::testing::telemetry::catalogue::CATALOGUE;

/// Every page that people read, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text)
    };
    pages::all().into_iter().map(read).collect()
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
            if let Some(experiment) = target.strip_prefix("playground/index.html#preset=") {
                // The playground comes with the built book, beside its pages.
                let preset = experiment.split('&').next().unwrap_or_default();
                if sim::builtin(preset).is_none() {
                    wrong.push(format!("{}: {target}: there is no scenario {preset:?}", path.display()));
                }
                continue;
            }
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

/// A reader begins there: what does not fit belongs in a page of `docs/`.
#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(pages::root().join("README.md")).expect("the README");
    let words = text.split_whitespace().count();
    assert!(words <= 900, "the README has {words} words, at most 900");
}

#[test]
fn the_index_lists_every_page() {
    let index = fs::read_to_string(pages::root().join("docs/README.md")).expect("the index");
    let docs = pages::root().join("docs");
    let inside = pages::all().into_iter().filter_map(|page| Some(page.strip_prefix(&docs).ok()?.to_owned()));
    let missing: Vec<String> = inside
        .map(|page| page.display().to_string())
        .filter(|page| page != "README.md" && !index.contains(&format!("]({page})")))
        .map(|page| format!("docs/README.md does not list {page}"))
        .collect();
    check_nothing_wrong(&missing);
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
    // The book shows its own scenarios, too; tests/book.rs runs the command above each timeline.
    let book = pages::root().join("book");
    for (path, text) in pages().into_iter().filter(|(path, _)| !path.starts_with(&book)) {
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
            let level = name.strip_prefix("drill-").and_then(|level| level.parse::<u8>().ok());
            let is_drawn = matches!(&*name, "random" | "sick")
                || level.is_some_and(|level| (1..=sim::DRILL_LEVEL_MAX).contains(&level));
            if !is_other && !is_drawn && sim::builtin(&name).is_none() {
                wrong.push(format!("{}: there is no scenario {name:?}", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

/// The blocks of `docs/scenarios.md`, whose language is `scenario`.
fn examples_of_scenarios() -> Vec<String> {
    let page = fs::read_to_string(pages::root().join("docs/scenarios.md")).expect("docs/scenarios.md");
    let blocks = page.split("```scenario\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

#[test]
fn every_example_of_a_scenario_runs() {
    let examples = examples_of_scenarios();
    for text in &examples {
        let scenario: sim::Scenario = text.parse().unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let run = sim::run(&scenario, 1);
        assert_eq!(run.violations, [], "{text}");
        assert!(run.timeline.len() > scenario.steps.len(), "the nodes said something\n{text}");
    }
    let said: BTreeSet<&str> = examples.iter().flat_map(|text| text.split_whitespace()).collect();
    let acts = sim::HostAct::ALL.iter().map(|act| act.as_str());
    let others = "scenario about nodes absent streams profile without names watch latency late length at normal exponential p100 \
                  cut drop block reject mend loss split heal from to all";
    for word in acts.chain(others.split_whitespace()) {
        assert!(said.contains(word), "no example uses {word:?}");
    }
}

#[test]
fn the_scenarios_of_sick_observers_can_be_read() {
    for (name, nodes, steps) in [("lossy-host-32.txt", 32, 31), ("starved-grid-50.txt", 50, 1235)] {
        let path = pages::root().join("tests/scenarios").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut scenario: sim::Scenario = text.parse().unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!((scenario.nodes, scenario.steps.len()), (nodes, steps), "{name}");
        // The whole run takes minutes without optimisation: `just sick`.
        scenario.length = std::time::Duration::from_secs(2);
        assert_eq!(sim::run(&scenario, 1).violations, [], "{name}");
    }
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

/// Variables of tests and examples, which are no settings of a node.
const OTHER_VARIABLES: [&str; 8] = [
    "HEARTBEAT_E2E",
    "HEARTBEAT_EXPECT",
    "HEARTBEAT_WRITE",
    "HEARTBEAT_TEST_LEVELS",
    "HEARTBEAT_SIM_SEEDS",
    "HEARTBEAT_KUBERNETES_SOURCES",
    // A mistake, shown with its message.
    "HEARTBEAT_PING_TIMEUOT",
    // The prefix.
    "HEARTBEAT_",
];

#[test]
fn variables_that_are_mentioned_exist() {
    let mut wrong = Vec::new();
    let others = ["systemd/heartbeat.env", "systemd/heartbeat.service"].map(|file| {
        let path = pages::root().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        (path, text)
    });
    for (path, text) in pages().into_iter().chain(others) {
        for (at, _) in text.match_indices("HEARTBEAT_") {
            let rest = text[at..].chars();
            let name: String = rest.take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
            let is_setting = SETTINGS.iter().any(|setting| setting.variable == name);
            if !is_setting && !OTHER_VARIABLES.contains(&name.as_str()) {
                wrong.push(format!("{}: there is no variable {name}", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

#[test]
fn endpoints_that_are_mentioned_exist() {
    let contract = heartbeat::testing::http::document();
    let paths = contract["paths"].as_object().expect("the contract has paths");
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        for (at, _) in text.match_indices("/api/v1/") {
            // The name after the prefix; what follows are parameters.
            let rest = text[at + "/api/v1/".len()..].chars();
            let name: String = rest.take_while(char::is_ascii_lowercase).collect();
            let prefix = format!("/api/v1/{name}");
            let is_known = |known: &String| *known == prefix || known.starts_with(&format!("{prefix}/"));
            if !name.is_empty() && !paths.keys().any(is_known) {
                wrong.push(format!("{}: there is no endpoint {prefix}", path.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

/// Comments and messages outside of the pages that name a page of `docs/`.
#[test]
fn pages_that_other_files_mention_exist() {
    let mut wrong = Vec::new();
    for file in pages::others() {
        // What is not text names nothing.
        let text = fs::read_to_string(&file).unwrap_or_default();
        for (at, _) in text.match_indices("docs/") {
            let rest = text[at..].chars();
            let name: String = rest.take_while(|c| c.is_ascii_lowercase() || "/-_.".contains(*c)).collect();
            let name = name.trim_end_matches('.');
            if name.ends_with(".md") && !pages::root().join(name).exists() {
                wrong.push(format!("{}: {name} does not exist", file.display()));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

/// `file::test`, where the file may also be a folder.
#[test]
fn every_attack_names_a_test_that_exists() {
    let page = fs::read_to_string(pages::root().join("docs/security.md")).expect("the page of security");
    let (_, table) = page.split_once("<!-- attacks -->").expect("a table of attacks");
    let (table, _) = table.split_once("<!-- /attacks -->").expect("its end");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 10, "{} rows", rows.len());
    let sources = rust_files();
    let exists = |name: &str| {
        let (module, test) = name.split_once("::").unwrap_or_default();
        let is_there = |(path, text): &(PathBuf, String)| {
            let stem = path.file_stem().is_some_and(|stem| stem == module);
            let folder = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == module);
            (stem || folder) && text.contains(&format!("fn {test}("))
        };
        sources.iter().any(is_there)
    };
    let mut wrong = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        assert_eq!(cells.len(), 6, "{row}");
        for cell in &cells[1..] {
            let is_said =
                ["not shown", "there are none", "tests of the first column"].iter().any(|said| cell.contains(said));
            if !is_said && !cell.contains("::") {
                wrong.push(format!("no test shows {cell:?} of: {}", cells[0]));
            }
        }
        let quoted = cells[1..].iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let named: Vec<&str> = quoted.filter(|name| name.contains("::")).collect();
        wrong.extend(named.iter().filter(|name| !exists(name)).map(|name| format!("there is no test {name}")));
    }
    check_nothing_wrong(&wrong);
}

/// Sources and tests with their text.
fn rust_files() -> Vec<(PathBuf, String)> {
    let mut folders = vec![pages::root().join("src"), pages::root().join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&entry).expect("text");
                files.push((entry, text));
            }
        }
    }
    files
}

/// Recorded by tests/outputs/api.rs.
#[test]
fn every_endpoint_has_an_example() {
    let page = fs::read_to_string(pages::root().join("docs/api.md")).expect("the page of the API");
    let contract = heartbeat::testing::http::document();
    let mut wrong = Vec::new();
    for (path, methods) in contract["paths"].as_object().expect("the contract has paths") {
        for method in methods.as_object().expect("a path has methods").keys() {
            let mark = format!("<!-- output: api {} {path} -->", method.to_uppercase());
            if !page.contains(&mark) {
                wrong.push(format!("docs/api.md has no line {mark}"));
            }
        }
    }
    check_nothing_wrong(&wrong);
}

/// One ping is told in ten steps, and the functions that they name are in the detector. That files exist is tested above.
#[test]
fn one_ping_is_told_in_ten_steps() {
    let text = fs::read_to_string(pages::root().join("ARCHITECTURE.md")).expect("it is there");
    let section =
        text.split("\n## ").find(|section| section.starts_with("One ping, in ten steps")).expect("it is told");
    let steps = section.lines().filter_map(|line| line.split_once(". ")?.0.parse::<usize>().ok());
    assert_eq!(steps.collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let detector: String = rust_files()
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains("src/detector/"))
        .map(|(_, source)| source)
        .collect();
    let functions: Vec<&str> =
        section.split("`Node::").skip(1).filter_map(|rest| rest.split(['(', '`']).next()).collect();
    assert!(functions.len() > 5, "{functions:?}");
    for name in functions {
        assert!(detector.contains(&format!("fn {name}")), "ARCHITECTURE.md names Node::{name}, which is not there");
    }
}
