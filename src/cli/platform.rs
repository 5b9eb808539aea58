//! What differs between systems in the commands: process groups, and what to
//! type to end or freeze a process. Windows was not tried.

use tokio::process::Command;

/// Ctrl-C in a terminal reaches every process of the group. The demo stops its
/// nodes itself, one after the other, so they get a group of their own.
#[cfg(unix)]
pub(crate) fn apart_from_ctrl_c(command: &mut Command) {
    command.process_group(0);
}

/// `CREATE_NEW_PROCESS_GROUP`, which turns Ctrl-C off for the new process.
#[cfg(windows)]
pub fn apart_from_ctrl_c(command: &mut Command) {
    command.creation_flags(0x0000_0200);
}

#[cfg(not(any(unix, windows)))]
pub fn apart_from_ctrl_c(_command: &mut Command) {}

/// What to type to end a process at once.
pub(crate) fn kill_command(process_id: u32) -> String {
    if cfg!(windows) { format!("taskkill /F /PID {process_id}") } else { format!("kill -9 {process_id}") }
}

/// The commands that freeze a process and let it continue, where there are such commands.
pub(crate) fn freeze_commands(process_id: u32) -> Option<(String, String)> {
    cfg!(unix).then(|| (format!("kill -STOP {process_id}"), format!("kill -CONT {process_id}")))
}
