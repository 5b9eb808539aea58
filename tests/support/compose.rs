//! The repository's `docker-compose.yml` as a running project: started, broken, asked, and gone when this value is
//! dropped.
//!
//! A project of a test has a name and ports of its own, so that it never meets one that a person runs, and nothing of
//! the caller's environment configures it. The image is built once in the life of a test process, under a name of
//! its own too. What a killed test process left behind is removed by the next one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{self, Response};
use super::{check, ports, seconds, suite};

/// Start of the names of projects and image tags of tests; the number of the test process follows.
const PREFIX: &str = "heartbeat-e2e-";

/// How long `up --wait` may take. Six programs start on a machine that may be doing other things.
const UP_LIMIT: Duration = seconds(180);

/// Variables of the compose file that publish a port, with the service and its port inside.
const PORTS: &[(&str, &str, u16)] = &[
    ("NODE_1_PORT", "node-1", 8001),
    ("NODE_2_PORT", "node-2", 8001),
    ("NODE_3_PORT", "node-3", 8001),
    ("PROMETHEUS_PORT", "prometheus", 9090),
    ("ALERTMANAGER_PORT", "alertmanager", 9093),
    ("GRAFANA_PORT", "grafana", 3000),
];

/// The names of the nodes that the compose file names.
pub const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// Why the suites with containers cannot run here, if they cannot.
///
/// Not being asked is a reason to skip. Being asked without an engine is a failure: a stage that was meant to run
/// must not look like one that passed.
pub fn skipped() -> Option<String> {
    suite::unasked("a container engine", "(`just e2e`)")
}

/// Runs `docker` and returns what it printed.
///
/// # Errors
/// What it printed on standard error, after the command line.
pub fn docker<S: AsRef<str>>(arguments: &[S]) -> Result<String, String> {
    output(command("docker").args(arguments.iter().map(AsRef::as_ref)))
}

/// A command that sees of this process's environment only what finds the engine.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn output(command: &mut Command) -> Result<String, String> {
    let line = format!("{command:?}");
    let line = line.rsplit_once("\"docker\"").map_or(line.as_str(), |(_, arguments)| arguments);
    let output = command.output().map_err(|error| format!("docker{line}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("docker{line}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)))
    }
}

/// Name of the image that this test process builds and uses.
pub fn image() -> String {
    format!("distributed-heartbeat:{PREFIX}{}", std::process::id())
}

/// Builds the image, once in the life of this process; returns how long that took.
#[track_caller]
pub fn build() -> Duration {
    static BUILT: OnceLock<Result<Duration, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let began = Instant::now();
        Compose::new("build").run(&["build"]).map(|_| began.elapsed())
    });
    built.clone().unwrap_or_else(|problem| panic!("the image cannot be built: {problem}"))
}

/// Removes what this process made (its image), and all that test processes left behind which run no more.
pub fn clean() {
    let mine = std::process::id().to_string();
    let gone = |name: &str| {
        let number = name.strip_prefix(PREFIX)?.split('-').next()?.to_owned();
        Some(number == mine || !Path::new("/proc").join(&number).exists())
    };
    let projects = docker(&["compose", "ls", "--all", "--quiet"]).unwrap_or_default();
    for project in projects.lines().filter(|project| gone(project) == Some(true)) {
        let running = docker(&["ps", "--quiet", &format!("--filter=label=com.docker.compose.project={project}")]);
        for container in running.unwrap_or_default().lines() {
            // A process without CPU time does not end even when it is killed.
            let _ = lift_cpu_limit(container);
        }
        let _ = docker(&["compose", "--project-name", project, "down", "--volumes", "--remove-orphans", "--timeout=1"]);
    }
    let images = docker(&["image", "ls", "--format={{.Repository}}:{{.Tag}}"]).unwrap_or_default();
    let tagged = |image: &&str| image.split_once(':').is_some_and(|(_, tag)| gone(tag) == Some(true));
    for image in images.lines().filter(tagged) {
        let _ = docker(&["image", "rm", image]);
    }
}

/// A container may use what CPU time it needs again.
pub fn lift_cpu_limit(container: &str) -> Result<(), String> {
    docker(&["update", "--cpu-period=100000", "--cpu-quota=-1", container]).map(drop)
}

/// One project.
pub struct Compose {
    pub project: String,
    /// Published ports, in the order of [`PORTS`].
    ports: Vec<u16>,
    variables: Vec<(String, String)>,
    files: Vec<PathBuf>,
    profiles: Vec<String>,
    /// A person's own: its environment counts, and it is not taken down.
    kept: bool,
}

impl Compose {
    /// A project that is not started yet. `name` is a short word for the case.
    pub fn new(name: &str) -> Compose {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Compose {
            project: format!("{PREFIX}{}-{name}", std::process::id()),
            ports: PORTS.iter().map(|_| ports::free()).collect(),
            variables: vec![("NODE_IMAGE".to_owned(), image())],
            files: vec![root.join("docker-compose.yml")],
            profiles: Vec::new(),
            kept: false,
        }
    }

