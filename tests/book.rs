//! The book shows what its commands print, and each of its figures comes from a command beside it.
//!
//! In a block of the language `console`, a line that starts with `$ ` is a command, lines that start with `> ` continue
//! it, and the rest is what it printed. The commands of one page run in one empty folder with `heartbeat` on the path.
//! `HEARTBEAT_WRITE=1 cargo test --test book` (`just book-figures`) writes the printed lines and the figures anew.
#![cfg(all(feature = "node", unix))]
// Pages and processes are what these tests are about.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A picture in the repository for good: what is larger belongs to a scenario with fewer nodes or less time.
const FIGURE_BYTES_MAX: usize = 200_000;
/// One question a chapter: what needs more words has two. Code and output do not count.
const CHAPTER_WORDS: std::ops::RangeInclusive<usize> = 400..=900;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src")
}

/// The names of the pages without their end, in order.
fn pages() -> Vec<String> {
    let names = fs::read_dir(folder()).expect("the folder of the book").map(|entry| entry.expect("an entry").path());
    let pages = names.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let stems: BTreeSet<String> = pages.map(|page| page.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    stems.into_iter().collect()
}

fn read(page: &str) -> String {
    fs::read_to_string(folder().join(format!("{page}.md"))).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn is_chapter(page: &str) -> bool {
    page.starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn every_command_prints_what_the_book_shows() {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = pages().into_iter().map(|page| scope.spawn(move || run_page(&page))).collect();
        running.into_iter().flat_map(|page| page.join().expect("the page was run")).collect()
    });
    assert!(faults.is_empty(), "{}\n`just book-figures` writes outputs and figures anew", faults.join("\n\n"));
}

fn run_page(page: &str) -> Vec<String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book").join(page);
    if place.exists() {
        fs::remove_dir_all(&place).expect("removing what the last run left");
    }
    fs::create_dir_all(&place).expect("a folder for the page");
    let written = read(page);
    let (fresh, mut faults) = run_blocks(page, &written, &place);
    let rewrite = std::env::var_os("HEARTBEAT_WRITE").is_some();
    if fresh != written {
        if rewrite {
            fs::write(folder().join(format!("{page}.md")), &fresh).expect("writing the page");
        } else {
            let pairs = written.lines().zip(fresh.lines());
            let (old, new) = pairs.clone().find(|(old, new)| old != new).unwrap_or(("", "more or fewer lines"));
            faults.push(format!("{page}: shows {old:?}\nbut a run prints {new:?}"));
        }
    }
    for figure in figures(&written) {
        let kept = folder().join("figures").join(&figure);
        let Ok(made) = fs::read(place.join(&figure)) else {
            faults.push(format!("{page}: no command of this page makes {figure}"));
            continue;
        };
        if made.len() > FIGURE_BYTES_MAX {
            faults.push(format!("{page}: {figure} has {} bytes, at most {FIGURE_BYTES_MAX}", made.len()));
        } else if rewrite {
            fs::write(&kept, &made).expect("writing a figure");
        } else if fs::read(&kept).ok().as_ref() != Some(&made) {
            faults.push(format!("{page}: {figure} is not what its command makes"));
        }
    }
    faults
}

/// The page with every command's output as it is now, and the commands that failed.
fn run_blocks(page: &str, text: &str, place: &Path) -> (String, Vec<String>) {
    let (mut fresh, mut faults) = (String::new(), Vec::new());
    let mut printed = run(&commands(text), place).into_iter();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        fresh += &format!("{line}\n");
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next_if(|line| *line != "```") {
            if is_command(line) {
                fresh += &format!("{line}\n");
                let is_last_line = !lines.peek().is_some_and(|next| continues(next));
                let Some((output, succeeded)) = is_last_line.then(|| printed.next()).flatten() else { continue };
                if !succeeded {
                    faults.push(format!("{page}: failed at {line:?}\n{output}"));
                }
                fresh.extend(output.lines().map(|line| format!("{}\n", line.trim_end())));
            }
        }
    }
    (fresh, faults)
}

