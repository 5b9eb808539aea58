//! The justfile: every recipe that a page, a comment or a message names exists, and each says what it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::{path, text};

/// Where no recipe is named, or nothing of ours is.
const NOT_READ: &[&str] = &["target", ".git", "Cargo.lock", "node_modules"];

/// Kinds of files in which recipes may be named.
const READ: &[&str] = &["md", "rs", "yml", "yaml", "toml", "json", "sh", "run", "justfile", "Dockerfile"];

/// Headings of `just --list`, in the reader's order.
const GROUPS: &[&str] = &["dev", "check", "image", "compose", "kind", "labs", "docs"];

struct Recipe {
    name: String,
    comment: bool,
    group: Option<String>,
    private: bool,
}

/// Recipes with the lines above them: a comment, then attributes, then the name at the start of a line.
fn recipes() -> Vec<Recipe> {
    let text = text("justfile");
    let (mut found, mut comment, mut group, mut private) = (Vec::new(), false, None, false);
    for line in text.lines() {
        if line.starts_with('#') {
            comment = true;
        } else if let Some(rest) = line.strip_prefix("[group('") {
            group = rest.split('\'').next().map(str::to_owned);
        } else if line.starts_with("[private") {
            private = true;
        } else if line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(':') && !line.contains(":=") {
            let name = line.split([' ', ':']).next().unwrap_or("").to_owned();
            found.push(Recipe { name, comment, group: group.take(), private });
            (comment, private) = (false, false);
        } else if line.is_empty() {
            comment = false;
        }
    }
    found
}

/// Every text file of the repository in which a recipe may be named.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if NOT_READ.contains(&name) {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else if READ.contains(&name.rsplit('.').next().unwrap_or(name)) {
            found.push(path);
        }
    }
}

/// Names after `just` in a text: in backticks, or where a line of an example begins with it.
fn named(text: &str, is_page: bool) -> Vec<String> {
    let ticked = text.split("`just ").skip(1);
    let begins = |line: &&str| is_page && line.starts_with("    ");
    let mut fenced = false;
    let typed = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        (is_page && fenced) || begins(line)
    });
    let typed = typed.filter_map(|line| line.trim().trim_start_matches("$ ").strip_prefix("just "));
    let name = |rest: &str| {
        rest.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect::<String>()
    };
    // `just --list` and `just NAME` name no recipe.
    ticked.chain(typed).map(name).filter(|name| !name.is_empty() && !name.starts_with('-')).collect()
}

#[test]
fn recipes_that_are_named_exist() {
    let known: BTreeSet<String> = recipes().into_iter().map(|recipe| recipe.name).collect();
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    files(&path(""), &mut all);
    for file in all {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let is_page = file.extension().is_some_and(|extension| extension == "md");
        let strangers = named(&text, is_page).into_iter().filter(|name| !known.contains(name));
        wrong.extend(strangers.map(|name| format!("{}: there is no recipe {name:?}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_found_in_pages_and_comments() {
    assert_eq!(named("see `just up` and `just --list`, just as well\n", true), ["up"]);
    assert_eq!(named("    $ just kill node-2\n\njust so\n```\njust down\n```\n", true), ["kill", "down"]);
    assert_eq!(named("    just a comment; `just image` is none\n", false), ["image"]);
}

#[test]
fn every_recipe_is_explained_and_has_a_place() {
    let mut last = 0;
    for recipe in recipes().into_iter().filter(|recipe| !recipe.private) {
        assert!(recipe.comment, "{} has no comment", recipe.name);
        let group = recipe.group.unwrap_or_else(|| panic!("{} is in no group", recipe.name));
        let place = GROUPS.iter().position(|known| *known == group);
        let place = place.unwrap_or_else(|| panic!("{}: there is no group {group:?}", recipe.name));
        assert!(place >= last, "{} of group {group} stands after those of {}", recipe.name, GROUPS[last]);
        last = place;
    }
    assert!(recipes().first().is_some_and(|first| first.name == "default"), "`just` alone lists the recipes");
    assert!(text("justfile").contains("\nset minimum-version := "), "an old just should say that it is too old");
}

/// The lines of a recipe.
fn body(name: &str) -> Vec<String> {
    let text = text("justfile");
    let heading = |line: &&str| line.starts_with(&format!("{name}:")) || line.starts_with(&format!("{name} "));
    let lines = text.lines().skip_while(|line| !heading(line)).skip(1);
    lines.take_while(|line| line.starts_with("    ")).map(|line| line.trim().to_owned()).collect()
}

/// Where just cannot be had, CI runs these commands of its own instead of the recipes.
#[test]
fn commands_without_just_are_those_of_the_recipes() {
    let script = text(".ci/run");
    let mut names = Vec::new();
    for line in script.lines().filter_map(|line| line.strip_prefix("plain_")) {
        let (name, commands) = line.split_once("() { ").expect("a function of one line");
        for command in commands.trim_end_matches("; }").split(" && ") {
            // What depends on an argument is compared up to it.
            let command = command.split("\"$").next().unwrap_or(command).trim_end();
            assert!(body(name).iter().any(|line| line.starts_with(command)), "`just {name}` does not run: {command}");
        }
        names.push(name);
    }
    assert_eq!(names, ["build", "test", "lint", "docs", "soak", "sick", "image"]);
    assert_eq!(body("test"), ["cargo test {{ filter }}"], "the command that the README gives");
}
