//! Two small programs that the labs need and the product must not contain.
//!
//! `receiver` stands in for the person on call: it accepts the webhook calls of
//! Alertmanager, prints each as one line and lists them on request. `proxy` is a
//! slow link: it delays every answer by the time set with `delay`. The kernel can
//! do that too (`tc netem`) if it was built with it; a proxy works everywhere and
//! needs no privileges.
//!
//! One file with `std` only, so its image is one call of `rustc`, and neither the
//! node's image nor its dependencies grow.

// A program of the labs, not of the product: it may sleep and read the clock.
#![allow(clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const USAGE: &str = "labkit receiver [--port=9095]          accepts webhook calls at /, lists them at /notifications
labkit proxy --to=HOST:PORT [--port=8001]  forwards connections, each round trip delayed
labkit delay TIME                          sets the proxy's delay (0, 250ms, 1s), from inside its container
labkit check --port=PORT                   exit code 0 if a process listens there";

/// The control port of the proxy, on loopback only: `labkit delay` runs in the same container.
const CONTROL_PORT: u16 = 8009;
/// Calls kept by the receiver. A lab makes a handful; the oldest is dropped first.
const CALLS_KEPT: usize = 1000;
/// A webhook call with every alert of six nodes is far below it.
const BODY_MAX: usize = 1 << 20;
/// Bytes read from a connection at a time.
const CHUNK: usize = 16 << 10;
/// Chunks in flight in one direction of one connection: 1 MB, then the sender has to wait.
const CHUNKS_WAITING: usize = 64;
/// A connection without a request is closed after this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer delay is refused: it is probably a typing error.
const DELAY_MAX: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let option = |name: &str| arguments.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let port = |default: u16| match option("--port") {
        None => Ok(default),
        Some(text) => text.parse::<u16>().map_err(|_| format!("--port={text} is not a port number")),
    };
    match arguments.first().map(String::as_str) {
        Some("receiver") => serve("receiver", port(9095)?, receiver()),
        Some("proxy") => {
            let target = option("--to").ok_or("the proxy needs --to=HOST:PORT")?.to_owned();
            proxy(port(8001)?, target)
        }
        Some("delay") => order(arguments.get(1).ok_or("labkit delay needs a time, such as 250ms")?),
        Some("check") => connect_local(port(0)?).map(drop),
        _ => Err(USAGE.to_owned()),
    }
}

fn connect_local(port: u16) -> Result<TcpStream, String> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| format!("127.0.0.1:{port}: {error}"))
}

/// Listens on all interfaces and gives each connection a thread.
fn serve(what: &str, port: u16, answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map_err(|error| format!("port {port}: {error}"))?;
    println!("{{\"event\":\"started\",\"what\":\"{what}\",\"port\":{port}}}");
    accept(&listener, Arc::new(answer));
    Ok(())
}

fn accept(listener: &TcpListener, answer: Arc<impl Fn(TcpStream) + Send + Sync + 'static>) {
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        std::thread::spawn(move || answer(stream));
    }
}

// The receiver.

/// Each call as `{"at": seconds since 1970, "call": what Alertmanager sent}`.
type Calls = Mutex<VecDeque<String>>;

fn receiver() -> impl Fn(TcpStream) + Send + Sync {
    let calls = Calls::default();
    move |stream| {
        if let Err(error) = answer(&stream, &calls) {
            eprintln!("receiver: {error}");
        }
    }
}

fn answer(mut stream: &TcpStream, calls: &Calls) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let Some(request) = Request::read(&mut BufReader::new(stream))? else { return Ok(()) };
    let (status, body) = respond(&request, calls);
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn respond(request: &Request, calls: &Calls) -> (&'static str, String) {
    let mut calls = calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/") => {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            // The body is JSON from Alertmanager; it is passed on unchanged.
            let call = format!("{{\"at\":{at:.3},\"call\":{}}}", request.body.replace(['\r', '\n'], " "));
            println!("{call}");
            if calls.len() == CALLS_KEPT {
                calls.pop_front();
            }
            calls.push_back(call);
            ("200 OK", "{}".to_owned())
        }
        ("GET", "/notifications") => {
            let mut all = String::from("[");
            for (index, call) in calls.iter().enumerate() {
                let _ = write!(all, "{}{call}", if index == 0 { "" } else { "," });
            }
            all.push(']');
            ("200 OK", all)
        }
        ("GET", "/") => ("200 OK", format!("{{\"calls\":{}}}", calls.len())),
        _ => ("404 Not Found", "{}".to_owned()),
    }
}

struct Request {
    method: String,
    path: String,
    body: String,
}

impl Request {
    /// `None` if the caller closed without a request, as a health check does.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
        let wrong = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
        let mut reader = reader.take(BODY_MAX as u64 * 2);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(|_| wrong("content-length is not a number"))?;
            }
        }
        if length > BODY_MAX {
            return Err(wrong("a call of more than a megabyte"));
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(|_| wrong("a call that is not UTF-8"))?;
        Ok(Some(Request { method, path, body }))
    }
}

// The proxy.