fn is_command(line: &str) -> bool {
    line.starts_with("$ ") || continues(line)
}

fn continues(line: &str) -> bool {
    line.starts_with("> ") || line == ">"
}

/// The commands in the blocks of a page, in order.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("\n```console\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let mut commands = Vec::new();
    for line in blocks.flat_map(str::lines) {
        if let Some(first) = line.strip_prefix("$ ") {
            commands.push(format!("{first}\n"));
        } else if let Some(last) = commands.last_mut().filter(|_| continues(line)) {
            *last += &format!("{}\n", line.strip_prefix("> ").unwrap_or_default());
        }
    }
    commands
}

/// What each command prints, faults included, and whether it succeeded: all in one shell, as a reader types them.
fn run(commands: &[String], place: &Path) -> Vec<(String, bool)> {
    let outputs = place.with_extension("out");
    fs::create_dir_all(&outputs).expect("a folder for what is printed");
    let mut script = "set -o pipefail\n".to_owned();
    for (number, command) in commands.iter().enumerate() {
        let file = outputs.join(number.to_string());
        script += &format!("exec >'{0}' 2>&1\n{command}echo $? >'{0}.status'\n", file.display());
    }
    let heartbeat = Path::new(env!("CARGO_BIN_EXE_heartbeat")).parent().expect("a folder");
    let path = format!("{}:{}", heartbeat.display(), std::env::var("PATH").expect("a path"));
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(place).env("PATH", path).env("LC_ALL", "C");
    bash.status().expect("bash runs");
    let printed = |number: usize| {
        let read = |name: String| fs::read_to_string(outputs.join(name)).unwrap_or_default();
        (read(number.to_string()), read(format!("{number}.status")).trim() == "0")
    };
    let printed = (0..commands.len()).map(printed).collect();
    fs::remove_dir_all(&outputs).expect("removing what was printed");
    printed
}

/// The names of the pictures that a page shows.
fn figures(text: &str) -> Vec<String> {
    let links = text.split("](figures/").skip(1).filter_map(|rest| rest.split(')').next());
    links.map(str::to_owned).collect()
}

#[test]
fn every_figure_is_shown() {
    let shown: BTreeSet<String> = pages().iter().flat_map(|page| figures(&read(page))).collect();
    let kept = fs::read_dir(folder().join("figures")).expect("figures");
    for name in kept.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()) {
        assert!(shown.contains(&name), "no page shows figures/{name}");
    }
}

#[test]
fn the_summary_lists_every_page() {
    let summary = read("SUMMARY");
    for page in pages().iter().filter(|page| *page != "SUMMARY") {
        assert!(summary.contains(&format!("]({page}.md)")), "SUMMARY.md does not list {page}.md");
    }
}

#[test]
fn every_chapter_has_its_parts() {
    let chapters: Vec<String> = pages().into_iter().filter(|page| is_chapter(page)).collect();
    assert!(!chapters.is_empty());
    for chapter in chapters {
        let text = read(&chapter);
        for part in [
            "\n## Experiment\n",
            "\n## Exercise\n",
            "<summary>Solution</summary>",
            "\n## In the code\n",
            "\n## Paper\n",
            "\n**Question.** ",
            "](playground/index.html#preset=",
            "](../../",
            "](figures/",
            "heartbeat simulate ",
        ] {
            assert!(text.contains(part), "{chapter} has no {part:?}");
        }
        let (_, solution) = text.split_once("<summary>Solution</summary>").unwrap_or_default();
        let (solution, _) = solution.split_once("</details>").unwrap_or_default();
        assert!(solution.contains("```console\n$ "), "{chapter}: nothing runs the solution");
        let prose: String = text.split("```").step_by(2).collect();
        let words = prose.split_whitespace().count();
        assert!(CHAPTER_WORDS.contains(&words), "{chapter} has {words} words, wanted {CHAPTER_WORDS:?}");
    }
}
