//! The shape of the code, held by reading it: which half may know what, which
//! file may import which, who owns which effect, how long files and functions
//! may be. Clippy's lists
//! (`clippy.toml`) hold the same owners where a path is enough; this test holds
//! what clippy cannot see.

// Reading files is what this test does.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Words that only some files may use.
struct Owner {
    effect: &'static str,
    words: &'static [&'static str],
    /// Files, or folders with a slash at the end.
    owners: &'static [&'static str],
}

const OWNERS: &[Owner] = &[
    Owner {
        effect: "leaving out a rule of the detector",
        words: &["Omission", "leave_out"],
        // The commands play it; what runs a node has no way there.
        owners: &["src/detector/", "src/sim/", "src/cli/simulate.rs", "src/cli/evaluate.rs"],
    },
    Owner {
        effect: "requests to nodes (reqwest, hyper's client)",
        words: &["reqwest::", "use reqwest", "hyper::client", "TcpStream::connect"],
        owners: &["src/client/"],
    },
    Owner {
        effect: "the steady clock",
        words: &["Instant::now"],
        // stream: for how long what comes has been counted.
        owners: &["src/runtime/clock.rs", "src/client/stream.rs"],
    },
    Owner {
        effect: "wall time, which is only ever shown",
        words: &["SystemTime::now"],
        owners: &["src/telemetry/", "src/http/state.rs"],
    },
    Owner {
        effect: "the environment",
        words: &["std::env", "env::var", "env::args", "env::current"],
        // main: the arguments; logs: NO_COLOR.
        owners: &["src/config/environment.rs", "src/main.rs", "src/telemetry/logs.rs"],
    },
    Owner {
        effect: "ending the process",
        words: &["process::exit", "process::abort"],
        // No file: main returns its exit code.
        owners: &[],
    },
    Owner {
        effect: "what differs between systems",
        words: &[
            "cfg(unix",
            "cfg(windows",
            "cfg(target_os",
            "cfg(not(",
            "cfg(any(",
            "cfg!(unix",
            "cfg!(windows",
            "cfg!(not(",
            "std::os::",
        ],
        owners: &[
            "src/runtime/alarm.rs",       // the timer of the kernel
            "src/runtime/signals.rs",     // how a process is asked to stop
            "src/runtime/descriptors.rs", // their limit
            "src/runtime/start_pages.rs", // giving memory back
            "src/secret_file.rs",         // who may read a file, and opening without waiting
            "src/tls/mod.rs",             // processors that there is TLS for
            "src/runtime/listen.rs",      // address reuse means something else on Windows
            "src/telemetry/process.rs",   // process_* metrics are read from /proc
            "src/cli/platform.rs",        // process groups, and what to type to end one
        ],
    },
    Owner { effect: "a queue without a bound", words: &["unbounded_channel"], owners: &[] },
    Owner { effect: "unsafe code", words: &["unsafe {", "unsafe impl"], owners: &["src/runtime/start_pages.rs"] },
    Owner { effect: "raw sockets", words: &["socket2::"], owners: &["src/runtime/listen.rs"] },
    Owner { effect: "random numbers of the machine", words: &["getrandom::"], owners: &["src/app/", "src/mesh_key/"] },
    Owner {
        effect: "standard output and error",
        words: &["println!", "print!(", "eprint!", "dbg!", "io::stdout()", "io::stderr()"],
        // app: the last word when the log may not get another line out.
        owners: &["src/cli/", "src/telemetry/logs.rs", "src/app/"],
    },
    Owner {
        effect: "errors without a type (anyhow)",
        words: &["anyhow::", "use anyhow"],
        owners: &["src/app/", "src/main.rs", "src/cli/run.rs"],
    },
];

/// The modules that decide and describe, and perform nothing.
const PURE: &[&str] = &["baselines", "closed_set", "detector", "mesh", "render", "sim"];

/// What the pure half must not know.
const IMPURE: &[&str] = &[
    "std::net",
    "std::thread",
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "time::Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "println!",
    "print!(",
    "eprint",
    "dbg!(",
    "async ",
    ".await",
    "tokio",
    "hyper",
    "axum",
    "reqwest",
    "serde",
    "tracing",
    "metrics::",
    "getrandom",
    "clap",
    "anyhow",
    "futures",
];

