//! The pages that people read.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Pages of `docs/` and its folders, those of the book and of the labs, and those at the top, in the order of their paths.
pub fn all() -> Vec<PathBuf> {
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    let mut paths: Vec<PathBuf> = top.map(|name| root().join(name)).to_vec();
    for folder in ["docs", "book/src", "labs"] {
        collect(&root().join(folder), &mut paths);
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
}

/// Files that are no pages and whose comments may name one.
pub fn others() -> Vec<PathBuf> {
    let top = ["Cargo.toml", "Dockerfile", "docker-compose.yml", "justfile"];
    let mut paths: Vec<PathBuf> = top.map(|name| root().join(name)).to_vec();
    for folder in ["src", "k8s", "prometheus", "alertmanager", "grafana", "systemd", ".ci", ".github"] {
        collect(&root().join(folder), &mut paths);
    }
    paths
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}
