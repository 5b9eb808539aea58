//! The process of a node, where it runs on this very machine: a test bed's pods do, those of a remote cluster do not.

use std::fs;
use std::process::Command;

/// The process of the node in the pod of this uid; the names of the pod's control groups contain the uid.
///
/// # Errors
/// When there is none on this machine, or several.
pub fn of_pod(uid: &str) -> Result<u32, String> {
    // One of the two drivers writes it so.
    let underscored = uid.replace('-', "_");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").map_err(|error| error.to_string())?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while it is looked at.
        let groups = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if !groups.contains(uid) && !groups.contains(&underscored) {
            continue;
        }
        // Neither the process that holds the pod's namespaces nor a command that asks the node from inside its container.
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if command.trim_end_matches('\0') == "/heartbeat" {
            found.push(number);
        }
    }
    match found[..] {
        [number] => Ok(number),
        [] => Err(format!("the process of the pod {uid} is not on this machine")),
        _ => Err(format!("the pod {uid} has the processes {found:?}")),
    }
}

/// Sends it a signal by name: `KILL`, `STOP`, `CONT`.
#[track_caller]
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().expect("kill");
    assert!(status.success(), "kill -{name} {process}: {status}");
}
