//! Instructions that one ping costs, as callgrind counts them: nearly the same in each run, however busy the machine is.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::figure::Measurement;
use super::stub::Stub;
use super::support::metrics::Scrape;
use super::support::{check, hold, http, ports, seconds};

/// Peers that are pinged and ping back, at 1 s.
const PEERS: usize = 15;
const COUNTED: Duration = Duration::from_secs(20);

/// Both ends of one ping, on the node as it is installed.
pub fn figures() -> Vec<Measurement> {
    match counted() {
        Ok((each, pings)) => vec![
            Measurement::new("instructions of one ping, both ends, 15 peers at 1 s", "", each, Some(90_000.0))
                .note(format!("callgrind, {pings:.0} pings; aim 60,000")),
        ],
        Err(problem) => {
            println!("  not measured: {problem}");
            Vec::new()
        }
    }
}

fn counted() -> Result<(f64, f64), String> {
    let mut stub = Stub::start();
    let node = Watched::start(&stub)?;
    check("the node sees all peers", seconds(120), || {
        let alive = node.scrape()?.value("heartbeat_peers", &["state=\"alive\""])?;
        if alive == PEERS as f64 { Ok(()) } else { Err(format!("{alive} of {PEERS}")) }
    });
    stub.ping_back(node.address, PEERS, Duration::from_secs(1));
    // Connections are opened, code is run for the first time.
    hold(seconds(5));
    let before = node.pings()?;
    node.control("--instr=on")?;
    hold(COUNTED);
    node.control("--instr=off")?;
    let after = node.pings()?;
    let pings = (after - before) / 2.0;
    let instructions = node.stop()?;
    Ok((instructions / pings, pings))
}

/// A node under callgrind.
struct Watched {
    process: Child,
    counts: PathBuf,
    address: std::net::SocketAddr,
}

impl Watched {
    fn start(stub: &Stub) -> Result<Watched, String> {
        let counts = std::env::temp_dir().join(format!("heartbeat-callgrind-{}", std::process::id()));
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let peers: Vec<String> = (0..PEERS).map(|peer| format!("http://{}", stub.peer(peer).1)).collect();
        let process = Command::new("valgrind")
            .args(["--tool=callgrind", "--instr-atstart=no", "--quiet"])
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(env!("CARGO_BIN_EXE_heartbeat"))
            .args(["--address=127.0.0.1", "--metrics-port=0", "--log-level=error"])
            .arg(format!("--port={}", address.port()))
            .arg(format!("--peers={}", peers.join(",")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("valgrind: {error}; its package has callgrind"))?;
        Ok(Watched { process, counts, address })
    }

    fn control(&self, order: &str) -> Result<(), String> {
        let id = self.process.id().to_string();
        let mut control = Command::new("callgrind_control");
        let done = control.args([order, &id]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        succeeded(done).map_err(|problem| format!("callgrind_control {order}: {problem}"))
    }

    fn scrape(&self) -> Result<Scrape, String> {
        http::get(self.address, "/metrics").map(|answer| Scrape::parse(&answer.body))
    }

    /// Pings that were sent, and pings that came in.
    fn pings(&self) -> Result<f64, String> {
        let scrape = self.scrape()?;
        Ok(scrape.sum("heartbeat_pings_total") + scrape.sum("heartbeat_pings_received_total"))
    }

    /// Ends the node. Returns the instructions that were counted.
    fn stop(mut self) -> Result<f64, String> {
        succeeded(Command::new("kill").args(["-INT", &self.process.id().to_string()]).status())?;
        succeeded(self.process.wait())?;
        let text = std::fs::read_to_string(&self.counts).map_err(|error| error.to_string())?;
        let _ = std::fs::remove_file(&self.counts);
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
        total.ok_or_else(|| "callgrind wrote no total".to_owned())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Gone already after `stop`.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn succeeded(status: io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
