//! What the machine asks for any exchange at all.
//!
//! Two processes of a few lines each, one connection, a request and an answer as
//! long as a ping's, blocking calls, no HTTP, no JSON, no runtime: nothing that
//! talks over TCP is cheaper. Its figure at the same rate is shown next to each
//! figure of a node, because a processor that has been idle for a second wakes
//! cold, and on some machines that costs more than all of the node's own work.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use super::machine::Usage;
use super::support::hold;

pub const COMMAND: &str = "bare-echo";

/// Bytes of a ping with its headers, and of its answer.
const REQUEST: usize = 250;
const ANSWER: usize = 450;

const WARM_UP: Duration = Duration::from_secs(2);
const SPAN: Duration = Duration::from_secs(10);

/// Processor time in microseconds of one exchange, both ends, at `rate` exchanges a second.
pub fn exchange_us(rate: u32) -> f64 {
    let server = Side::start(&[]);
    let client = Side::start(&[&server.said, &rate.to_string()]);
    hold(WARM_UP);
    let sides = [&server, &client].map(|side| (side, Usage::of(side.child.id())));
    hold(SPAN);
    let used = sides.map(|(side, before)| Usage::of(side.child.id()).since(&before));
    used.iter().map(|used| used.cpu_ms_per_second() * 1000.0 / f64::from(rate)).sum()
}

/// One of the two processes. Ends with its standard input, so with this value.
struct Side {
    child: Child,
    _alive: ChildStdin,
    /// Its first line: a server says where it listens.
    said: String,
}

impl Side {
    fn start(arguments: &[&str]) -> Side {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.arg(COMMAND).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started again");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("was piped")).read_line(&mut said).expect("it says a line");
        let alive = child.stdin.take().expect("was piped");
        Side { child, _alive: alive, said: said.trim().to_owned() }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A side itself: without arguments the server, else the client of ADDRESS at RATE.
pub fn run(arguments: &[String]) -> ExitCode {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        // The benchmark is gone.
        std::process::exit(0);
    });
    let ended = match arguments {
        [address, rate] => ask(address.parse().expect("an address"), rate.parse().expect("a rate")),
        _ => answer(),
    };
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn answer() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut request = [0; REQUEST];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(&[b'a'; ANSWER])?;
    }
}

fn ask(server: SocketAddr, rate: u32) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    println!("connected");
    let mut answer = [0; ANSWER];
    let began = Instant::now();
    for turn in 1_u32.. {
        stream.write_all(&[b'q'; REQUEST])?;
        stream.read_exact(&mut answer)?;
        let next = Duration::from_secs_f64(f64::from(turn) / f64::from(rate));
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    Ok(())
}
