//! What Linux reports about this process: the customary `process_*` metrics.
//!
//! Read from `/proc` in forty lines. The crates that do this bring bindings
//! for systems on which they have not been tried here; elsewhere the metrics are
//! simply absent, as the documentation says.

use super::catalogue;

/// Processor time in `/proc` counts in hundredths of a second on every Linux
/// architecture in use: the kernel scales to it whatever its own tick is.
const TICKS_A_SECOND: f64 = 100.0;

/// Name and value of each metric that could be read. Never fails: what cannot be read is left out.
#[cfg(target_os = "linux")]
pub(super) fn read() -> Vec<(&'static str, f64)> {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    // The directory that is being listed is one descriptor more than there will be.
    let open_fds = std::fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as f64);
    let mut found =
        parse(&file("/proc/self/stat"), &file("/proc/self/status"), &file("/proc/stat"), &file("/proc/self/limits"));
    found.extend(open_fds.map(|fds| (catalogue::PROCESS_OPEN_FDS, fds)));
    found
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn read() -> Vec<(&'static str, f64)> {
    Vec::new()
}

/// The texts of `/proc/self/stat`, `/proc/self/status`, `/proc/stat` and `/proc/self/limits` as metrics.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn parse(stat: &str, status: &str, system: &str, limits: &str) -> Vec<(&'static str, f64)> {
    // The program's name is in brackets and may hold blanks and brackets itself.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    // Numbered from 1 in proc(5), where the state is field 3, our first.
    let ticks = |field: usize| -> Option<f64> { fields.get(field - 3)?.parse().ok() };
    let kilobytes = |name: &str| value_after(status, name).map(|kb| kb * 1024.0);
    let cpu = ticks(14).zip(ticks(15)).map(|(user, kernel)| (user + kernel) / TICKS_A_SECOND);
    let start = value_after(system, "btime").zip(ticks(22)).map(|(boot, start)| boot + start / TICKS_A_SECOND);
    let metrics = [
        (catalogue::PROCESS_CPU, cpu),
        (catalogue::PROCESS_RESIDENT, kilobytes("VmRSS:")),
        (catalogue::PROCESS_VIRTUAL, kilobytes("VmSize:")),
        (catalogue::PROCESS_THREADS, value_after(status, "Threads:")),
        (catalogue::PROCESS_MAX_FDS, value_after(limits, "Max open files")),
        (catalogue::PROCESS_START, start),
    ];
    metrics.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The first number of the line that begins with `name`.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn value_after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "77 (he) art) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 3 0 1000 9 9";
        let status = "Name:\theart\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        let limits = "Limit  Soft Limit  Hard Limit\nMax open files            1024                 4096                 files\n";
        let found = parse(stat, status, "cpu 1 2\nbtime 1700000000\n", limits);
        let value = |name| found.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        assert_eq!(value(catalogue::PROCESS_CPU), Some(3.0));
        assert_eq!(value(catalogue::PROCESS_RESIDENT), Some(1_048_576.0));
        assert_eq!(value(catalogue::PROCESS_VIRTUAL), Some(2_097_152.0));
        assert_eq!(value(catalogue::PROCESS_THREADS), Some(3.0));
        assert_eq!(value(catalogue::PROCESS_MAX_FDS), Some(1024.0));
        assert_eq!(value(catalogue::PROCESS_START), Some(1_700_000_010.0));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert!(parse("", "", "", "").is_empty());
        assert!(parse("77 (x", "VmRSS: many kB", "btime", "Max open files unlimited").is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_can_be_read() {
        let found = read();
        for metric in catalogue::CATALOGUE.iter().filter(|metric| metric.presence == catalogue::Presence::LinuxOnly) {
            assert!(found.iter().any(|(name, _)| *name == metric.name), "{} is missing", metric.name);
        }
    }
}
