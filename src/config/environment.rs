//! The process's environment: read here and nowhere else, once, at start.
//!
//! envy does the mapping to the raw struct, but not the reading: its own
//! reader panics on any variable of the machine that is not UTF-8, ours or not.

use std::ffi::OsString;

use super::problem::{Problem, quoted};
use super::raw::{Raw, variables};
use super::settings::{PREFIX, SETTINGS};

/// Variables of our own tests and tools. They share the prefix and are no settings.
const TOOLS: &[&str] = &[
    "HEARTBEAT_WRITE",
    "HEARTBEAT_SEEDS",
    "HEARTBEAT_SEED",
    "HEARTBEAT_RUNS",
    "HEARTBEAT_E2E",
    "HEARTBEAT_EXPECT",
    "HEARTBEAT_REVISION",
];

/// Variables with these prefixes are for tests, too.
const TESTS: &[&str] = &["HEARTBEAT_TEST_", "HEARTBEAT_SIM_", "HEARTBEAT_BENCH_"];

/// Below this likeness a suggestion would be a guess.
const LIKENESS_MIN: f64 = 0.85;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub raw: Raw,
    /// Names that look like ours and are not known, and values that are not text.
    pub problems: Vec<Problem>,
    /// What Kubernetes put there for services whose names begin like ours. Harmless, and no settings.
    pub injected: Vec<String>,
    pub no_color: bool,
    /// A terminal on which the cursor cannot be moved.
    pub dumb_terminal: bool,
    /// The width of a terminal that does not say it itself.
    pub columns: Option<usize>,
    /// Variables with the host's name. Where the kernel can be asked, its answer is preferred.
    pub host_name: Option<String>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_this_process() -> Environment {
        Environment::from_iter(std::env::vars_os())
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    /// Sorts the variables into settings, strangers and the rest. Never fails: what is wrong is kept as a problem.
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(vars: I) -> Environment {
        let mut environment = Environment::default();
        let mut known: Vec<(String, String)> = Vec::new();
        let mut vars: Vec<_> = vars.into_iter().collect();
        vars.sort(); // the order of an environment is an accident; messages should not be
        for (name, value) in vars {
            let Some(name) = name.to_str() else { continue };
            match name {
                "NO_COLOR" => environment.no_color |= !value.is_empty(),
                "COLUMNS" => environment.columns = value.to_str().and_then(|columns| columns.parse().ok()),
                "TERM" => environment.dumb_terminal = value == "dumb",
                "HOSTNAME" | "COMPUTERNAME" => environment.host_name = value.into_string().ok(),
                _ if name.starts_with(PREFIX) => environment.take(name, &value, &mut known),
                _ => {}
            }
        }
        match envy::prefixed(PREFIX).from_iter::<_, Raw>(known) {
            Ok(raw) => environment.raw = raw,
            Err(error) => environment.problems.push(Problem {
                subject: "HEARTBEAT_*".into(),
                wrong: error.to_string(),
                accepted: "the variables that `heartbeat config show` lists".into(),
            }),
        }
        environment
    }
}

impl Environment {
    fn take(&mut self, name: &str, value: &OsString, known: &mut Vec<(String, String)>) {
        if TOOLS.contains(&name) || TESTS.iter().any(|prefix| name.starts_with(prefix)) {
            return;
        }
        let is_setting = variables().any(|variable| variable == name);
        match value.to_str() {
            Some(value) if is_setting => known.push((name.to_owned(), value.to_owned())),
            Some(value) if is_injected(name, value) => self.injected.push(quoted(name)),
            Some(value) => self.problems.push(stranger(name, value)),
            None if is_setting => self.problems.push(Problem {
                subject: format!("{name}={}", shown(name, &value.to_string_lossy())),
                wrong: "is not UTF-8 text".into(),
                accepted: "text in UTF-8; see how the value got there, or unset it".into(),
            }),
            None => self.problems.push(stranger(name, &value.to_string_lossy())),
        }
    }
}

/// Kubernetes describes every service of the namespace to every pod by such
/// variables. A service called `heartbeat-web` must not keep a node from
/// starting; one called `heartbeat` sets `HEARTBEAT_PORT` and is caught there.
fn is_injected(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let transport = ["_TCP", "_UDP", "_SCTP"].iter().any(|word| name.contains(word));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (is_address && name.contains("_PORT"))
        || (transport && name.contains("_PORT_"))
}