/// Modules without which none of the others has words; any may use them.
const BASE: &[&str] = &["closed_set"];

/// Which modules of this package a module may use, besides itself and [`BASE`].
const LAYERS: &[(&str, &[&str])] = &[
    ("closed_set", &[]),
    ("baselines", &[]),
    ("detector", &[]),
    ("mesh", &["detector"]),
    ("render", &["detector", "mesh"]),
    ("sim", &["baselines", "detector", "mesh", "render"]),
    ("plain_http", &[]),
    ("secret_file", &[]),
    ("mesh_key", &["secret_file"]),
    ("tls", &["secret_file"]),
    ("config", &["detector", "mesh_key", "secret_file", "tls"]),
    ("api", &["detector", "mesh", "render", "config"]),
    ("client", &["detector", "mesh", "mesh_key", "plain_http", "tls", "api", "config"]),
    ("telemetry", &["detector", "mesh", "render", "mesh_key", "config", "api"]),
    ("runtime", &["detector", "api", "client", "config"]),
    ("mesh_service", &["detector", "mesh", "render", "api", "client", "telemetry", "runtime"]),
    (
        "http",
        &[
            "detector",
            "mesh",
            "render",
            "mesh_key",
            "plain_http",
            "tls",
            "api",
            "config",
            "telemetry",
            "runtime",
            "mesh_service",
        ],
    ),
    (
        "cli",
        &[
            "baselines",
            "detector",
            "mesh",
            "render",
            "mesh_key",
            "tls",
            "api",
            "sim",
            "config",
            "client",
            "runtime",
            "app",
        ],
    ),
    (
        "app",
        &[
            "detector",
            "mesh",
            "render",
            "mesh_key",
            "tls",
            "api",
            "config",
            "client",
            "telemetry",
            "runtime",
            "mesh_service",
            "http",
        ],
    ),
];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;

/// A source file, without its tests and with its comments blanked.
struct Source {
    /// From the root of the package, with forward slashes.
    path: String,
    lines: Vec<String>,
}

impl Source {
    fn module(&self) -> &str {
        let rest = self.path.trim_start_matches("src/");
        rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs")
    }

    fn is_in(&self, owners: &[&str]) -> bool {
        owners.iter().any(|owner| if owner.ends_with('/') { self.path.starts_with(owner) } else { self.path == *owner })
    }

    /// Each line that has one of the words, as `path:line: word`.
    fn uses(&self, words: &[&str]) -> Vec<String> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter_map(|(number, line)| {
                let word = words.iter().find(|word| has_word(line, word))?;
                Some(format!("{}:{}: {word}", self.path, number + 1))
            })
            .collect()
    }
}

/// Whether the line has the word and not merely a longer one that ends like it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_') || !word.starts_with(char::is_alphanumeric)
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    assert!(files.len() > 20, "the sources are not where this test looks for them");
    files.iter().filter(|file| !is_test_file(file)).map(|file| read(file)).collect()
}

fn is_test_file(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem == "tests" || stem.ends_with("_tests") || file.components().any(|part| part.as_os_str() == "tests")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> Source {
    let text = fs::read_to_string(file).expect("a source file");
    let path = file.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
    let until_tests = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let lines = until_tests.map(|line| line.split("//").next().unwrap_or_default().to_owned()).collect();
    Source { path, lines }
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn every_effect_has_one_owner() {
    let sources = sources();
    let mut found = Vec::new();
    for owner in OWNERS {
        for path in owner.owners {
            assert!(root().join(path).exists(), "{path} is to own {}, and there is no such file", owner.effect);
        }
        let strangers = sources.iter().filter(|source| !source.is_in(owner.owners));
        let uses = strangers.flat_map(|source| source.uses(owner.words));
        found.extend(uses.map(|at| format!("{at}: {}, owned by {:?}", owner.effect, owner.owners)));
    }
    none("an effect has one owner", &found);
}

#[test]
fn the_pure_half_performs_nothing() {
    let pure = sources().into_iter().filter(|source| PURE.contains(&source.module()));
    let found: Vec<String> = pure.flat_map(|source| source.uses(IMPURE)).collect();
    none("the pure half takes time and chance as arguments and performs nothing", &found);
}

#[test]
fn modules_use_only_those_below_them() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !matches!(source.module(), "lib" | "main" | "testing")) {
        let module = source.module();
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            found.push(format!("{}: {module} has no place in LAYERS", source.path));
            continue;
        };
        for (number, line) in source.lines.iter().enumerate() {
            for (at, _) in line.match_indices("crate::") {
                let used: String = line[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_module = LAYERS.iter().any(|(name, _)| *name == used);
                if is_module && used != module && !BASE.contains(&used.as_str()) && !below.contains(&used.as_str()) {
                    found.push(format!("{}:{}: {module} uses {used}", source.path, number + 1));
                }
            }
        }
    }
    none("a module uses only those below it", &found);
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let imports: Vec<Import> = imports(&sources()).into_iter().collect();
    none("files that import each other, directly or around a circle", &circles(&imports));
}

