//! What may be in the repository: sources and pictures, no tools and no results of a build.

use std::fs;
use std::process::Command;

use super::files::path;

/// A clone downloads every version of a file, also of deleted ones, so large files stay out. The largest source has a
/// third of this.
const BYTES_MAX: u64 = 500_000;

/// Written by cargo, as long as the dependencies are many.
const LOCK: &str = ".lock";

const PICTURES: &[&str] = &[".png", ".svg"];

/// The files that git tracks; none where this is not a checkout, as in an unpacked archive: nothing is tracked there.
fn tracked() -> Option<Vec<String>> {
    if !path(".git").exists() {
        return None;
    }
    // A checkout that belongs to another user is listed too; nothing in it is run.
    let listed = Command::new("git").args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(path("")).output();
    let listed = listed.expect("git is installed, since this is a git checkout");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("names of files are text");
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

#[test]
fn no_large_file_is_tracked() {
    let Some(names) = tracked() else {
        println!("not a git checkout: nothing is tracked here");
        return;
    };
    assert!(names.iter().any(|name| name == "Cargo.toml"), "git lists something else: {names:?}");
    let may_be_large = |name: &str| name.ends_with(LOCK) || PICTURES.iter().any(|ending| name.ends_with(ending));
    let size = |name: &str| fs::symlink_metadata(path(name)).map_or(0, |data| data.len());
    let large: Vec<String> = names
        .iter()
        .filter(|name| !may_be_large(name) && size(name) > BYTES_MAX)
        .map(|name| format!("{name}: {} bytes", size(name)))
        .collect();
    assert!(large.is_empty(), "tracked files of more than {BYTES_MAX} bytes; take them out with `git rm`: {large:#?}");
}