    /// The project that a person runs in this folder, running or not: with its name, its ports, its images, and left
    /// as it is when this value is dropped.
    pub fn here() -> Compose {
        let project = std::env::var("COMPOSE_PROJECT_NAME").unwrap_or_else(|_| "distributed-heartbeat".to_owned());
        let files = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docker-compose.yml")];
        let ports = vec![0; PORTS.len()];
        Compose { project, ports, variables: Vec::new(), files, profiles: Vec::new(), kept: true }
    }

    pub fn kept(&self) -> bool {
        self.kept
    }

    /// Asks where a person's project has its ports. Of services that do not run nothing is known.
    pub fn find_ports(&mut self) {
        self.ports = PORTS.iter().map(|(_, service, inside)| self.published(service, *inside).unwrap_or(0)).collect();
    }

    /// The port of this machine at which a running service is published.
    ///
    /// # Errors
    /// What compose printed, or what it said that is no address.
    pub fn published(&self, service: &str, inside: u16) -> Result<u16, String> {
        let said = self.run(&["port", service, &inside.to_string()])?;
        let port = said.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.ok_or_else(|| format!("{service} is published at {said:?}"))
    }

    /// A variable that the compose file reads; the last one of a name counts.
    pub fn with(mut self, variable: &str, value: &str) -> Compose {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// One more compose file, laid over those before it. Relative paths in it start at the repository.
    pub fn with_file(mut self, file: &Path) -> Compose {
        self.files.push(file.to_owned());
        self
    }

    pub fn with_profile(mut self, profile: &str) -> Compose {
        self.profiles.push(profile.to_owned());
        self
    }

    /// `docker compose ARGUMENTS` in this project.
    ///
    /// # Errors
    /// What it printed.
    pub fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Result<String, String> {
        let mut command = if self.kept { Command::new("docker") } else { command("docker") };
        command.args(["compose", "--project-name", &self.project, "--project-directory", env!("CARGO_MANIFEST_DIR")]);
        command.args(["--ansi=never", "--progress=plain"]);
        if !self.kept {
            // Nor does a person's `.env` configure it.
            command.args(["--env-file", "/dev/null"]);
        }
        for file in &self.files {
            command.arg("--file").arg(file);
        }
        for profile in &self.profiles {
            command.args(["--profile", profile]);
        }
        for ((variable, _, _), port) in PORTS.iter().zip(&self.ports).filter(|_| !self.kept) {
            command.env(variable, port.to_string());
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        output(command.args(arguments.iter().map(AsRef::as_ref)))
    }

    /// As [`run`](Compose::run), where only success will do.
    #[track_caller]
    pub fn must<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        self.run(arguments).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// `up --wait` of all services, or of those named; returns how long it took until they were healthy.
    ///
    /// # Errors
    /// What compose printed.
    pub fn try_up(&self, services: &[&str]) -> Result<Duration, String> {
        let limit = format!("--wait-timeout={}", UP_LIMIT.as_secs());
        let mut arguments = vec!["up", "--wait", &limit];
        if !self.kept {
            build();
            arguments.push("--no-build");
        }
        let began = Instant::now();
        self.run(&[&arguments[..], services].concat())?;
        Ok(began.elapsed())
    }

    #[track_caller]
    pub fn up(&self, services: &[&str]) -> Duration {
        self.try_up(services).unwrap_or_else(|problem| panic!("{problem}\n{}", self.logs(&[])))
    }

    /// `kill -9`, and the moment just before.
    #[track_caller]
    pub fn kill(&self, services: &[&str]) -> Instant {
        let killed = Instant::now();
        self.must(&[&["kill"][..], services].concat());
        killed
    }

    /// `docker compose pause` or `unpause`, `stop`, `start`, `restart` and the like, and the moment just before.
    #[track_caller]
    pub fn tell(&self, what: &str, services: &[&str]) -> Instant {
        let told = Instant::now();
        self.must(&[&[what][..], services].concat());
        told
    }

    /// Runs a command inside a container; nodes have no shell, only `/heartbeat`.
    ///
    /// # Errors
    /// What it printed.
    pub fn exec(&self, service: &str, arguments: &[&str]) -> Result<String, String> {
        self.run(&[&["exec", "-T", service][..], arguments].concat())
    }

    /// What the services have printed, all of them where none is named, without colours and names.
    pub fn logs(&self, services: &[&str]) -> String {
        let logs = self.run(&[&["logs", "--no-color", "--no-log-prefix"][..], services].concat());
        logs.unwrap_or_else(|problem| problem)
    }

    /// The container of a service, running or not; the first one where it is scaled.
    #[track_caller]
    pub fn container(&self, service: &str) -> String {
        let ids = self.must(&["ps", "--all", "--quiet", service]);
        ids.lines().next().unwrap_or_else(|| panic!("{service} has no container in {}", self.project)).to_owned()
    }

    /// What the engine knows about the container of a service.
    #[track_caller]
    pub fn inspect(&self, service: &str) -> Value {
        let text = docker(&["inspect", &self.container(service)]).unwrap_or_else(|problem| panic!("{problem}"));
        let all: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("docker inspect: {error}"));
        all[0].clone()
    }

    /// The number, on this machine, of the first process of a service: for `nsenter`.
    #[track_caller]
    pub fn process_id(&self, service: &str) -> u64 {
        let pid = self.inspect(service)["State"]["Pid"].as_u64().unwrap_or(0);
        assert!(pid > 0, "{service} is not running");
        pid
    }

    /// The compose files as compose understands them, variables filled in.
    #[track_caller]
    pub fn config(&self) -> Value {
        let text = self.must(&["config", "--format=json"]);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("docker compose config: {error}"))
    }

