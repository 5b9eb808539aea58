//! Callers that mean harm, as threads that end when they are told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::level::{Target, Wire};
use super::support::{hold, millis};

/// So many connections need more descriptors than the usual soft limit.
pub fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the hard limit");
}

/// The status of the answer to a request on a connection of its own, and the connection.
///
/// # Errors
/// When there is none of HTTP/1.1 within `patience`.
pub fn ask_once(address: SocketAddr, request: &str, patience: Duration) -> std::io::Result<(TcpStream, u16)> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut first = [0; 12];
    stream.read_exact(&mut first)?;
    let line = String::from_utf8_lossy(&first);
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|code| code.parse().ok());
    status.map(|status| (stream, status)).ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, line.into_owned()))
}

/// Threads that attack until [`Attack::end`].
pub struct Attack {
    what: &'static str,
    ends: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

/// What one thread of an attack is given.
#[derive(Clone)]
pub struct Order {
    ends: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

impl Order {
    pub fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Relaxed)
    }

    pub fn count(&self, more: u64) {
        self.count.fetch_add(more, Ordering::Relaxed);
    }
}

impl Attack {
    /// `what`: the things that the threads count.
    pub fn new(what: &'static str) -> Attack {
        Attack { what, ends: Arc::default(), count: Arc::default(), threads: Vec::new() }
    }

    pub fn thread(&mut self, run: impl FnOnce(Order) + Send + 'static) {
        let order = Order { ends: Arc::clone(&self.ends), count: Arc::clone(&self.count) };
        self.threads.push(std::thread::spawn(move || run(order)));
    }

    /// `connections` callers of `path`, each with `depth` requests on their way at any time.
    pub fn without_pause(&mut self, target: &Target, path: &str, connections: usize, depth: usize) {
        for _ in 0..connections {
            let (request, target) = (request(path), target.clone());
            self.thread(move |order| {
                while order.goes_on() {
                    ask(&order, &target, &request, depth);
                }
            });
        }
    }

    /// `count` connections, each opened again when it is closed. `request` is sent on each, and nothing is read.
    pub fn connections(&mut self, target: Target, count: usize, request: impl Into<Vec<u8>>) {
        let request = request.into();
        // What TLS says of itself comes unasked.
        let is_quiet = request.is_empty() && target.speaks_tls();
        self.thread(move |order| {
            let mut open: Vec<Wire> = Vec::new();
            while order.goes_on() {
                open.retain(|stream| !is_closed(stream, is_quiet));
                while open.len() < count && order.goes_on() {
                    let Ok(mut stream) = target.connect() else { break };
                    stream.tcp().set_nonblocking(true).expect("a socket");
                    // What does not fit is not sent: the node reads no more.
                    let _ = stream.write_all(&request);
                    order.count(1);
                    open.push(stream);
                }
                hold(millis(20));
            }
        });
    }

    /// `count` connections without TLS that send these bytes where a handshake should begin, each opened again as soon as
    /// it is closed.
    pub fn handshakes(&mut self, target: SocketAddr, count: usize, bytes: Vec<u8>) {
        self.thread(move |order| {
            let mut open: Vec<Wire> = Vec::new();
            while order.goes_on() {
                open.retain(|stream| !is_closed(stream, true));
                while open.len() < count && order.goes_on() {
                    let Ok(mut stream) = Target::raw(target).connect() else { break };
                    stream.tcp().set_nonblocking(true).expect("a socket");
                    let _ = stream.write_all(&bytes);
                    order.count(1);
                    open.push(stream);
                }
                hold(millis(20));
            }
        });
    }

    /// Ends it. Returns what it did, in words.
    pub fn end(self) -> String {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("an attack does not panic");
        }
        format!("{} {}", self.count.load(Ordering::Relaxed), self.what)
    }
}

pub fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// Asks on one connection for as long as it is open.
fn ask(order: &Order, target: &Target, request: &str, depth: usize) {
    let Ok(mut stream) = target.connect() else { return hold(millis(20)) };
    let _ = stream.tcp().set_read_timeout(Some(Duration::from_secs(2)));
    let (mut chunk, mut seen) = (vec![0; 64 * 1024], Vec::new());
    if stream.write_all(request.repeat(depth).as_bytes()).is_err() {
        return;
    }
    while order.goes_on() {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                // An answer may be cut within its first line: the end of the last piece is looked at again.
                seen.extend_from_slice(&chunk[..length]);
                let answers = seen.windows(9).filter(|text| text == b"HTTP/1.1 ").count();
                seen.drain(..seen.len().saturating_sub(8));
                order.count(answers as u64);
                if answers > 0 && stream.write_all(request.repeat(answers).as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

/// Where `reads` is set, what has come is thrown away first.
fn is_closed(stream: &Wire, reads: bool) -> bool {
    let (mut tcp, mut chunk) = (stream.tcp(), [0; 4096]);
    loop {
        match if reads { tcp.read(&mut chunk) } else { tcp.peek(&mut chunk) } {
            Ok(0) => return true,
            Ok(_) if reads => {}
            Ok(_) => return false,
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}
