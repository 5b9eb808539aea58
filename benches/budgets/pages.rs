//! The cost of open pages for their node.
//!
//! A page here does what `page.js` does in a browser, with the same times: it holds an event stream, loads the page
//! every two seconds, and after each event at once, half a second later and a second after that. Where the node has no slot
//! for its stream (there are 64, `--max-streams`), it tries again every 15 s and meanwhile loads all the same.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::figure::Measurement;
use super::machine::{self, Used};
use super::support::{Cluster, Plan, hold, millis, seconds};

const PAGES: usize = 100;
// The times of page.js.
const PERIOD: Duration = millis(2000);
const GAP: Duration = millis(350);
static AFTERWARDS: [Duration; 2] = [millis(500), millis(1000)];
const REOPEN: Duration = seconds(15);

const MEASURED: Duration = seconds(20);
/// How often something happens in the second half: a peer is killed or started again.
const APART: Duration = seconds(10);

pub fn figures() -> Vec<Measurement> {
    let cluster = Plan::loopback(3).start();
    hold(seconds(3));
    let process = cluster.node(1).process_id();
    let alone = machine::watch(process, MEASURED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let opened = Rc::new(Opened::default());
    let measured = tokio::task::LocalSet::new().block_on(&runtime, async {
        for index in 0..PAGES {
            tokio::task::spawn_local(open(cluster.node(1).host.address, index, opened.clone()));
        }
        tokio::task::spawn_blocking(move || measure(cluster)).await.expect("the measurement ends")
    });
    let [quiet, busy] = measured.map(|used| used.cpu_ms_per_second() / 10.0);
    let idle = alone.cpu_ms_per_second() / 10.0;
    let what = format!("{PAGES} open pages of a node of three");
    vec![
        Measurement::new(format!("{what}: share of one core"), "%", quiet - idle, Some(2.0)).note(format!(
            "{} with a stream; {:.0} loads per second; the node alone {idle:.2} %",
            opened.streams.get(),
            opened.loads.get() as f64 / opened.since.get().map_or(1.0, |since| since.elapsed().as_secs_f64()),
        )),
        Measurement::new(format!("{what}, a peer fails or returns every {APART:?}"), "%", busy - idle, Some(2.0)),
    ]
}

/// Used while nothing happens, and while something does.
fn measure(mut cluster: Cluster) -> [Used; 2] {
    // All pages are there by then, and those without a stream have tried again.
    hold(REOPEN + seconds(5));
    let process = cluster.node(1).process_id();
    let quiet = machine::watch(process, MEASURED);
    let (before, began) = (machine::Usage::of(process), std::time::Instant::now());
    for _ in 0..2 {
        cluster.kill(3);
        hold(APART);
        cluster.start(3);
        hold(APART);
    }
    assert!(began.elapsed() >= MEASURED);
    [quiet, machine::Usage::of(process).since(&before)]
}

#[derive(Default)]
struct Opened {
    streams: Cell<usize>,
    loads: Cell<u64>,
    since: Cell<Option<Instant>>,
}

/// One page, for as long as the measurement lasts.
async fn open(node: SocketAddr, index: usize, opened: Rc<Opened>) {
    // People come one after the other.
    sleep(PERIOD.mul_f64(index as f64 / PAGES as f64)).await;
    opened.since.set(opened.since.get().or_else(|| Some(Instant::now())));
    let happened = Rc::new(Notify::new());
    tokio::task::spawn_local(follow(node, happened.clone(), opened.clone()));
    let mut connection = None;
    let mut afterwards = [].iter();
    loop {
        let begun = Instant::now();
        // A node that does not answer is asked again at the next turn, over a new connection.
        connection = load(node, connection).await.ok();
        opened.loads.set(opened.loads.get() + 1);
        let wait = *afterwards.next().unwrap_or(&PERIOD);
        tokio::select! {
            () = sleep_until(begun + wait) => {}
            () = happened.notified() => {
                afterwards = AFTERWARDS.iter();
                sleep_until(begun + GAP).await;
            }
        }
    }
}

/// What a browser sends along.
fn request(node: SocketAddr, path: &str, accept: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {node}\r\nconnection: keep-alive\r\ncache-control: no-cache\r\npragma: no-cache\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n\
         accept: {accept}\r\nsec-fetch-site: same-origin\r\nsec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\n\
         referer: http://{node}/\r\naccept-encoding: gzip, deflate, br, zstd\r\naccept-language: en-GB,en;q=0.9\r\n\r\n"
    )
}

async fn load(node: SocketAddr, connection: Option<TcpStream>) -> std::io::Result<TcpStream> {
    let mut stream = match connection {
        Some(stream) => stream,
        None => TcpStream::connect(node).await?,
    };
    stream.write_all(request(node, "/", "*/*").as_bytes()).await?;
    let mut bytes = Vec::with_capacity(16 * 1024);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(&mut stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let length = length.expect("a page has a length");
    while bytes.len() < end + length {
        more(&mut stream, &mut bytes).await?;
    }
    Ok(stream)
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    if stream.read_buf(bytes).await? == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Holds the event stream, and says when something happened.
async fn follow(node: SocketAddr, happened: Rc<Notify>, opened: Rc<Opened>) {
    loop {
        // However it ended, the page asks again later.
        let _ = read_events(node, &happened, &opened).await;
        sleep(REOPEN).await;
    }
}

async fn read_events(node: SocketAddr, happened: &Notify, opened: &Opened) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(node).await?;
    stream.write_all(request(node, "/api/v1/events", "text/event-stream").as_bytes()).await?;
    let mut bytes = Vec::with_capacity(4096);
    more(&mut stream, &mut bytes).await?;
    if !bytes.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    opened.streams.set(opened.streams.get() + 1);
    loop {
        bytes.clear();
        more(&mut stream, &mut bytes).await?;
        if bytes.windows(6).any(|window| window == b"event:") {
            happened.notify_one();
        }
    }
}