/// A file, and one that it imports. A module that is only declared (`mod x;`) is not imported by that.
type Import = (String, String);

fn imports(sources: &[Source]) -> Vec<Import> {
    let modules: BTreeMap<Vec<String>, &str> =
        sources.iter().map(|source| (module_path(&source.path), source.path.as_str())).collect();
    let mut imports = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path != "src/main.rs") {
        let here = module_path(&source.path);
        for path in paths(&source.lines.join("\n")) {
            let Some(target) = absolute(&path, &here, &modules) else { continue };
            // The longest part of a path that is a file; the rest is an item in it.
            let file = (0..=target.len()).rev().find_map(|end| modules.get(&target[..end]));
            imports.extend(
                file.filter(|file| **file != source.path).map(|file| (source.path.clone(), (*file).to_owned())),
            );
        }
    }
    imports.into_iter().collect()
}

/// The path of the module that a file is, below `crate`.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> =
        file.trim_start_matches("src/").trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    path.pop_if(|last| matches!(last.as_str(), "mod" | "lib"));
    path
}

/// Where a path leads that starts with `crate`, `super`, `self` or a child of this module; nothing for other crates.
fn absolute(path: &[String], here: &[String], modules: &BTreeMap<Vec<String>, &str>) -> Option<Vec<String>> {
    let mut from = here.to_vec();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => from.clear(),
        "self" | "super" => {}
        child => {
            from.push(child.to_owned());
            if !modules.contains_key(&from) {
                return None;
            }
            from.pop();
        }
    }
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => drop(from.pop()),
            _ => break,
        }
        rest = after;
    }
    from.extend_from_slice(rest);
    Some(from)
}

