//! Many peers in one process, so that what they cost is not counted as the node's.
//!
//! Each loopback address 127.1.A.B on the stub's port is a peer of its own, so
//! a thousand of them need one listener. They answer pings as a node would, hold
//! event streams on which nothing happens, and, when told to, ping the node
//! back as its peers do. HTTP is spoken by hand: as little as the node accepts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const COMMAND: &str = "stub-peers";

/// A node's ping is a few hundred bytes.
const REQUEST_LIMIT: usize = 8192;

/// The stub process as the benchmark holds it. Ends with its standard input, so with this value.
pub struct Stub {
    child: Child,
    _alive: ChildStdin,
    port: u16,
}

impl Stub {
    pub fn start() -> Stub {
        let program = std::env::current_exe().expect("this program has a path");
        let spawned = Command::new(program).arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("this program can be started again");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("was piped")).read_line(&mut line).expect("the stub says its port");
        let port = line.trim().parse().expect("a port number");
        let alive = child.stdin.take().expect("was piped");
        Stub { child, _alive: alive, port }
    }

    /// Name and address of peer `index`.
    pub fn peer(&self, index: usize) -> (String, SocketAddr) {
        let [.., high, low] = u32::try_from(index).expect("a few thousand peers").to_be_bytes();
        (name(Ipv4Addr::new(127, 1, high, low)), SocketAddr::from(([127, 1, high, low], self.port)))
    }

    /// Makes `count` peers ping `node`, starting now.
    pub fn ping_back(&mut self, node: SocketAddr, count: usize, interval: Duration) {
        let order = format!("{node} {count} {}\n", interval.as_millis());
        self._alive.write_all(order.as_bytes()).expect("the stub reads its orders");
    }

    /// The longest and the number of late gaps between two pings of one peer since the last call.
    pub fn gaps(&self) -> (Duration, u64) {
        let response = super::support::http::get(self.peer(1).1, "/gaps").expect("the stub answers");
        let mut words = response.body.split(' ').filter_map(|word| word.parse::<u64>().ok());
        (Duration::from_millis(words.next().unwrap_or_default()), words.next().unwrap_or_default())
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(address: Ipv4Addr) -> String {
    let [.., high, low] = address.octets();
    format!("stub-{high}-{low}")
}

fn boot(address: Ipv4Addr) -> String {
    format!("{:016x}", u32::from(address))
}

/// Later than one interval with its jitter and some room for the scheduler.
const LATE: Duration = Duration::from_millis(1150);

#[derive(Default)]
struct Pings {
    last: BTreeMap<Ipv4Addr, Instant>,
    longest: Duration,
    late: u64,
}

struct Shared {
    started: Instant,
    pings: RefCell<Pings>,
}

/// The stub process itself.
pub fn serve(_: &[String]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        println!("{port}");
        let shared = Rc::new(Shared { started: Instant::now(), pings: RefCell::default() });
        let (orders, mut order) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| orders.send(line).map_err(drop)).ok();
            // The benchmark is gone.
            std::process::exit(0);
        });
        loop {
            tokio::select! {
                Some(line) = order.recv() => ping_back(&shared, &line),
                Ok((stream, _)) = listener.accept() => {
                    let shared = shared.clone();
                    tokio::task::spawn_local(async move { shared.answer(stream).await });
                }
            }
        }
    })
}

fn ping_back(shared: &Rc<Shared>, order: &str) {
    let words: Vec<&str> = order.split(' ').collect();
    let [node, count, interval] = words[..] else { return };
    let (Ok(node), Ok(count), Ok(interval)) = (node.parse::<SocketAddr>(), count.parse::<u32>(), interval.parse())
    else {
        return;
    };
    let interval = Duration::from_millis(interval);
    for index in 0..count {
        let shared = shared.clone();
        let [.., high, low] = index.to_be_bytes();
        let first = interval.mul_f64(f64::from(index) / f64::from(count));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(first).await;
            shared.ping(Ipv4Addr::new(127, 1, high, low), node, interval).await
        });
    }
}

impl Shared {
    /// Answers on one connection until it ends.
    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let IpAddr::V4(me) = stream.local_addr()?.ip() else { return Ok(()) };
        let mut bytes = Vec::with_capacity(1024);
        loop {
            let Some(head) = read_head(&mut stream, &mut bytes).await? else { return Ok(()) };
            let path = head.split(' ').nth(1).unwrap_or_default();
            match path {
                "/ping" => {
                    self.note_ping(me);
                    stream.write_all(self.valid_answer(me).as_bytes()).await?;
                }
                "/gaps" => {
                    let pings = std::mem::take(&mut *self.pings.borrow_mut());
                    let body = format!("{} {}", pings.longest.as_millis(), pings.late);
                    return stream.write_all(response(&body).as_bytes()).await;
                }
                "/api/v1/events" => return hold_stream(stream).await,
                _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await?,
            }
        }
    }

    fn note_ping(&self, peer: Ipv4Addr) {
        let now = Instant::now();
        let mut pings = self.pings.borrow_mut();
        if let Some(last) = pings.last.insert(peer, now) {
            pings.longest = pings.longest.max(now - last);
            pings.late += u64::from(now - last > LATE);
        }
    }

    fn valid_answer(&self, me: Ipv4Addr) -> String {
        let (name, boot, seq) = (name(me), boot(me), self.started.elapsed().as_millis());
        response(&format!(
            r#"{{"node":"{name}","boot":"{boot}","seq":{seq},"state":"ready","version":"0.1.0","accusations":[],"watch":{{"since":0,"rev":0,"peers":[]}}}}"#
        ))
    }

    /// Pings the node as a peer of this address does, over one kept connection.
    async fn ping(&self, me: Ipv4Addr, node: SocketAddr, interval: Duration) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(node).await?;
        stream.set_nodelay(true)?;
        let (name, boot, mut known) = (name(me), boot(me), "0".to_owned());
        let mut turns = tokio::time::interval(interval);
        let mut bytes = Vec::with_capacity(4096);
        loop {
            turns.tick().await;
            let seq = self.started.elapsed().as_millis();
            let request = format!(
                "GET /ping HTTP/1.1\r\nhost: {node}\r\nheartbeat-node: {name}\r\nheartbeat-boot: {boot}\r\n\
                 heartbeat-seq: {seq}\r\nheartbeat-state: ready\r\nheartbeat-known: {known}\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let Some(head) = read_head(&mut stream, &mut bytes).await? else { return Ok(()) };
            let length = head
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let length: usize = length.unwrap_or_default();
            while bytes.len() < length {
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
            }
            let body = String::from_utf8_lossy(&bytes[..length]);
            if let Some((_, rest)) = body.split_once("\"rev\":") {
                known = rest.chars().take_while(char::is_ascii_digit).collect();
            }
            bytes.clear();
        }
    }
}

fn response(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The head of the next message; `bytes` keeps what came after it. `None` at the end of the connection.
async fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            return Ok(Some(head));
        }
        if bytes.len() > REQUEST_LIMIT || stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// An event stream without events; the comment is what keeps it open.
async fn hold_stream(mut stream: TcpStream) -> std::io::Result<()> {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    loop {
        stream.write_all(b"3\r\n:\n\n\r\n").await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}
