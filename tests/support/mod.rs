//! What the suites with real processes share.
//!
//! A *case* starts real `heartbeat` processes, does something to them (a
//! signal, a cut link, a peer that talks nonsense) and waits for what the nodes
//! must say, each wait with a generous deadline: a case fails when something
//! does not happen or must not happen, never because the machine was slow.
//! The times that were measured are printed beside what is expected of them.
//!
//! Cases spend nearly all their time waiting, so [`suite`] runs many of them at
//! once on few cores; the built-in test harness would run one for each core
//! and hide what a passing case printed. Everything here is blocking `std`
//! code: a second asynchronous runtime would be one more thing to doubt when a
//! timing looks odd.

// Each suite uses its own part of this module, and the helpers are where effects live in tests.
#![allow(dead_code, unused_imports, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod cluster;
pub mod compose;
pub mod dashboard;
pub mod door;
pub mod fake;
pub mod http;
pub mod log;
pub mod metrics;
pub mod names;
pub mod network;
pub mod node;
pub mod ports;
pub mod proc_status;
pub mod suite;

use std::time::{Duration, Instant};

pub use cluster::{Cluster, Plan};
pub use log::Line;
pub use network::Network;
pub(crate) use suite::case;
pub use suite::{Case, Need, Report};

/// Anything that only has to happen at some time: far above what a loaded machine needs.
pub const SOON: Duration = Duration::from_secs(40);

/// Between two looks at something that cannot be waited for: at first, and when it takes long. Many cases look at once.
const POLL: Duration = Duration::from_millis(25);
const POLL_LATER: Duration = Duration::from_millis(150);
const LATER: Duration = Duration::from_secs(2);

/// Looks again and again until `look` succeeds, and panics with its last complaint when `limit` is over.
#[track_caller]
pub fn check<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(complaint) if started.elapsed() > limit => panic!("{what}: not within {limit:?}: {complaint}"),
            Err(_) => std::thread::sleep(if started.elapsed() < LATER { POLL } else { POLL_LATER }),
        }
    }
}

/// Lets time pass: how long a process stays frozen or a link stays cut is the case itself, not a wait for something.
pub fn hold(span: Duration) {
    std::thread::sleep(span);
}

pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A new mesh key, as `heartbeat keygen` prints it.
pub fn keygen() -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_heartbeat")).arg("keygen").output().expect("it runs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
