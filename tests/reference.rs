//! The tables of `docs/reference/`, `docs/commands.md` and `docs/api.md`, and the help texts of commands, are made from
//! the code and compared with it; so is the contract, `src/http/openapi.json`.
//!
//! A table stands between `<!-- table: NAME -->` and `<!-- /table -->`, a help
//! text between `<!-- help: COMMAND -->` and `<!-- /help -->`. After a
//! change of the code, `HEARTBEAT_WRITE=1 cargo test --test reference` writes
//! them anew; everything else in these pages is written by people.

#![cfg(feature = "node")]
// Reading and writing pages is what this test does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "reference/api.rs"]
mod api;
#[path = "support/pages.rs"]
#[allow(dead_code)] // other suites use more of it
mod pages;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Command;
use heartbeat::testing::cli::EXITS;
use heartbeat::testing::config::settings::SETTINGS;
use heartbeat::testing::telemetry::catalogue::{CATALOGUE, Presence};

const REWRITE: &str = "HEARTBEAT_WRITE=1 cargo test --test reference";

/// Makes a page anew from its text.
type Writer = fn(String) -> String;

/// Every page with generated parts, and what writes them.
const PAGES: &[(&str, Writer)] = &[
    ("docs/reference/settings.md", |text| with_part(&text, "table", "settings", &settings())),
    ("docs/reference/metrics.md", |text| with_part(&text, "table", "metrics", &metrics())),
    ("docs/reference/exit-codes.md", |text| with_part(&text, "table", "exit codes", &exit_codes())),
    ("docs/reference/endpoints.md", |text| {
        let text = with_part(&text, "table", "endpoints", &api::endpoints());
        with_part(&text, "table", "shapes", &api::shapes())
    }),
    ("docs/api.md", |text| with_part(&text, "table", "summary of endpoints", &api::summary())),
    ("docs/commands.md", commands_page),
];

#[test]
fn the_pages_say_what_the_code_says() {
    for (page, fresh) in PAGES {
        check(page, fresh);
    }
}

/// A table that nothing writes would grow stale unseen.
#[test]
fn every_marked_part_is_written_by_this_test() {
    for page in pages::all() {
        let name = page.strip_prefix(pages::root()).expect("a page of this repository").to_string_lossy().into_owned();
        let text = fs::read_to_string(&page).expect("a page");
        let mut marks = text.lines().filter(|line| line.starts_with("<!-- table: ") || line.starts_with("<!-- help: "));
        // The list of labs: tests/contract/labs.rs writes it.
        let is_written = name == "labs/README.md" || PAGES.iter().any(|(page, _)| *page == name);
        assert!(
            is_written || marks.next().is_none(),
            "{name} has a generated part, but tests/reference.rs does not write it"
        );
    }
}

/// What the program serves is a file, so that a diff shows what changed for callers.
#[test]
fn the_contract_is_made_of_the_routes_and_the_shapes() {
    let document = serde_json::to_string_pretty(&api::contract()).expect("JSON");
    check("src/http/openapi.json", |_| format!("{document}\n"));
}

/// Every command that asks a node has a section with its help, as `-h` prints it.
fn commands_page(text: String) -> String {
    let mut cli = heartbeat::testing::cli::command();
    cli.build();
    let asks = |command: &&mut Command| command.get_arguments().any(|argument| argument.get_long() == Some("addr"));
    let text = with_part(&text, "table", "commands", &commands());
    cli.get_subcommands_mut().filter(asks).fold(text, |text, command| {
        let help = command.render_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let help = format!("```text\n{}\n```\n", lines.join("\n"));
        with_part(&text, "help", command.get_name(), &help)
    })
}

/// Compares a page with what the code makes of it, or writes it.
fn check(page: &str, fresh: impl Fn(String) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(page);
    let written = fs::read_to_string(&path).expect(page);
    let fresh = fresh(written.clone());
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        fs::write(&path, fresh).expect("the page can be written");
        return;
    }
    let differing = written.lines().zip(fresh.lines()).find(|(written, fresh)| written != fresh);
    assert!(written == fresh, "{page} does not say what the code says; `{REWRITE}` rewrites it: {differing:#?}");
}

/// The text with the named table or help text replaced.
fn with_part(text: &str, kind: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- {kind}: {name} -->\n"), format!("<!-- /{kind} -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("the page has no {begin:?}")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("{kind} {name} of the page has no {end:?}"));
    format!("{}{part}{}", &text[..start], &text[start + length..])
}

fn commands() -> String {
    let cli = heartbeat::testing::cli::command();
    let rows = cli.get_subcommands().map(|command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let codes = help.split_once("Exit codes: ").map(|(_, codes)| codes.trim_end_matches('.').replace('\n', " "));
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        vec![format!("`{}`", command.get_name()), about, codes.unwrap_or_default()]
    });
    table(&["Command", "What it does", "Exit codes"], rows)
}

fn table(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", heading.join(" | "), " --- |".repeat(heading.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn settings() -> String {
    let rows = SETTINGS.iter().map(|spec| {
        let names = format!("`--{}`<br>`{}`", spec.name, spec.variable);
        vec![names, spec.default.into(), spec.trades.into(), spec.accepted.into()]
    });
    table(&["Flag, variable", "Default", "What it does and trades", "Accepted"], rows)
}

fn exit_codes() -> String {
    table(&["Code", "Meaning"], EXITS.iter().map(|(exit, meaning)| vec![(*exit as u8).to_string(), (*meaning).into()]))
}

fn metrics() -> String {
    let rows = CATALOGUE.iter().map(|metric| {
        let labels: Vec<String> = metric.label_names().iter().map(|label| format!("`{label}`")).collect();
        let when = match metric.presence {
            Presence::Always => "",
            Presence::OnceSeen => " From the first time it happens.",
            Presence::LinuxOnly => " Linux only.",
        };
        vec![
            format!("`{}`", metric.name),
            metric.kind.as_str().into(),
            labels.join(", "),
            format!("{}{when}", metric.help),
        ]
    });
    table(&["Metric", "Kind", "Labels", "Meaning"], rows)
}
