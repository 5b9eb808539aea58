//! The machine, the commit, and what the kernel knows about a process. Linux only: elsewhere the figures are zero.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::support::proc_status;

/// Where and of what the figures are.
pub fn description() -> String {
    let host = read("/proc/sys/kernel/hostname");
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Machine `{}`: {}, {cores} cores, Linux {}. Commit {}, {}.",
        host.trim(),
        model.trim_start_matches([' ', '\t', ':']),
        read("/proc/sys/kernel/osrelease").trim(),
        commit(),
        build(),
    )
}

/// Whether this is what ships: linked statically, with the settings that the image has for the allocator. The memory of a
/// node depends on both.
fn build() -> &'static str {
    let mut settings = include_str!("../../Dockerfile").split_whitespace().filter(|word| word.starts_with("MALLOC_"));
    let is_set = |setting: &str| {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        std::env::var(name).is_ok_and(|set| set == value)
    };
    if cfg!(target_feature = "crt-static") && settings.all(is_set) {
        "built and run as in the image"
    } else {
        "NOT built and run as in the image, which `just bench` does"
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--", "src", "Cargo.toml", "Cargo.lock"]);
    let mark = if changed.is_some_and(|files| !files.is_empty()) { ", with local changes" } else { "" };
    git(&["rev-parse", "--short=12", "HEAD"]).map_or_else(|| "unknown".to_owned(), |commit| format!("`{commit}`{mark}"))
}

/// Whether the processor has instructions for SHA-256.
pub fn has_sha() -> bool {
    let cpu = read("/proc/cpuinfo");
    cpu.split_whitespace().any(|flag| flag == "sha_ni" || flag == "sha2")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    at: Instant,
    cpu: Duration,
    switches: u64,
}

/// What a process used in a span of time.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub span: Duration,
    pub cpu: Duration,
    /// Times it went to sleep of its own accord: one for each wake-up.
    pub wake_ups: u64,
}

impl Used {
    /// Milliseconds of processor time each second.
    pub fn cpu_ms_per_second(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.span.as_secs_f64()
    }

    pub fn wake_ups_per_second(&self) -> f64 {
        self.wake_ups as f64 / self.span.as_secs_f64()
    }
}

impl Usage {
    /// Processor time to the nanosecond, which `/proc/PID/stat` has only in hundredths of a second.
    pub fn of(process: u32) -> Usage {
        let (mut nanos, mut switches) = (0, 0);
        for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let path = thread.path();
            let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
            switches += field(&fs::read_to_string(path.join("status")).unwrap_or_default(), "voluntary_ctxt_switches");
        }
        Usage { at: Instant::now(), cpu: Duration::from_nanos(nanos), switches }
    }

    pub fn since(&self, earlier: &Usage) -> Used {
        Used {
            span: self.at - earlier.at,
            cpu: self.cpu.saturating_sub(earlier.cpu),
            wake_ups: self.switches.saturating_sub(earlier.switches),
        }
    }
}

/// What a process uses while `span` passes.
pub fn watch(process: u32, span: Duration) -> Used {
    let before = Usage::of(process);
    std::thread::sleep(span);
    Usage::of(process).since(&before)
}

/// Resident memory of a process in MiB.
pub fn resident_mib(process: u32) -> f64 {
    proc_status::bytes(&process.to_string(), "VmRSS").unwrap_or_default() / f64::from(1 << 20)
}

/// The number after `name:` in a `/proc/PID/status`.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|word| word.parse().ok()).unwrap_or_default()
}