fn proxy(port: u16, target: String) -> Result<(), String> {
    let delay = Arc::new(AtomicU64::new(0));
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, CONTROL_PORT))
        .map_err(|error| format!("port {CONTROL_PORT}, for orders: {error}"))?;
    let ordered = delay.clone();
    std::thread::spawn(move || accept(&control, Arc::new(move |stream| take_order(&stream, &ordered))));
    serve("proxy", port, move |client| match TcpStream::connect(&target) {
        Ok(server) => pass(&client, &server, &delay),
        // Dropping the client closes its connection: the caller sees that nothing listens.
        Err(error) => eprintln!("proxy: {target}: {error}"),
    })
}

fn order(text: &str) -> Result<(), String> {
    let delay = time(text)?;
    let mut stream = connect_local(CONTROL_PORT)?;
    let told = writeln!(stream, "{}", delay.as_millis()).and_then(|()| {
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer)?;
        Ok(answer)
    });
    match told {
        Ok(answer) if answer.trim() == "ok" => Ok(()),
        Ok(answer) => Err(format!("the proxy said {answer:?}")),
        Err(error) => Err(format!("the proxy: {error}")),
    }
}

fn take_order(mut stream: &TcpStream, delay: &AtomicU64) {
    let mut line = String::new();
    let read = BufReader::new(stream.take(32)).read_line(&mut line);
    if let (Ok(_), Ok(ms)) = (read, line.trim().parse()) {
        delay.store(ms, Ordering::Relaxed);
        println!("{{\"event\":\"delay\",\"ms\":{ms}}}");
        let _ = writeln!(stream, "ok");
    }
}

/// `0`, `250ms`, `1.5s`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time of at most {DELAY_MAX:?}, such as 250ms or 1s");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if time > DELAY_MAX { Err(wrong()) } else { Ok(time) }
}

/// Passes bytes both ways until both ends have closed. Each direction has half of the delay, so a round trip has all of it.
fn pass(client: &TcpStream, server: &TcpStream, delay: &AtomicU64) {
    for stream in [client, server] {
        let _ = stream.set_nodelay(true);
    }
    std::thread::scope(|scope| {
        for (from, to) in [(client, server), (server, client)] {
            let (sender, receiver) = sync_channel(CHUNKS_WAITING);
            scope.spawn(move || take(from, &sender, delay));
            scope.spawn(move || give(to, &receiver));
        }
    });
}

/// Bytes, and when they are due at the other end. The queue keeps their order even if the delay is reduced.
type Late = (Instant, Vec<u8>);

fn take(mut from: &TcpStream, queue: &SyncSender<Late>, delay: &AtomicU64) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count) = from.read(&mut chunk) {
        let due = Instant::now() + Duration::from_millis(delay.load(Ordering::Relaxed)) / 2;
        if count == 0 || queue.send((due, chunk[..count].to_vec())).is_err() {
            return;
        }
    }
}

fn give(mut to: &TcpStream, queue: &Receiver<Late>) {
    while let Ok((due, bytes)) = queue.recv() {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            // The reader of this direction must end too, or the pair would wait forever for a close.
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn calls_are_kept_and_told() {
        let calls = Calls::default();
        let call = request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}");
        assert_eq!(respond(&call, &calls).0, "200 OK");
        respond(&call, &calls);
        let (status, body) = respond(&request("GET /notifications HTTP/1.1\r\n\r\n"), &calls);
        assert_eq!(status, "200 OK");
        assert_eq!(body.matches("\"call\":{\"status\":\"ok\"}").count(), 2, "{body}");
        assert_eq!(respond(&request("GET / HTTP/1.1\r\n\r\n"), &calls).1, "{\"calls\":2}");
        assert_eq!(respond(&request("GET /else HTTP/1.1\r\n\r\n"), &calls).0, "404 Not Found");
    }

    #[test]
    fn only_the_last_calls_are_kept() {
        let calls = Calls::default();
        let call = request("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
        for _ in 0..=CALLS_KEPT {
            respond(&call, &calls);
        }
        assert_eq!(calls.lock().unwrap().len(), CALLS_KEPT);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(Request::read(&mut "".as_bytes()).unwrap().is_none(), "closed without a word");
        for wrong in [
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}",
            &format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", BODY_MAX + 1),
        ] {
            assert!(Request::read(&mut wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn times_are_read() {
        for (text, ms) in [("0", 0), ("250ms", 250), ("1s", 1000), ("1.5s", 1500)] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for wrong in ["", "x", "-1s", "61s", "1h"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }

    /// An echo behind a proxy with the given delay: the time of one round trip.
    fn round_trip(delay_ms: u64) -> Duration {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (echo, front) = (listen(), listen());
        let (behind, address) = (echo.local_addr().unwrap(), front.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = echo.accept().unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        });
        std::thread::spawn(move || {
            let (client, _) = front.accept().unwrap();
            pass(&client, &TcpStream::connect(behind).unwrap(), &AtomicU64::new(delay_ms));
        });
        let mut stream = TcpStream::connect(address).unwrap();
        let began = Instant::now();
        stream.write_all(b"word").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut back = String::new();
        stream.read_to_string(&mut back).unwrap();
        assert_eq!(back, "word", "every byte, and then the end");
        began.elapsed()
    }

    #[test]
    fn the_delay_is_that_of_the_round_trip() {
        assert!(round_trip(200) >= Duration::from_millis(200));
        round_trip(0);
    }
}
