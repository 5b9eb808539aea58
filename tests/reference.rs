//! The README's tables, the help texts in `docs/commands.md` and the endpoints and shapes in `docs/api.md` are made
//! from the code and compared with it; so is the contract, `src/http/openapi.json`.
//!
//! A table stands between `<!-- table: NAME -->` and `<!-- /table -->`, a help
//! text between `<!-- help: COMMAND -->` and `<!-- /help -->`. After a
//! change of the code, `HEARTBEAT_WRITE=1 cargo test --test reference` writes
//! them anew; everything else in these pages is written by people.

#![cfg(feature = "node")]
// Reading and writing the README is what this test does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "reference/api.rs"]
mod api;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Command;
use heartbeat::testing::cli::EXITS;
use heartbeat::testing::config::settings::SETTINGS;
use heartbeat::testing::telemetry::catalogue::{CATALOGUE, Presence};

const REWRITE: &str = "HEARTBEAT_WRITE=1 cargo test --test reference";

#[test]
fn the_tables_of_the_readme_are_those_of_the_code() {
    let tables = [
        ("commands", commands()),
        ("settings", settings()),
        ("endpoints", endpoints()),
        ("metrics", metrics()),
        ("exit codes", exit_codes()),
    ];
    check("README.md", |text| tables.iter().fold(text, |text, (name, table)| with_part(&text, "table", name, table)));
}

/// What the program serves is a file, so that a diff shows what changed for callers.
#[test]
fn the_contract_is_made_of_the_routes_and_the_shapes() {
    let document = serde_json::to_string_pretty(&api::contract()).expect("JSON");
    check("src/http/openapi.json", |_| format!("{document}\n"));
}

#[test]
fn the_page_of_the_api_says_what_the_contract_says() {
    check("docs/api.md", |text| {
        let text = with_part(&text, "table", "endpoints", &api::endpoints());
        with_part(&text, "table", "shapes", &api::shapes())
    });
}

/// Every command that asks a node has a section with its help, as `-h` prints it.
#[test]
fn the_help_texts_of_the_page_of_commands_are_those_of_the_code() {
    check("docs/commands.md", |text| {
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
    });
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

/// From the contract that the server is tested against.
fn endpoints() -> String {
    let contract = api::contract();
    let paths = contract["paths"].as_object().expect("the contract has paths");
    let rows = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("a path has methods");
        methods.iter().map(move |(method, operation)| {
            let summary = operation["summary"].as_str().unwrap_or_else(|| panic!("{path} has no summary"));
            let codes: Vec<&str> =
                operation["responses"].as_object().expect("responses").keys().map(String::as_str).collect();
            vec![format!("`{} {path}`", method.to_uppercase()), summary.to_owned(), codes.join(", ")]
        })
    });
    table(&["Endpoint", "Answer", "Status"], rows)
}
