//! kubectl as a process: the way in that people have. The labs use it too, each in a namespace of its own.

// Each of the two takes its own part.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::suite;

/// Everything of ours is in it, and nothing else.
pub const NAMESPACE: &str = "heartbeat";

/// Why this suite cannot run here, if it cannot.
///
/// Not being asked is a reason to skip. Being asked and having no cluster is one too, and a loud one: the suites with
/// containers share the question. A cluster that is named and does not answer is a failure.
pub fn skipped() -> Option<String> {
    let no_cluster = || std::env::var_os("KUBECONFIG").is_none().then(|| "no cluster: KUBECONFIG is not set".into());
    suite::unasked("a cluster", "with KUBECONFIG set").or_else(no_cluster)
}

/// kubectl in one namespace.
#[derive(Clone, Debug)]
pub struct Kubectl {
    pub namespace: String,
}

impl Kubectl {
    pub fn new(namespace: &str) -> Kubectl {
        Kubectl { namespace: namespace.to_owned() }
    }

    /// What kubectl printed.
    ///
    /// # Errors
    /// What it printed on standard error, after the command line.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        run(self.command(arguments), "")
    }

    /// The same, with an object on standard input.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        run(self.command(arguments), input)
    }

    /// What kubectl says in JSON.
    ///
    /// # Errors
    /// As [`Kubectl::run`], or when it is no JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, String> {
        let text = self.run(&[arguments, &["--output=json"]].concat())?;
        serde_json::from_str(&text).map_err(|error| format!("{error} in {text:?}"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(["--namespace", &self.namespace, "--request-timeout=30s"])
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }
}

/// [`Kubectl::run`] in our namespace.
///
/// # Errors
/// The same.
pub fn kubectl(arguments: &[&str]) -> Result<String, String> {
    Kubectl::new(NAMESPACE).run(arguments)
}

/// [`Kubectl::run_with`] in our namespace.
///
/// # Errors
/// The same.
pub fn kubectl_with(arguments: &[&str], input: &str) -> Result<String, String> {
    Kubectl::new(NAMESPACE).run_with(arguments, input)
}

/// [`Kubectl::json`] in our namespace.
///
/// # Errors
/// The same.
pub fn json(arguments: &[&str]) -> Result<Value, String> {
    Kubectl::new(NAMESPACE).json(arguments)
}

/// What a program in a pod printed, whatever its exit code: that of `members` depends on whether all nodes are up.
///
/// # Errors
/// When it printed nothing.
pub fn inside(pod: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Kubectl::new(NAMESPACE).command(&[&["exec", pod, "--"], arguments].concat());
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("kubectl cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() { Err(format!("{pod}: {}", String::from_utf8_lossy(&output.stderr))) } else { Ok(text) }
}

fn run(mut command: Command, input: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("kubectl cannot be run: {error}");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    // It may end before it has read everything; then it says why.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    Err(format!("kubectl {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// A port of this machine that leads to a pod, open as long as this value and the pod exist.
pub struct Forward {
    child: Child,
    pub address: SocketAddr,
}

impl Forward {
    /// Leads to a port of `deployment/NAME`, `pod/NAME` or `service/NAME`.
    ///
    /// # Errors
    /// When kubectl ended before it forwarded anything.
    pub fn to(target: &str, port: u16) -> Result<Forward, String> {
        let arguments = ["port-forward", "--address=127.0.0.1", target, &format!(":{port}")];
        // "Forwarding from 127.0.0.1:40123 -> 9090"
        Forward::start(Kubectl::new(NAMESPACE).command(&arguments), 2)
    }

    /// Leads to the API server, and through it to the ports of pods and services, whatever becomes of the pods. Asking
    /// there costs a request; kubectl itself costs a tenth of a second each time it is started.
    ///
    /// # Errors
    /// When kubectl ended before it served anything.
    pub fn to_api_server() -> Result<Forward, String> {
        // "Starting to serve on 127.0.0.1:40123"
        Forward::start(Kubectl::new(NAMESPACE).command(&["proxy", "--address=127.0.0.1", "--port=0"]), 4)
    }

    /// The first line names the address, at this place among its words.
    fn start(mut command: Command, place: usize) -> Result<Forward, String> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| format!("kubectl cannot be run: {error}"))?;
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line);
        match line.split_whitespace().nth(place).and_then(|address| address.parse().ok()) {
            Some(address) => Ok(Forward { child, address }),
            None => {
                let _ = (child.kill(), child.wait());
                Err(format!("kubectl {:?} names no address: {line:?}", command.get_args().collect::<Vec<_>>()))
            }
        }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}