fn stranger(name: &str, value: &str) -> Problem {
    let nearest = variables()
        .map(|variable| (strsim::jaro_winkler(&variable[PREFIX.len()..], &name[PREFIX.len()..]), variable))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let accepted = match nearest {
        Some((_, variable)) => format!("perhaps {variable}; `heartbeat config show` lists all"),
        None => "the variables that `heartbeat config show` lists; unset this one".into(),
    };
    Problem {
        subject: format!("{}={}", quoted(name), shown(name, value)),
        wrong: "is not a setting of this version".into(),
        accepted,
    }
}

/// The value as it can be told. One that is a secret, or would be if its name were spelt right, is not.
fn shown(name: &str, value: &str) -> String {
    let secret = SETTINGS.iter().filter(|spec| spec.secret);
    let like = |variable: &str| strsim::jaro_winkler(&variable[PREFIX.len()..], &name[PREFIX.len()..]) >= LIKENESS_MIN;
    let telling = ["TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word));
    if telling || secret.into_iter().any(|spec| like(spec.variable)) { "***".to_owned() } else { quoted(value) }
}

/// What this machine calls itself, without a dependency for it: the kernel's
/// word on Linux, else the shell's or Windows's, else the `hostname` program
/// that macOS, the BSDs and Windows all have.
pub(crate) fn host_name(environment: &Environment) -> Option<String> {
    let tidy = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(tidy);
    let program = || {
        let output = std::process::Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok().and_then(tidy)
    };
    kernel().or_else(|| environment.host_name.clone().and_then(tidy)).or_else(program)
}

/// Where this very program lies, for starting it again.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn program() -> std::io::Result<std::path::PathBuf> {
    std::env::current_exe()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Environment {
        vars.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    }

    #[test]
    fn settings_are_read_and_other_variables_ignored() {
        let environment = read(&[("HEARTBEAT_PING_TIMEOUT", "3s"), ("PATH", "/bin"), ("HEARTBEAT_SEEDS", "5")]);
        assert_eq!(environment.raw.ping_timeout.as_deref(), Some("3s"));
        assert_eq!(environment.problems, []);
    }

    #[test]
    fn a_misspelt_name_is_reported_with_the_nearest_one() {
        for (typed, nearest) in [
            ("HEARTBEAT_PEER", "perhaps HEARTBEAT_PEERS;"),
            ("HEARTBEAT_PROT", "perhaps HEARTBEAT_PORT;"),
            ("HEARTBEAT_LOGLEVEL", "perhaps HEARTBEAT_LOG_LEVEL;"),
            ("HEARTBEAT_XYZZY", "the variables that"),
        ] {
            let problems = read(&[(typed, "1")]).problems;
            assert_eq!(problems.len(), 1, "{typed}");
            assert!(problems[0].accepted.starts_with(nearest), "{typed}: {}", problems[0].accepted);
        }
    }

    #[test]
    fn a_name_that_cannot_be_printed_is_written_out() {
        let environment = read(&[("HEARTBEAT_\u{1b}[2J", "1"), ("HEARTBEAT_A\n_SERVICE_HOST", "10.0.0.1")]);
        assert_eq!(environment.problems[0].subject, "HEARTBEAT_\\u{1b}[2J=1");
        assert_eq!(environment.injected, ["HEARTBEAT_A\\n_SERVICE_HOST"]);
    }

    #[test]
    fn a_secret_under_a_misspelt_name_is_not_repeated() {
        for name in ["HEARTBEAT_TOKNE", "HEARTBEAT_TOKENS", "HEARTBEAT_API_TOKEN", "HEARTBEAT_PASSWORD"] {
            let problems = read(&[(name, "correct-horse-battery")]).problems;
            assert_eq!(problems[0].subject, format!("{name}=***"));
            assert!(!format!("{problems:?}").contains("horse"), "{problems:?}");
        }
    }

    #[test]
    fn what_kubernetes_injects_for_other_services_is_no_problem() {
        let environment = read(&[
            ("HEARTBEAT_WEB_SERVICE_HOST", "10.0.0.1"),
            ("HEARTBEAT_WEB_SERVICE_PORT", "80"),
            ("HEARTBEAT_WEB_SERVICE_PORT_HTTP", "80"),
            ("HEARTBEAT_WEB_PORT", "tcp://10.0.0.1:80"),
            ("HEARTBEAT_WEB_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("HEARTBEAT_WEB_PORT_80_TCP_ADDR", "10.0.0.1"),
        ]);
        assert_eq!(environment.problems, []);
        assert_eq!(environment.injected.len(), 6);
    }
}
