//! Peers that are not ours: they speak the protocol well until told to misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ports;

/// How a fake peer answers a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As a node would.
    Honest,
    /// 200, and a body that is not JSON.
    Garbage,
    /// A valid answer of another node.
    WrongIdentity,
    /// A valid answer under another name and boot each time.
    NewNames,
    /// 500.
    ServerError,
    /// Half of a valid answer, then the end of the connection.
    HalfAnswer,
    /// A valid answer, one byte a second.
    Drip,
    /// 200, and a body without an end.
    Flood,
    /// 200 to everything, and a valid answer in a gzip of some kilobytes that unpacks to 64 MiB.
    GzipBomb,
    /// Nothing, on a connection that stays open.
    Mute,
}

/// What it does when it is asked for its row of the matrix.
enum OwnRow {
    /// It has none, as a node of an older version.
    Lacks,
    /// It says nothing, as a black hole does.
    Keeps,
    Gives(String),
}

/// Answers on a thread for each connection until it is dropped.
pub struct FakePeer {
    pub name: String,
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    manner: Mutex<Manner>,
    stopped: AtomicBool,
    row: Mutex<OwnRow>,
    /// More fields for its answers to pings, each with a comma before it.
    fields: Mutex<String>,
    started: Instant,
    /// Answers under new names so far.
    answers: AtomicU64,
    /// What it says as a witness, of anybody.
    testimony: Mutex<Option<String>>,
    /// Whom its answers accuse.
    accusations: Mutex<String>,
    /// Whom its answers say that it watches.
    watched: Mutex<String>,
    /// The mesh key that its answers are signed with.
    key: Mutex<Option<Vec<u8>>>,
    /// Requests for a stream so far.
    streams: AtomicU64,
}

/// Of a fake peer that is one node.
const BOOT: u64 = 0x000f_a4ed;

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/// The part of an answer's tag that is the same in all of them, from docs/security.md.
const ANSWER: &[u8] = b"heartbeat-mesh-1 answer";

/// A part of what a tag covers, with its length.
fn part(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes(), bytes].concat()
}

/// The tag of this answer to a request that had the tag `asked`.
fn tag(key: &[u8], asked: &[u8], body: &str) -> String {
    let covered = [part(ANSWER), part(asked), part(body.as_bytes())].concat();
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("of any length").chain_update(covered);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
    digits.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a bomb unpacks to. A node that did it would hold far more than one that does not.
const BOMB_BYTES: usize = 64 * 1024 * 1024;

/// An answer, packed, with blanks behind it. Made once: it takes a moment.
fn bomb(answer: &str) -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| pack(answer))
}

fn pack(answer: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    packed.write_all(body.as_bytes()).expect("into memory");
    let blanks = vec![b' '; 1024 * 1024];
    (0..BOMB_BYTES / blanks.len()).for_each(|_| packed.write_all(&blanks).expect("into memory"));
    let packed = packed.finish().expect("into memory");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    );
    [head.as_bytes(), &packed].concat()
}

/// How long a thread waits before it looks whether the peer has been dropped.
const LOOK: Duration = Duration::from_millis(200);

/// What a node must have given up reading long before.
const FLOOD_CHUNKS: usize = 100_000;

