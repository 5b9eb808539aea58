//! Files of the bundle, read as text or as data.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// A path in the repository.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The text of a file of the repository.
pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All documents of a YAML text, anchors and merge keys resolved.
pub fn documents(name: &str, text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{name} is no YAML: {error}"))
}

/// The one document of a YAML file of the repository.
pub fn yaml(name: &str) -> Value {
    let mut all = documents(name, &text(name));
    assert_eq!(all.len(), 1, "{name} holds {} documents, not one", all.len());
    all.remove(0)
}

/// Runs a tool that is not ours over files of the repository. It is called `name`, or what the variable says;
/// where it is not installed, that is said.
pub fn tool(variable: &str, name: &str, arguments: &[&[&str]]) {
    let mut command = program(variable, name);
    command.args(arguments.iter().copied().flatten());
    let Ok(output) = command.output() else { return skipped(variable, name) };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}:\n{said}");
}

/// The tool, as the variable or else its name says, in the root of the repository.
pub fn program(variable: &str, name: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Says that a tool is not here.
///
/// # Panics
/// Where `HEARTBEAT_TEST_TOOLS_EXPECTED` says that it should be.
pub fn skipped(variable: &str, name: &str) {
    assert!(
        std::env::var_os("HEARTBEAT_TEST_TOOLS_EXPECTED").is_none(),
        "{name} cannot be run (set {variable} to its path)"
    );
    eprintln!("SKIPPED: {name} is not installed (set {variable} to its path)");
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "x-node: &node\n  image: a\n  user: '65532'\nnode-1:\n  <<: *node\n  image: b\n";
    let all = documents("here", text);
    assert_eq!(all[0]["node-1"], serde_json::json!({ "image": "b", "user": "65532" }));
}

#[test]
fn a_file_may_hold_several_documents() {
    let all = documents("here", "a: 1\n---\na: [true, x]\n");
    assert_eq!(all, [serde_json::json!({ "a": 1 }), serde_json::json!({ "a": [true, "x"] })]);
}
