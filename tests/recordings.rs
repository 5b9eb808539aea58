//! What fixed situations look like from outside, recorded in files: the timelines, beliefs, mesh views and incidents of
//! simulated meshes, the API's answers and the commands' outputs.
//!
//! They are the net for changes that should change nothing. `HEARTBEAT_WRITE=1 cargo test --test recordings`, or
//! `just record`, records them anew; the commit says why they changed.
//!
//! Only what people and programs see is compared: sentences, text, JSON. Wall time, version and ports are masked. All
//! else depends on the scenario and its seed alone, so a loaded machine gives the same.

#![cfg(feature = "node")]

#[path = "recordings/api.rs"]
mod api;
#[path = "recordings/commands.rs"]
mod commands;
#[path = "recordings/scenarios.rs"]
mod scenarios;
#[path = "recordings/situations.rs"]
mod situations;
#[path = "recordings/stand_in.rs"]
mod stand_in;

use std::path::{Path, PathBuf};

use heartbeat::testing::telemetry::REVISION;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// Compares what was found with the file of that name, or writes the file when told to.
#[allow(clippy::disallowed_methods, reason = "a test's own setting, not the program's")]
fn compare(file: &str, found: &str) -> Result<(), String> {
    let path = folder().join(file);
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        let parent = path.parent().expect("a folder");
        std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
        std::fs::write(&path, found).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return Ok(());
    }
    let recorded = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    // A checkout may have changed the ends of lines.
    let recorded = recorded.replace("\r\n", "\n");
    if recorded == found {
        return Ok(());
    }
    let mut lines = recorded.lines().zip(found.lines()).zip(1..);
    let first = lines.find(|((before, now), _)| before != now);
    let shown = match first {
        Some(((before, now), line)) => format!("line {line}\n  recorded: {before}\n  now:      {now}"),
        None => format!("{} lines were recorded, now there are {}", recorded.lines().count(), found.lines().count()),
    };
    Err(format!("tests/recordings/{file}: {shown}"))
}

/// Fails with everything that differs, and says what to do.
#[track_caller]
fn all_as_recorded(results: impl IntoIterator<Item = Result<(), String>>) {
    let differing: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(
        differing.is_empty(),
        "not as recorded. If the change is wanted, `HEARTBEAT_WRITE=1 cargo test --test recordings` records it anew; \
         say in the commit why it changed.\n{}",
        differing.join("\n")
    );
}

/// The text with its times of day, and the version that is being built, replaced by fixed ones.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((length, fixed)) = time_at_start(rest) {
            out.push_str(fixed);
            rest = &rest[length..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out.replace(env!("CARGO_PKG_VERSION"), "0.0.0").replace(REVISION, "unknown")
}

/// The length of a time at the start of the text, and what is written in its place.
fn time_at_start(text: &str) -> Option<(usize, &'static str)> {
    let is_like = |form: &str| {
        let mut bytes = text.bytes();
        form.bytes().all(|wanted| {
            bytes.next().is_some_and(|byte| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted })
        })
    };
    let forms = [
        ("0000-00-00T00:00:00.000Z", "2026-01-01T00:00:00.000Z"),
        ("0000-00-00T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("0000-00-00 00:00:00", "2026-01-01 00:00:00"),
        ("00:00:00.000Z", "00:00:00.000Z"),
        ("00:00:00Z", "00:00:00Z"),
    ];
    forms.into_iter().find(|(form, _)| is_like(form)).map(|(form, fixed)| (form.len(), fixed))
}
