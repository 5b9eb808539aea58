//! What was typed: one flat struct of optional strings, filled once from the
//! flags by clap and once from the environment by envy.

use clap::Args;
use serde::Deserialize;

use super::settings::{SETTINGS, Source, find};

macro_rules! raw {
    ($($field:ident),* $(,)?) => {
        /// Every setting as it was typed; `None` where it was not.
        #[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Eq)]
        #[command(next_help_heading = "Settings")]
        pub struct Raw {
            $(#[arg(long)] pub $field: Option<String>,)*
        }

        impl Raw {
            /// What was typed for the setting of this name.
            pub fn get(&self, name: &str) -> Option<&str> {
                // A dozen comparisons at start; a map would need a second list of names.
                $(if name.replace('-', "_") == stringify!($field) {
                    return self.$field.as_deref();
                })*
                None
            }
        }
    };
}

raw! {
    port, peers, node, address, metrics_port,
    profile, interval, jitter, ping_timeout, connect_timeout, wait_gone, wait_silent, wait_stalled, witnesses, streams,
    pings_from,
    log_format, log_level, log_color,
    shutdown_delay, drain_timeout, max_connections, max_streams,
    token, token_file, read_token_file, allowed_hosts, mesh_key_file, mesh_key, mesh_key_mode,
    tls_cert_file, tls_key_file, tls_ca_file, tls_client_ca_file,
}

/// Gives the flags of a command their help texts, from the table.
pub(crate) fn describe(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| match arg.get_long().and_then(find) {
        None => arg,
        Some(spec) => arg
            .value_name(spec.value_name)
            .help(wrapped(&format!("{} [default: {}]", spec.trades, spec.default)))
            .help_heading(spec.group.title()),
    })
}

/// Beside the longest flag, such lines fit a terminal of 110 columns.
const HELP_COLUMNS: usize = 78;

/// Breaks a help text into lines; clap does so only with a crate that asks the terminal for its width.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 {
            let fits = column + 1 + word.len() <= HELP_COLUMNS;
            lines.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        lines.push_str(word);
        column += word.len();
    }
    lines
}

/// A value that was set, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed<'a> {
    pub text: &'a str,
    pub source: Source,
}

/// The names of all settings, as variables.
pub(crate) fn variables() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|spec| spec.variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_struct_and_the_table_name_the_same_settings() {
        let command = Raw::augment_args(clap::Command::new("test"));
        let flags: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let table: Vec<&str> = SETTINGS.iter().map(|spec| spec.name).collect();
        assert_eq!(flags, table);
    }
}