    /// Takes a service off a network, and the moment just before.
    #[track_caller]
    pub fn disconnect(&self, service: &str, network: &str) -> Instant {
        let (network, container) = (self.network(network), self.container(service));
        let cut = Instant::now();
        docker(&["network", "disconnect", &network, &container]).unwrap_or_else(|problem| panic!("{problem}"));
        cut
    }

    /// Puts a service back on a network with the aliases that the compose file gives it: the engine forgets them, and
    /// without them no node would find it.
    #[track_caller]
    pub fn reconnect(&self, service: &str, network: &str) -> Instant {
        let config = self.config();
        let aliases = config["services"][service]["networks"][network]["aliases"].as_array().cloned();
        let mut arguments = vec!["network".to_owned(), "connect".to_owned()];
        for alias in aliases.unwrap_or_default().iter().filter_map(Value::as_str).chain([service]) {
            arguments.push(format!("--alias={alias}"));
        }
        arguments.extend([self.network(network), self.container(service)]);
        let healed = Instant::now();
        docker(&arguments).unwrap_or_else(|problem| panic!("{problem}"));
        healed
    }

    /// What the engine calls a network of this project.
    pub fn network(&self, network: &str) -> String {
        format!("{}_{network}", self.project)
    }

    /// Where a service is published on this machine.
    #[track_caller]
    pub fn address(&self, service: &str) -> SocketAddr {
        let found = PORTS.iter().position(|(_, name, _)| *name == service);
        let found = found.unwrap_or_else(|| panic!("{service} publishes no port"));
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[found]))
    }

    pub fn get(&self, service: &str, path: &str) -> Result<Response, String> {
        http::get(self.address(service), path)
    }

    /// `GET path`, which must answer 200 with JSON.
    pub fn json(&self, service: &str, path: &str) -> Result<Value, String> {
        let response = self.get(service, path)?;
        if response.status == 200 {
            response.json()
        } else {
            Err(format!("{service} answers {} on {path}: {}", response.status, response.body))
        }
    }

    /// What Prometheus answers to an expression: the list of results.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let answer = self.json("prometheus", &format!("/api/v1/query?query={}", encode(expression)))?;
        answer["data"]["result"].as_array().cloned().ok_or_else(|| format!("no result for {expression}: {answer}"))
    }

    /// What a node believes: each peer with its state, in the order of their names.
    pub fn states(&self, node: &str) -> Result<Vec<(String, String)>, String> {
        let view = self.json(node, "/api/v1/peers")?;
        let peers = view["peers"].as_array().ok_or_else(|| format!("no peers in {view}"))?;
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let mut states: Vec<_> = peers.iter().map(|peer| (text(&peer["key"]), text(&peer["state"]))).collect();
        states.sort();
        Ok(states)
    }

    /// Waits until each of the three named nodes sees every peer alive, at least the other two.
    #[track_caller]
    pub fn await_whole(&self, limit: Duration) -> Duration {
        let began = Instant::now();
        check("all nodes see all nodes alive", limit, || {
            for node in NODES {
                let states = self.states(node)?;
                if states.len() < NODES.len() - 1 || states.iter().any(|(_, state)| state != "alive") {
                    return Err(format!("{node} sees {states:?}"));
                }
            }
            Ok(())
        });
        began.elapsed()
    }

    /// `down -v`: containers, networks and volumes.
    pub fn down(&self) -> Result<String, String> {
        self.run(&["down", "--volumes", "--remove-orphans", "--timeout=10"])
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if std::thread::panicking() {
            eprintln!("--- logs of {}\n{}\n---", self.project, self.run(&["logs", "--no-color"]).unwrap_or_default());
        }
        if let Err(problem) = self.down() {
            eprintln!("{} may have left something behind: {problem}", self.project);
        }
    }
}

/// For a query in a URL: everything but letters, digits and `-_.` as percent and two digits.
pub fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}
