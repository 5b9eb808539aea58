//! Somebody on the way between two nodes: reads all, keeps copies, changes what it likes, answers in another's place.
//! Where the nodes speak TLS, it has a certificate of the mesh for both of its sides.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::level::Guard;

/// What it does with what comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Passes it on.
    Pass,
    /// Takes the tags out of requests and answers.
    Strip,
    /// Answers pings with the last answer that it has seen, from any node.
    Replay,
    /// Changes one byte of the answers to pings.
    Falsify,
    /// Keeps the answers to pings until it does something else.
    Hold,
    /// Makes the answers to pings say that the node leaves.
    Goodbye,
    /// Does something to the next event of a stream.
    Event(Meddling),
}

/// What it does to one event, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Sends one of its own before it: the node leaves.
    Forge,
    /// Changes one byte.
    Change,
    /// Leaves it out.
    LeaveOut,
    /// Sends it twice.
    Repeat,
}

pub struct Proxy {
    /// Where nodes reach it.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    /// Added to the heads of requests.
    shown: String,
    does: Mutex<Does>,
    /// Heads of requests, oldest first.
    requests: Mutex<Vec<String>>,
    /// The last whole answer to a ping.
    answer: Mutex<Vec<u8>>,
    /// Requests whose path begins so go there instead.
    diverted: Mutex<Option<(&'static str, SocketAddr)>>,
    /// Open connections, to be cut.
    open: Mutex<Vec<TcpStream>>,
    /// Answers that are held at the moment.
    held: AtomicUsize,
    /// Events that it has done something to.
    meddled: AtomicUsize,
}

/// More than the pings of a case.
const KEPT: usize = 10_000;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    pub fn to(guard: &Guard, node: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let shared = Arc::new(Shared {
            to: guard.back(node),
            shown: guard.shown(),
            does: Mutex::new(Does::Pass),
            requests: Mutex::default(),
            answer: Mutex::default(),
            diverted: Mutex::default(),
            open: Mutex::default(),
            held: AtomicUsize::new(0),
            meddled: AtomicUsize::new(0),
        });
        let address = guard.front(listener.local_addr().expect("bound"));
        let proxy = Proxy { address, shared: shared.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        proxy
    }

    pub fn becomes(&self, does: Does) {
        *lock(&self.shared.does) = does;
    }

    /// From now on requests whose path begins so go to another address, on connections of their own; those that are open
    /// are cut.
    pub fn divert(&self, path: &'static str, to: SocketAddr) {
        *lock(&self.shared.diverted) = Some((path, to));
        lock(&self.shared.open).drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// How many answers it holds.
    pub fn held(&self) -> usize {
        self.shared.held.load(Ordering::SeqCst)
    }

    /// How many events it has done something to.
    pub fn meddled(&self) -> usize {
        self.shared.meddled.load(Ordering::SeqCst)
    }

    /// The heads of all requests for this path that came by.
    pub fn requests(&self, path: &str) -> Vec<String> {
        self.requests_below(&format!("{path} "))
    }

    /// The same for all paths that begin so.
    pub fn requests_below(&self, path: &str) -> Vec<String> {
        let begin = format!("GET {path}");
        lock(&self.shared.requests).iter().filter(|head| head.starts_with(&begin)).cloned().collect()
    }
}

impl Shared {
    /// One connection, request after request.
    fn serve(&self, caller: TcpStream) -> Option<()> {
        let does = || *lock(&self.does);
        let mut upstream: Option<(SocketAddr, TcpStream)> = None;
        lock(&self.open).push(caller.try_clone().ok()?);
        let mut reader = BufReader::new(caller.try_clone().ok()?);
        let mut caller = caller;
        loop {
            let mut head = with(&read_head(&mut reader)?, &self.shown);
            {
                let mut requests = lock(&self.requests);
                if requests.len() < KEPT {
                    requests.push(head.clone());
                }
            }
            let is_ping = head.starts_with("GET /ping ");
            if is_ping && does() == Does::Replay {
                caller.write_all(&lock(&self.answer)).ok()?;
                continue;
            }
            if does() == Does::Strip {
                head = without(&head, "heartbeat-mac");
            }
            let path = head.strip_prefix("GET ").unwrap_or_default();
            let diverted = lock(&self.diverted).filter(|(begin, _)| path.starts_with(begin));
            let to = diverted.map_or(self.to, |(_, to)| to);
            let mut server = match upstream.take().filter(|(there, _)| *there == to) {
                Some((_, server)) => server,
                None => TcpStream::connect(to).ok()?,
            };
            server.write_all(head.as_bytes()).ok()?;
            let mut answers = BufReader::new(server.try_clone().ok()?);
            let mut answer = read_head(&mut answers)?;
            if does() == Does::Strip {
                answer = without(&answer, "heartbeat-mac");
            }
            let Some(length) = header(&answer, "content-length").and_then(|length| length.parse::<usize>().ok()) else {
                caller.write_all(answer.as_bytes()).ok()?;
                return self.pass_stream(&mut answers, &mut caller);
            };
            let mut body = vec![0; length];
            answers.read_exact(&mut body).ok()?;
            if is_ping && does() == Does::Falsify {
                let text = String::from_utf8_lossy(&body).replacen("ready", "readY", 1);
                body = text.into_bytes();
            }
            if is_ping && does() == Does::Goodbye {
                body = leaving(&body).into_bytes();
                answer = with(&without(&answer, "content-length"), &format!("content-length: {}\r\n", body.len()));
            }
            let whole = [answer.as_bytes(), &body].concat();
            if is_ping {
                *lock(&self.answer) = whole.clone();
            }
            if is_ping && does() == Does::Hold {
                self.held.fetch_add(1, Ordering::SeqCst);
                while does() == Does::Hold {
                    std::thread::sleep(Duration::from_millis(5));
                }
                self.held.fetch_sub(1, Ordering::SeqCst);
            }
            caller.write_all(&whole).ok()?;
            upstream = Some((to, server));
        }
    }
}

/// The answer in this body, of a node that leaves.
fn leaving(body: &[u8]) -> String {
    String::from_utf8_lossy(body).replacen(r#""state":"ready""#, r#""state":"leaving""#, 1)
}

impl Shared {
    /// A stream, one event or comment after the other: each is a chunk.
    fn pass_stream(&self, server: &mut impl BufRead, caller: &mut impl Write) -> Option<()> {
        loop {
            let mut size = String::new();
            server.read_line(&mut size).ok().filter(|length| *length > 0)?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            server.read_exact(&mut chunk).ok()?;
            let event = String::from_utf8_lossy(&chunk[..size]).into_owned();
            let is_event = event.starts_with("event: ");
            let meddling = match *lock(&self.does) {
                // A comment says nothing that could be changed.
                Does::Event(meddling) if is_event || meddling == Meddling::Forge => Some(meddling),
                _ => None,
            };
            let events = match meddling {
                None => vec![event],
                Some(Meddling::Forge) => vec![self.forged()?, event],
                Some(Meddling::Change) => vec![event.replacen("data: {", "data:  {", 1)],
                Some(Meddling::LeaveOut) => Vec::new(),
                Some(Meddling::Repeat) => vec![event.clone(), event],
            };
            for event in events {
                caller.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).ok()?;
            }
            if meddling.is_some() {
                *lock(&self.does) = Does::Pass;
                self.meddled.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// News as the node would push it, made of its last answer.
    fn forged(&self) -> Option<String> {
        let answer = lock(&self.answer).clone();
        let body = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        Some(format!("event: news\ndata: {}\n\n", leaving(&answer[body..])))
    }
}

/// A head with its empty line; `None` when the connection ends.
fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if &head[before..] == "\r\n" {
            return Some(head);
        }
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The head without the lines of this header.
pub fn without(head: &str, name: &str) -> String {
    let is_it = |line: &&str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
    head.split_inclusive("\r\n").filter(|line| !is_it(line)).collect()
}

/// The head with these lines at its end.
pub fn with(head: &str, lines: &str) -> String {
    head.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n"), 1)
}

/// Sends these bytes on a connection of their own and reads the head and body of what comes back.
pub fn send(address: SocketAddr, request: &str) -> Result<(String, String), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(text)?;
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader).ok_or("no answer")?;
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(text)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}
