//! The committed corpus of `fuzz/`, run without a fuzzer: what it once found, and one good and one bad input of each kind.

#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, reason = "reading the corpus is what this test does")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use heartbeat::testing::fuzz::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_target_reads_its_corpus() {
    for (target, read) in TARGETS {
        let folder = fuzz().join("corpus").join(target);
        let inputs = names(&folder);
        assert!(inputs.len() >= 2, "{}: {inputs:?}", folder.display());
        for input in inputs {
            println!("{target}/{input}");
            read(&fs::read(folder.join(&input)).expect("an input"));
        }
    }
}

#[test]
fn every_target_is_a_program_and_has_a_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz().join("corpus")), targets);
    let programs = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), programs);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    for target in targets {
        assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target} is missing in fuzz/Cargo.toml");
        let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{target}.rs"))).expect("a program");
        assert!(program.contains(&format!("heartbeat::testing::fuzz::{target}(bytes)")), "{target} runs another");
    }
}