impl FakePeer {
    pub fn start(name: &str) -> FakePeer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).expect("the port was free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            manner: Mutex::new(Manner::Honest),
            stopped: AtomicBool::new(false),
            row: Mutex::new(OwnRow::Lacks),
            fields: Mutex::default(),
            started: Instant::now(),
            answers: AtomicU64::new(0),
            testimony: Mutex::default(),
            accusations: Mutex::default(),
            watched: Mutex::default(),
            key: Mutex::default(),
            streams: AtomicU64::new(0),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = accepting.clone();
                // A connection that breaks is the node's good right.
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        FakePeer { name: name.to_owned(), address, shared }
    }

    /// Requests for its row of the matrix get no answer any more.
    pub fn keep_rows_to_itself(&self) {
        *lock(&self.shared.row) = OwnRow::Keeps;
    }

    /// Its row is now `body`, whatever that is.
    pub fn give_row(&self, body: &str) {
        *lock(&self.shared.row) = OwnRow::Gives(body.to_owned());
    }

    /// As a witness it says this of anybody.
    pub fn testify(&self, body: &str) {
        *lock(&self.shared.testimony) = Some(body.to_owned());
    }

    /// Its answers accuse this boot of being gone, besides those that they accuse already.
    pub fn accuse(&self, node: &str, boot: &str) {
        let accusation = format!(r#"{{"node":"{node}","boot":"{boot}","class":"gone","silent_ms":9000}}"#);
        let mut all = lock(&self.shared.accusations);
        *all = if all.is_empty() { accusation } else { format!("{all},{accusation}") };
    }

    /// Its answers say that it watches this boot and finds it alive.
    pub fn watch(&self, node: &str, boot: &str) {
        *lock(&self.shared.watched) = format!(r#"{{"node":"{node}","boot":"{boot}","state":"alive"}}"#);
    }

    /// Its answers are signed with this mesh key, as `heartbeat keygen` prints one.
    pub fn sign_with(&self, key: &str) {
        let base64 = base64::engine::general_purpose::STANDARD;
        let bytes = if key.len() == 64 { from_hex(key) } else { base64.decode(key).ok() };
        *lock(&self.shared.key) = Some(bytes.expect("a key"));
    }

    /// How often it was asked for a stream of news.
    pub fn streams_asked(&self) -> u64 {
        self.shared.streams.load(Ordering::Relaxed)
    }

    /// Answers that it gave under new names.
    pub fn new_names(&self) -> u64 {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// Its answers now have these fields too: `,"maintenance":{}`.
    pub fn say_too(&self, fields: &str) {
        fields.clone_into(&mut lock(&self.shared.fields));
    }

    /// It now answers like this; returns the moment just before.
    pub fn become_one_that(&self, manner: Manner) -> Instant {
        let changed = Instant::now();
        *lock(&self.shared.manner) = manner;
        changed
    }
}

impl Drop for FakePeer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, so that the port is closed.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut first = String::new();
            let mut line = String::new();
            let mut asked = None;
            while reader.read_line(&mut line)? > 0 && line != "\r\n" {
                if first.is_empty() {
                    first.clone_from(&line);
                }
                // The version, the key, the nonce and the tag.
                if let Some(mac) = line.strip_prefix("heartbeat-mac: ") {
                    asked = mac.split_whitespace().nth(3).and_then(from_hex);
                }
                line.clear();
            }
            let asked = asked.as_deref();
            let manner = *lock(&self.manner);
            match first.split(' ').nth(1) {
                None => return Ok(()),
                Some(path) if path == "/ping" || manner == Manner::GzipBomb => {
                    self.answer(&mut stream, manner, asked)?;
                }
                Some("/api/v1/events") => {
                    self.streams.fetch_add(1, Ordering::Relaxed);
                    return self.stream(&mut stream);
                }
                Some("/api/v1/row") => match self.row_answer(asked) {
                    Some(answer) => stream.write_all(answer.as_bytes())?,
                    None => self.idle(Duration::from_secs(3600))?,
                },
                Some(path) if path.starts_with("/api/v1/witness/") => {
                    let said = lock(&self.testimony).clone();
                    let said = said.map_or_else(|| NOT_FOUND.to_owned(), |body| self.ok(asked, &body));
                    stream.write_all(said.as_bytes())?;
                }
                Some(_) => stream.write_all(NOT_FOUND.as_bytes())?,
            }
        }
    }

    /// The answer with this body, with a tag where it has a key and the request had one, too.
    fn ok(&self, asked: Option<&[u8]>, body: &str) -> String {
        let key = lock(&self.key);
        let tag =
            key.as_deref().zip(asked).map(|(key, asked)| format!("heartbeat-mac: 1 {}\r\n", tag(key, asked, body)));
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{}content-length: {}\r\n\r\n{body}",
            tag.unwrap_or_default(),
            body.len()
        )
    }

    /// `None`: it says nothing.
    fn row_answer(&self, asked: Option<&[u8]>) -> Option<String> {
        match &*lock(&self.row) {
            OwnRow::Lacks => Some(NOT_FOUND.to_owned()),
            OwnRow::Keeps => None,
            OwnRow::Gives(body) => Some(self.ok(asked, body)),
        }
    }

    fn answer(&self, stream: &mut TcpStream, manner: Manner, asked: Option<&[u8]>) -> std::io::Result<()> {
        let whole = match manner {
            Manner::WrongIdentity => self.whole_answer(asked, "somebody-else", BOOT),
            Manner::NewNames => {
                let number = self.answers.fetch_add(1, Ordering::Relaxed);
                self.whole_answer(asked, &format!("{}-{number}", self.name), BOOT + 1 + number)
            }
            _ => self.whole_answer(asked, &self.name, BOOT),
        };
        match manner {
            Manner::GzipBomb => stream.write_all(bomb(&whole)),
            Manner::Honest | Manner::WrongIdentity | Manner::NewNames => stream.write_all(whole.as_bytes()),
            Manner::Garbage => stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"node\":?",
            ),
            Manner::ServerError => stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
            Manner::HalfAnswer => {
                stream.write_all(&whole.as_bytes()[..whole.len() - 40])?;
                stream.shutdown(std::net::Shutdown::Both)
            }
            Manner::Drip => whole.bytes().try_for_each(|byte| {
                self.idle(Duration::from_secs(1))?;
                stream.write_all(&[byte])
            }),
            Manner::Flood => {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
                )?;
                let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
                (0..FLOOD_CHUNKS).try_for_each(|_| stream.write_all(chunk.as_bytes()))
            }
            Manner::Mute => self.idle(Duration::from_secs(3600)),
        }
    }

    fn whole_answer(&self, asked: Option<&[u8]>, name: &str, boot: u64) -> String {
        let seq = self.started.elapsed().as_millis();
        let (fields, accusations) = (lock(&self.fields), lock(&self.accusations));
        let watched = lock(&self.watched);
        let rev = u8::from(!watched.is_empty());
        let body = format!(
            r#"{{"node":"{name}","boot":"{boot:016x}","seq":{seq},"state":"ready","version":"0.1.0","accusations":[{accusations}],"watch":{{"since":0,"rev":{rev},"peers":[{watched}]}}{fields}}}"#
        );
        self.ok(asked, &body)
    }

    /// An event stream on which nothing happens.
    fn stream(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"3\r\n:\n\n\r\n")?;
            self.idle(Duration::from_secs(5))?;
        }
    }

    /// Waits, but not beyond the end of the fake peer.
    fn idle(&self, span: Duration) -> std::io::Result<()> {
        let until = Instant::now() + span;
        while Instant::now() < until {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}
