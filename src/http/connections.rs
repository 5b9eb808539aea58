//! Who holds a connection, and who has to give one up when all are taken.
//!
//! A limit alone is a weapon: anyone who opens as many connections as there are, and keeps them, is all callers that the
//! node has, and its peers call it dead. So at the limit the caller that has been idle for longest makes room for the
//! new one, and only when no caller is idle is the new one refused. A reserve is for peers and this machine. One address
//! gets a part of what strangers may have.
//!
//! On one machine everybody has the same address. Then idleness alone decides: a peer's connection carries a ping each
//! interval, and one that carried the headers of a node goes last. Those headers can be forged; all that this gains is a
//! place beside the peers.
//!
//! Idle is who waits for nothing from this node: no request is being answered, or the answer is not being read. Event
//! streams are never idle; they have slots of their own, and a limit for writing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::detector::time::Monotonic;
use crate::telemetry::ends::Refused;

/// A new caller gets this long to send its request before it can be asked to make room: enough for a round trip on
/// most networks. Otherwise a burst of connections would only push each other out.
const GRACE: Duration = Duration::from_millis(100);
/// Not blocked: the answer is being read.
const NEVER: u64 = u64::MAX;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub all: usize,
    /// Part of `all` that only peers and this machine get.
    pub reserve: usize,
    /// Of one address that is not known.
    pub per_source: usize,
}

impl Rules {
    /// Four connections for each peer (a kept one, a stream, and a check or two) and some for this machine, but never
    /// more than half; a quarter of what strangers may have for one address.
    pub(super) fn new(all: usize, peers: usize) -> Rules {
        let reserve = (4 * peers + 16).min(all / 2);
        Rules { all, reserve, per_source: ((all - reserve) / 4).max(4) }
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Connection {
    number: u64,
    source: IpAddr,
    known: bool,
    /// It carried the headers of a node.
    is_node: AtomicBool,
    /// A request is being answered.
    busy: AtomicBool,
    /// It carries an event stream.
    streams: AtomicBool,
    /// When it was accepted or its last answer was made, in milliseconds.
    used: AtomicU64,
    /// Since when an answer has not been read, in milliseconds.
    blocked: AtomicU64,
    pub closed: CancellationToken,
}

/// All open connections of one port.
#[derive(Debug)]
pub(super) struct Connections {
    rules: Rules,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// By number.
    all: BTreeMap<u64, Arc<Connection>>,
    /// How many each address has.
    sources: BTreeMap<IpAddr, usize>,
}

/// A place among the connections.
#[derive(Debug)]
pub(super) struct Admitted {
    pub connection: Arc<Connection>,
    /// Another one was closed for it.
    pub closed_another: bool,
}

impl Connections {
    pub(super) fn new(rules: Rules) -> Connections {
        Connections { rules, open: Mutex::default() }
    }

    /// A place for a caller from `address`; `known`: the address of a peer, or of this machine; `scarce`: descriptors are
    /// running out, so there is a place only for another one's.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn admit(
        &self,
        address: IpAddr,
        known: bool,
        scarce: bool,
        now: Monotonic,
    ) -> Result<Admitted, Refused> {
        let source = source(address);
        let mut open = self.lock();
        let limit = if known { self.rules.all } else { self.rules.all - self.rules.reserve };
        let of_source = open.sources.get(&source).copied().unwrap_or_default();
        let mut closed_another = false;
        if !known && of_source >= self.rules.per_source {
            open.close_idle(now, |connection| connection.source == source).ok_or(Refused::Source)?;
            closed_another = true;
        } else if scarce || open.all.len() >= limit {
            let stranger = open.close_idle(now, |connection| !connection.known);
            let closed = if known { stranger.or_else(|| open.close_idle(now, |_| true)) } else { stranger };
            closed.ok_or(Refused::Full)?;
            closed_another = true;
        }
        Ok(Admitted { connection: open.add(source, known, now), closed_another })
    }

    /// Closes the connection that has been idle for longest, strangers first: descriptors have run out.
    pub(super) fn make_room(&self, now: Monotonic) -> bool {
        let mut open = self.lock();
        open.close_idle(now, |connection| !connection.known).or_else(|| open.close_idle(now, |_| true)).is_some()
    }

    /// The connection has ended.
    pub(super) fn release(&self, connection: &Connection) {
        self.lock().remove(connection.number);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // The maps are changed together by functions that cannot panic half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn add(&mut self, source: IpAddr, known: bool, now: Monotonic) -> Arc<Connection> {
        self.next += 1;
        let connection = Arc::new(Connection {
            number: self.next,
            source,
            known,
            is_node: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            streams: AtomicBool::new(false),
            used: AtomicU64::new(millis(now)),
            blocked: AtomicU64::new(NEVER),
            closed: CancellationToken::new(),
        });
        self.all.insert(self.next, Arc::clone(&connection));
        *self.sources.entry(source).or_default() += 1;
        connection
    }

    fn remove(&mut self, number: u64) {
        let Some(connection) = self.all.remove(&number) else { return };
        if let Some(count) = self.sources.get_mut(&connection.source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&connection.source);
            }
        }
    }

    /// Closes the one of those that may be closed that has been idle for longest. `None`: not one of them is idle.
    fn close_idle(&mut self, now: Monotonic, may: impl Fn(&Connection) -> bool) -> Option<()> {
        let idle = self.all.values().filter(|connection| may(connection));
        let idle = idle.filter_map(|connection| Some((connection.idle_since(now)?, connection)));
        let (_, longest) = idle.min_by_key(|(since, connection)| (connection.is_node(), *since))?;
        longest.closed.cancel();
        let number = longest.number;
        self.remove(number);
        Some(())
    }
}