/// Every `a::b` in the text, with the braces of imports resolved: `a::{b, c::d}` is `a::b` and `a::c::d`. The path in
/// `pub(in a::b)` only says who may look.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let words = words(text);
    let mut at = 0;
    while at < words.len() {
        let is_visibility = at >= 2 && words[at - 1] == "in" && words[at - 2] == "(";
        if !is_visibility && is_name(&words[at]) && words.get(at + 1).is_some_and(|word| word == "::") {
            at = branches(&words, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path from `at`, and what is in its braces; gives where it ends.
fn branches(words: &[String], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(word) = words.get(at) {
        if word == "{" {
            at += 1;
            while words.get(at).is_some_and(|word| word != "}") {
                at = if words[at] == "," { at + 1 } else { branches(words, at, &path, found).max(at + 1) };
            }
            return at + 1;
        }
        if is_name(word) {
            path.push(word.clone());
            at += 1;
        }
        if words.get(at).is_none_or(|word| word != "::") {
            break;
        }
        at += 1;
    }
    found.push(path);
    at
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and every other character by itself.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_name = false;
    for c in text.chars() {
        let is_part = c.is_alphanumeric() || c == '_';
        match words.last_mut() {
            Some(last) if is_part && in_name => last.push(c),
            Some(last) if c == ':' && last == ":" => last.push(c),
            _ if c.is_whitespace() => {}
            _ => words.push(c.to_string()),
        }
        in_name = is_part;
    }
    words
}

/// Files that reach each other, one line for each group with the imports in it.
fn circles(imports: &[Import]) -> Vec<String> {
    let within = imports.iter().filter(|(from, to)| reaches(imports, to, from));
    let mut circles: Vec<(String, Vec<&Import>)> = Vec::new();
    for import in within {
        match circles
            .iter_mut()
            .find(|(file, _)| reaches(imports, file, &import.0) && reaches(imports, &import.0, file))
        {
            Some((_, members)) => members.push(import),
            None => circles.push((import.0.clone(), vec![import])),
        }
    }
    let lines = circles.iter().map(|(_, members)| {
        let arrows: Vec<String> = members.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
        arrows.join("\n    ")
    });
    lines.collect()
}

fn reaches(imports: &[Import], from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        if file == to {
            return true;
        }
        let next = imports.iter().filter(|(from, _)| from == file).map(|(_, to)| to.as_str());
        open.extend(next.filter(|file| seen.insert(file)));
    }
    false
}

#[test]
fn imports_are_read_in_every_form() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), lines: vec![text.to_owned()] };
    let sources = [
        source("src/lib.rs", "pub mod a;"),
        source("src/a/mod.rs", "mod b; mod c; pub use b::{B, b}; fn f(x: self::c::C) {}"),
        source("src/a/b.rs", "use super::{c::{self, C}, A}; use std::fmt;"),
        source("src/a/c.rs", "pub(in crate::a) fn f(x: &crate::d::D) -> b::B { super::super::d::g() }"),
        source("src/d.rs", "use crate::a::b as other;"),
    ];
    let found = imports(&sources);
    let found: Vec<String> = found.iter().map(|(from, to)| format!("{from} {to}").replace("src/", "")).collect();
    let wanted =
        ["a/b.rs a/c.rs", "a/b.rs a/mod.rs", "a/c.rs d.rs", "a/mod.rs a/b.rs", "a/mod.rs a/c.rs", "d.rs a/b.rs"];
    assert_eq!(found, wanted);

    let import = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(circles(&[import("a", "b"), import("b", "c")]), Vec::<String>::new());
    let found = circles(&[import("a", "b"), import("b", "c"), import("c", "b"), import("d", "d2"), import("d2", "d")]);
    assert_eq!(found, ["b -> c\n    c -> b", "d -> d2\n    d2 -> d"]);
}

#[test]
fn files_and_functions_fit_on_a_few_screens() {
    let mut found = Vec::new();
    for source in sources() {
        if source.lines.len() > FILE_LINES_MAX {
            found.push(format!(
                "{}: {} lines before its tests, {FILE_LINES_MAX} allowed",
                source.path,
                source.lines.len()
            ));
        }
        for (name, at, length) in functions(&source.lines) {
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{at}: {name} has {length} lines, {FUNCTION_LINES_MAX} allowed", source.path));
            }
        }
    }
    none("too long to be read in one go", &found);
}

/// Name, line and length of each function. Formatted code ends a function with a brace at the indentation of its start.
fn functions(lines: &[String]) -> Vec<(String, usize, usize)> {
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let one_liner = line.trim_end().ends_with(['}', ';']);
        let length = lines[start..].iter().position(|line| *line == end).filter(|_| !one_liner).unwrap_or(0) + 1;
        functions.push((name, start + 1, length));
    }
    functions
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let before_name = ["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe", "extern"];
    let word = words.by_ref().find(|word| !before_name.contains(word))?;
    if word != "fn" {
        return None;
    }
    Some(words.next()?.split(['(', '<']).next()?.to_owned())
}

#[test]
fn the_scanner_sees_what_it_should() {
    let lines: Vec<String> = [
        "impl A {",
        "    pub async fn a(&self) {",
        "        b();",
        "    }",
        "    fn c(&self) {}",
        "}",
        "fn d<T>(",
        ") {",
        "}",
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(functions(&lines), [("a".into(), 2, 3), ("c".into(), 5, 1), ("d".into(), 7, 3)]);
    assert!(has_word("let a = Instant::now();", "Instant::now"));
    assert!(!has_word("my_println!(a)", "println!"));
}
