//! What the default build is made of: no C, no source but the public registry,
//! no licence that `deny.toml` does not name.
//!
//! `cargo deny` holds the same and more, where it is installed; this needs
//! nothing but cargo, so it holds everywhere.

#![cfg(feature = "node")]
// Asking cargo and reading its configuration is what these tests do.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::path::Path;
use std::process::Command;

/// Every package of the default build, a line each, in cargo's format language.
fn packages(edges: &str, format: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--prefix=none"])
        .args([format!("--edges={edges}"), format!("--format={format}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).expect("cargo writes text");
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect();
    lines.sort_unstable();
    lines.dedup();
    assert!(lines.len() > 50, "cargo's answer is not a tree: {text}");
    lines
}

fn none(what: &str, found: &[&String]) {
    assert!(found.is_empty(), "{what}: {found:#?}");
}

#[test]
fn nothing_in_the_default_build_is_c() {
    // Builders of C, and the libraries that are C under a Rust name.
    let compilers = ["cc", "cmake", "bindgen", "pkg-config", "vcpkg", "nasm-rs"];
    let libraries = ["ring", "aws-lc-rs", "openssl", "native-tls", "jemallocator", "tikv-jemallocator", "mimalloc"];
    // Declarations of a system's own interface; nothing is compiled.
    let declarations = ["windows-sys", "linux-raw-sys", "js-sys", "web-sys"];
    let is_c = |line: &&String| {
        let name = line.split(' ').next().unwrap_or_default();
        let is_binding = name.ends_with("-sys") && !declarations.contains(&name);
        compilers.contains(&name) || libraries.contains(&name) || is_binding
    };
    let packages = packages("normal,build", "{p}");
    none("C code, or a compiler for it, in the default build", &packages.iter().filter(is_c).collect::<Vec<_>>());
}

#[test]
fn everything_comes_from_the_registry() {
    // A package of the registry is `name version`; any other names its place in brackets.
    let own = concat!(env!("CARGO_PKG_NAME"), " ");
    let packages = packages("normal,build,dev", "{p}");
    let elsewhere = |line: &&String| !line.starts_with(own) && line.replace(" (proc-macro)", "").contains('(');
    none("packages from elsewhere", &packages.iter().filter(elsewhere).collect::<Vec<_>>());
}

#[test]
fn every_licence_is_one_that_was_decided_on() {
    let configuration = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml"));
    let configuration = configuration.expect("deny.toml");
    let list = configuration.lines().find_map(|line| line.strip_prefix("allow = ")).expect("deny.toml allows licences");
    let allowed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let packages = packages("normal,build,dev", "{l} | {p}");
    let refused = |line: &&String| {
        let licence = line.split(" | ").next().unwrap_or_default();
        !permits(licence, &allowed)
    };
    none("licences that deny.toml does not allow", &packages.iter().filter(refused).collect::<Vec<_>>());
}

/// Whether all that an SPDX expression demands is allowed. A slash is the old way of writing OR; brackets do not nest
/// in anything we depend on, and one that did would be refused here, not passed.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let modern = expression.replace(" / ", " OR ").replace('/', " OR ");
    modern.split(" AND ").all(|demanded| {
        let demanded = demanded.trim_start_matches('(').trim_end_matches(')');
        demanded.split(" OR ").any(|licence| allowed.contains(&licence))
    })
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("Apache-2.0 / GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Zlib", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
    ] {
        assert_eq!(permits(expression, &["MIT", "Zlib"]), expected, "{expression}");
    }
}