impl Connection {
    /// A request begins to be answered. `is_node`: it carries the headers of a node.
    pub(super) fn begin(&self, is_node: bool) {
        self.busy.store(true, Ordering::Relaxed);
        if is_node {
            self.is_node.store(true, Ordering::Relaxed);
        }
    }

    /// The answer was made. `streams`: its body is an event stream.
    pub(super) fn answered(&self, now: Monotonic, streams: bool) {
        self.used.store(millis(now), Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
        self.streams.store(streams, Ordering::Relaxed);
    }

    /// An answer could not be written on; `None`: it is written.
    pub(super) fn blocked(&self, since: Option<Monotonic>) {
        self.blocked.store(since.map_or(NEVER, millis), Ordering::Relaxed);
    }

    fn is_node(&self) -> bool {
        self.is_node.load(Ordering::Relaxed)
    }

    /// Since when it has been idle, in milliseconds; `None` while it is not, or not for long enough.
    fn idle_since(&self, now: Monotonic) -> Option<u64> {
        let blocked = self.blocked.load(Ordering::Relaxed);
        let waits = self.busy.load(Ordering::Relaxed) || self.streams.load(Ordering::Relaxed);
        let since = match blocked {
            NEVER if waits => return None,
            NEVER => self.used.load(Ordering::Relaxed),
            blocked => blocked,
        };
        (since + GRACE.as_millis() as u64 <= millis(now)).then_some(since)
    }
}

/// What counts as one address: a host has a whole /64 network of IPv6.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

fn millis(at: Monotonic) -> u64 {
    u64::try_from(at.0.as_millis()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: &str = "192.0.2.1";
    const PEER: &str = "10.0.0.2";

    struct Port {
        connections: Connections,
        now: u64,
        scarce: bool,
    }

    impl Port {
        fn new(all: usize, reserve: usize, per_source: usize) -> Port {
            Port { connections: Connections::new(Rules { all, reserve, per_source }), now: 1_000, scarce: false }
        }

        fn now(&self) -> Monotonic {
            Monotonic(Duration::from_millis(self.now))
        }

        /// A connection each second.
        fn open(&mut self, address: &str) -> Result<Arc<Connection>, Refused> {
            self.now += 1_000;
            let address: IpAddr = address.parse().unwrap();
            let known = address.is_loopback() || address == PEER.parse::<IpAddr>().unwrap();
            self.connections.admit(address, known, self.scarce, self.now()).map(|admitted| admitted.connection)
        }
    }

    fn is_closed(connection: &Connection) -> bool {
        connection.closed.is_cancelled()
    }

    #[test]
    fn at_the_limit_the_stranger_that_was_idle_for_longest_makes_room() {
        let mut port = Port::new(4, 1, 9);
        let all = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|address| port.open(address).unwrap());
        all[0].begin(false);
        all[0].answered(port.now() + Duration::from_millis(1), false);
        let next = port.open("192.0.2.4").unwrap();
        assert_eq!(all.each_ref().map(|connection| is_closed(connection)), [false, true, false]);
        assert!(!is_closed(&next));
    }

    #[test]
    fn without_an_idle_one_the_new_one_is_refused() {
        let mut port = Port::new(3, 1, 9);
        let (busy, streams) = (port.open("192.0.2.1").unwrap(), port.open("192.0.2.2").unwrap());
        busy.begin(false);
        streams.begin(false);
        streams.answered(port.now(), true);
        assert_eq!(port.open("192.0.2.3").err(), Some(Refused::Full));
        // A caller that does not read its answer is idle, whatever it waits for.
        busy.blocked(Some(port.now()));
        port.open("192.0.2.3").unwrap();
        assert!(is_closed(&busy) && !is_closed(&streams));
    }

    #[test]
    fn strangers_leave_a_reserve_to_peers_and_this_machine() {
        let mut port = Port::new(4, 2, 9);
        let strangers = [port.open("192.0.2.1").unwrap(), port.open("192.0.2.2").unwrap()];
        strangers.iter().for_each(|stranger| stranger.begin(false));
        assert_eq!(port.open("192.0.2.3").err(), Some(Refused::Full));
        let known = [port.open(PEER).unwrap(), port.open("127.0.0.1").unwrap()];
        strangers[1].answered(port.now(), false);
        port.open(PEER).unwrap();
        assert!(is_closed(&strangers[1]) && !is_closed(&known[0]), "a stranger goes before a peer");
        // Among themselves they give way as well.
        port.open("::1").unwrap();
        assert!(is_closed(&known[0]));
    }

    #[test]
    fn the_connection_of_a_node_goes_last() {
        let mut port = Port::new(2, 1, 9);
        let (node, other) = (port.open("127.0.0.1").unwrap(), port.open("127.0.0.1").unwrap());
        node.begin(true);
        node.answered(port.now(), false);
        port.open("127.0.0.1").unwrap();
        assert!(is_closed(&other) && !is_closed(&node));
    }

    #[test]
    fn one_address_cannot_take_all_that_strangers_may_have() {
        let mut port = Port::new(10, 2, 2);
        let first = [port.open(STRANGER).unwrap(), port.open(STRANGER).unwrap()];
        port.open(STRANGER).unwrap();
        assert!(is_closed(&first[0]) && !is_closed(&first[1]), "it pushes out its own");
        let busy = [port.open("2001:db8::1").unwrap(), port.open("2001:db8::2").unwrap()];
        busy.iter().for_each(|connection| connection.begin(false));
        assert_eq!(port.open("2001:db8::3").err(), Some(Refused::Source), "one network of IPv6 is one address");
        port.open("2001:db8:0:1::1").unwrap();
    }

    #[test]
    fn while_descriptors_are_scarce_a_new_one_takes_the_place_of_an_idle_one() {
        let mut port = Port::new(9, 2, 9);
        let all = [STRANGER, "127.0.0.1", "127.0.0.1"].map(|address| port.open(address).unwrap());
        all[2].begin(true);
        all[2].answered(port.now(), false);
        port.scarce = true;
        let next = port.open("127.0.0.1").unwrap();
        next.begin(false);
        assert_eq!(all.each_ref().map(|connection| is_closed(connection)), [true, false, false], "strangers first");
        port.open("127.0.0.1").unwrap().begin(false);
        assert!(is_closed(&all[1]) && !is_closed(&all[2]), "nodes last");
        assert_eq!(port.open(STRANGER).err(), Some(Refused::Full), "nobody gives way to a stranger");
    }

    #[test]
    fn a_caller_that_has_just_come_gets_the_time_to_ask() {
        let mut port = Port::new(2, 1, 9);
        port.open(STRANGER).unwrap();
        let at_once = port.connections.admit("192.0.2.9".parse().unwrap(), false, false, port.now());
        assert_eq!(at_once.err(), Some(Refused::Full));
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_ended() {
        let mut port = Port::new(2, 1, 1);
        for _ in 0..5 {
            let connection = port.open(STRANGER).unwrap();
            connection.begin(false);
            port.connections.release(&connection);
            assert!(port.connections.lock().all.is_empty());
        }
        assert!(port.connections.lock().sources.is_empty());
    }

    #[test]
    fn rules_fit_small_and_large_limits() {
        for (all, peers) in [(16, 0), (16, 2), (1032, 2), (5120, 1024), (65_536, 1024)] {
            let Rules { reserve, per_source, .. } = Rules::new(all, peers);
            assert!(reserve >= 8 && reserve <= all / 2 && (4..=all - reserve).contains(&per_source), "{all} {peers}");
        }
    }
}
