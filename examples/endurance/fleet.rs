//! Real nodes on this machine: started, asked, signalled, and dead when the fleet is dropped.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Outcome;

/// One node and its log, which all its processes write one after the other.
pub struct Node {
    pub name: String,
    pub port: u16,
    child: Option<Child>,
    log: PathBuf,
    peers: String,
}

pub struct Fleet {
    pub nodes: Vec<Node>,
    folder: PathBuf,
}

impl Fleet {
    /// So many nodes on free ports of 127.0.0.1, none of them started.
    pub fn new(count: usize) -> Outcome<Fleet> {
        let folder = std::env::temp_dir().join(format!("heartbeat-endurance-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // All are held until all are known, so that none is given twice.
        let held: Vec<TcpListener> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let ports: Vec<u16> =
            held.iter().map(|socket| socket.local_addr().map_or(0, |address| address.port())).collect();
        let name = |index: usize| format!("node-{}", index + 1);
        let peers: Vec<String> = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
        let nodes = ports.iter().enumerate().map(|(index, port)| Node {
            name: name(index),
            port: *port,
            child: None,
            log: folder.join(format!("{}.log", name(index))),
            peers: peers.join(","),
        });
        Ok(Fleet { nodes: nodes.collect(), folder })
    }

    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(&self.nodes[index].log).unwrap_or_default()
    }

    /// Where the logs are; kept when the program fails.
    pub fn keep_logs(&self) -> String {
        format!("the logs are in {}", self.folder.display())
    }

    pub fn remove_logs(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Until every node says of every other that it is alive, by the boot that runs now.
    pub fn agree(&self, within: Duration) -> Outcome<Duration> {
        let began = Instant::now();
        loop {
            match self.all_see_all_alive() {
                Ok(()) => return Ok(began.elapsed()),
                Err(problem) if began.elapsed() > within => {
                    return Err(format!("no agreement within {} s: {problem}", within.as_secs()));
                }
                Err(_) => sleep(Duration::from_millis(250)),
            }
        }
    }
}

impl Fleet {
    fn all_see_all_alive(&self) -> Outcome {
        let boots = self.nodes.iter().map(Node::boot).collect::<Outcome<Vec<String>>>()?;
        let others = |index: usize| {
            let others = boots.iter().enumerate().filter(move |(other, _)| *other != index);
            others.map(|(_, boot)| boot.as_str()).collect::<Vec<_>>()
        };
        self.nodes.iter().enumerate().try_for_each(|(index, node)| node.sees_alive(&others(index)))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }
}

impl Node {
    pub fn start(&mut self, program: &Path) -> Outcome {
        let open = |log: &PathBuf| OpenOptions::new().create(true).append(true).open(log);
        let log: File = open(&self.log).map_err(|error| format!("{}: {error}", self.log.display()))?;
        let child = Command::new(program)
            .env_clear()
            .args(["--node", &self.name, "--address", "127.0.0.1", "--peers", &self.peers])
            .args(["--port", &self.port.to_string(), "--log-format", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().map_err(|error| error.to_string())?))
            .stderr(Stdio::from(log))
            .spawn()
            .map_err(|error| format!("{}: {error}; build it first", program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// SIGSTOP, SIGCONT, SIGTERM and the like, by the program that every machine has.
    pub fn signal(&self, signal: &str) -> Outcome {
        let Some(process) = self.process() else { return Err(format!("{} does not run", self.name)) };
        let status = Command::new("kill").args([signal, &process.to_string()]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("kill {signal} of {}: {other:?}", self.name)),
        }
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and the end that follows.
    pub fn stop(&mut self, within: Duration) -> Outcome {
        self.signal("-TERM")?;
        let began = Instant::now();
        while let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => self.child = None,
                Ok(Some(status)) => return Err(format!("{} ended with {status}", self.name)),
                Ok(None) if began.elapsed() < within => sleep(Duration::from_millis(20)),
                other => return Err(format!("{} has not ended: {other:?}", self.name)),
            }
        }
        Ok(())
    }

    /// The process ended without being asked to.
    pub fn died(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    fn boot(&self) -> Outcome<String> {
        let body = self.get("/ping")?;
        let boot = body.split("\"boot\":\"").nth(1).and_then(|rest| rest.split('"').next());
        boot.map(str::to_owned).ok_or_else(|| format!("{} names no boot: {body}", self.name))
    }

    fn sees_alive(&self, boots: &[&str]) -> Outcome {
        let body = self.get("/api/v1/peers")?;
        let alive = body.matches("\"state\":\"alive\"").count();
        if alive != boots.len() {
            return Err(format!("{} sees {alive} of {} alive", self.name, boots.len()));
        }
        match boots.iter().find(|boot| !body.contains(&format!("\"boot\":\"{boot}\""))) {
            None => Ok(()),
            Some(boot) => Err(format!("{} does not know boot {boot}", self.name)),
        }
    }

    /// The body of an answer, read to its end.
    pub fn get(&self, path: &str) -> Outcome<String> {
        let fault = |error: std::io::Error| format!("{} does not answer: {error}", self.name);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(fault)?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(fault)?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", self.port);
        stream.write_all(request.as_bytes()).map_err(fault)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(fault)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            _ => Err(format!("{}: {path}: {}", self.name, answer.lines().next().unwrap_or("no answer"))),
        }
    }
}
