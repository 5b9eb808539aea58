//! What Linux says of a process in `/proc/PROCESS/status`.

/// A line of it, without its name; `process` is a number or `self`. `None` where there is no such process or line.
pub fn field(process: &str, name: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|line| line.trim().to_owned())
}

/// A line that is an amount of memory, in bytes.
pub fn bytes(process: &str, name: &str) -> Option<f64> {
    let kilobytes = field(process, name)?.strip_suffix("kB")?.trim_end().parse::<f64>().ok()?;
    Some(kilobytes * 1024.0)
}

/// Whether a signal is in a set of them, such as `SigIgn` or `SigCgt`, in which bit 0 is signal 1.
pub fn has_signal(process: &str, set: &str, signal: u32) -> bool {
    let mask = field(process, set).and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
