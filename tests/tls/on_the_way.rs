//! Somebody between two nodes, who sees all bytes, changes them and plays them again.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::kit::certificates::{Authority, Folder};
use super::meshes::{mesh, peer};
use super::support::{Cluster, Report, SOON, check, hold, millis, seconds};

/// More than the connections of the case, and than one of them carries.
const CONNECTIONS: usize = 100;
const BYTES: usize = 1 << 20;

struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    falsifies: AtomicBool,
    /// Nothing goes on, in neither direction; what comes meanwhile goes on later, also of ends that are gone by then.
    holds: AtomicBool,
    /// Open connections stop, and each that comes gets its handshake and no more, until it is released.
    captures: AtomicBool,
    /// Connections so far that hold a request, and how many of them may send it, oldest first.
    captured: AtomicUsize,
    released: AtomicUsize,
    /// What callers sent, by connection.
    sent: Mutex<Vec<Vec<u8>>>,
}

impl Proxy {
    fn to(node: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let proxy = Proxy { address: listener.local_addr().expect("bound"), shared: Arc::default() };
        let shared = Arc::clone(&proxy.shared);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.pass(&caller, &TcpStream::connect(node).ok()?));
            }
        });
        proxy
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn pass(&self, caller: &TcpStream, node: &TcpStream) -> Option<()> {
        let place = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(Vec::new());
            sent.len() - 1
        };
        let captured = self.captures.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            if captured {
                scope.spawn(|| self.capture(caller, node));
            } else {
                scope.spawn(|| self.copy(caller, node, Some(place)));
            }
            self.copy(node, caller, None);
        });
        Some(())
    }

    /// Passes on what the caller sends for the handshake. What follows waits for its turn, and the end with it.
    fn capture(&self, mut caller: &TcpStream, mut node: &TcpStream) -> Option<()> {
        let mut encrypted = 0;
        loop {
            // RFC 8446, section 5.1: type, version and length. The first encrypted record ends the handshake.
            let mut record = vec![0; 5];
            caller.read_exact(&mut record).ok()?;
            record.resize(5 + usize::from(u16::from_be_bytes([record[3], record[4]])), 0);
            caller.read_exact(&mut record[5..]).ok()?;
            encrypted += usize::from(record[0] == 23);
            if encrypted == 2 {
                let turn = self.captured.fetch_add(1, Ordering::SeqCst);
                while self.released.load(Ordering::SeqCst) <= turn {
                    hold(millis(5));
                }
            }
            node.write_all(&record).ok()?;
        }
    }

    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, place: Option<usize>) {
        let mut chunk = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            match place {
                Some(place) => {
                    let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
                    if place < CONNECTIONS && sent[place].len() < BYTES {
                        sent[place].extend_from_slice(&chunk[..length]);
                    }
                }
                None if self.falsifies.load(Ordering::Relaxed) => chunk[length - 1] ^= 1,
                None => {}
            }
            let captures = || place.is_some() && self.captures.load(Ordering::Relaxed);
            while self.holds.load(Ordering::Relaxed) || captures() {
                hold(millis(5));
            }
            if to.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

/// One changed bit ends a connection and shows no life; what was recorded is no handshake when it is played again.
pub fn bytes_that_are_changed_and_played_again(report: &Report) {
    let folder = Folder::new("way");
    let (mut cluster, proxy) = proxied(&folder);
    let node_2 = cluster.node(2).host.address;
    proxy.shared.falsifies.store(true, Ordering::Relaxed);
    let said = check("node-1 has no answer of node-2 that it can read", SOON, || {
        let peer = cluster.node(1).peer("node-2")?;
        let flaw = peer["flaw"].as_str().unwrap_or_default().to_owned();
        if peer["state"] == "unreachable" && flaw.contains("TLS") { Ok(flaw) } else { Err(peer.to_string()) }
    });
    report.say(format!("changed: {said}"));
    proxy.shared.falsifies.store(false, Ordering::Relaxed);
    cluster.settle();
    let clear = ["GET /ping", "heartbeat-node", "node-1"];
    // Of pings, streams and questions, from before and after the change.
    let sent = proxy.sent();
    let sent = [&sent[..4], &sent[sent.len() - 4..]].concat();
    let seen = |word: &&str| sent.iter().any(|bytes| bytes.windows(word.len()).any(|part| part == word.as_bytes()));
    assert!(!clear.iter().any(seen), "somebody on the way can read it");
    let before = refused(&cluster).expect("is counted");
    let killed = cluster.kill(1);
    for bytes in &sent {
        play(node_2, bytes);
    }
    cluster.await_event(2, "peer_down", "node-1", killed, SOON);
    for bytes in &sent {
        play(node_2, bytes);
    }
    cluster.assert_view(2, "node-1", "dead/down");
    let count = check("what was recorded is refused", SOON, || match refused(&cluster)? - before {
        0.0 => Err("nothing was".to_owned()),
        count => Ok(count),
    });
    report.say(format!("{} connections played twice, {count} refused as handshakes", sent.len()));
    cluster.assert_down_only(&["node-1"]);
}

/// A mesh in which node-1 reaches node-2 through the proxy.
fn proxied(folder: &Folder) -> (Cluster, Proxy) {
    let authority = Authority::new("mesh");
    let mut cluster = mesh(3, folder, &authority, true);
    let proxy = Proxy::to(cluster.node(2).host.address);
    let peers = format!("node-2=https://{},{}", proxy.address, peer(&cluster, 3));
    cluster.node_mut(1).replace_peers(&peers);
    cluster.start_all();
    cluster.settle();
    (cluster, proxy)
}

/// A node that is frozen ends no connection, nor does a host that has fallen silent. Pings that were held are those of a
/// member, so they vouch for it, one for each connection that the node called has not closed in the meantime.
pub fn pings_that_are_held_until_their_sender_is_frozen(report: &Report) {
    let folder = Folder::new("frozen");
    let (cluster, proxy) = proxied(&folder);
    proxy.shared.captures.store(true, Ordering::Relaxed);
    let captured = || proxy.shared.captured.load(Ordering::SeqCst);
    check("eight pings are held", SOON * 2, || if captured() >= 8 { Ok(()) } else { Err(captured().to_string()) });
    let frozen = cluster.signal(1, "STOP");
    let mut vouched = 0;
    while cluster.logged(2, &["peer_down"], frozen).is_empty() {
        proxy.shared.released.fetch_add(1, Ordering::SeqCst);
        hold(seconds(1));
        let peer = cluster.node(2).peer("node-1").expect("is watched");
        // Not the last ping from before the freeze.
        let is_new = peer["last_proof_ms"].as_u64().is_some_and(|age| age < 1500);
        vouched += usize::from(is_new && frozen.elapsed() > seconds(2));
        assert!(frozen.elapsed() < seconds(90), "{} pings keep node-1 alive", captured());
    }
    for observer in [2, 3] {
        let line = cluster.await_event(observer, "peer_down", "node-1", frozen, SOON);
        report.say(format!("node-{observer}: {}, after {:?}", line.text("sentence"), line.at.duration_since(frozen)));
    }
    assert!(vouched > 0, "none of them counted: what docs/security.md says of them has changed");
    report.say(format!("{} pings were held; {vouched} of them counted", captured()));
    cluster.assert_down_only(&["node-1"]);
}

/// Pings, answers and news that are held until their sender is dead do not keep it alive.
pub fn bytes_that_are_held_back(report: &Report) {
    let folder = Folder::new("held");
    let (mut cluster, proxy) = proxied(&folder);
    proxy.shared.holds.store(true, Ordering::Relaxed);
    let line = cluster.node(1).log.wait(Instant::now(), SOON, |line| line.event() == "peer_unreachable");
    report.say(line.expect("node-1 has no answer").text("sentence"));
    let killed = cluster.kill(1);
    proxy.shared.holds.store(false, Ordering::Relaxed);
    for observer in [2, 3] {
        let line = cluster.await_event(observer, "peer_down", "node-1", killed, SOON);
        let took = line.at.duration_since(killed);
        report.say(format!("node-{observer}: {}, after {took:?}", line.text("sentence")));
        // A second or two where the machine is not busy.
        assert!(took < seconds(10), "what was held keeps node-1 alive for {took:?}");
    }
    cluster.assert_down_only(&["node-1"]);
}

/// Handshakes that node-2 has refused.
fn refused(cluster: &Cluster) -> Result<f64, String> {
    cluster.node(2).metrics()?.value("heartbeat_connections_closed_total", &["reason=\"handshake\""])
}

/// As fast as it goes; whatever comes back is thrown away.
fn play(node: SocketAddr, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(node) else { return };
    stream.set_read_timeout(Some(seconds(1))).expect("a socket");
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
}
