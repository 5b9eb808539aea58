//! Room for sockets: the soft limit of file descriptors is raised to the hard one at start.
//!
//! The soft limit is 1024 on most systems, for programs of the last century that use `select`. A node with 540 peers and
//! its callers needs more, and a node that has none left can neither ping nor be pinged. Where even the hard limit is
//! too low, fewer connections are accepted, so that pings still have theirs, and a warning says so.
//!
//! Numbers from the start do not hold for ever: the limit can be lowered, and something else in the process may open
//! files. So each accepted connection shows how many are left, and callers do not get the last ones. Waiting until
//! accepting fails was turned down: until an idle caller has given one back, peers wait in the system's queue behind
//! strangers, for seconds, and this node's own pings fail.

/// Standard streams, ports, the poll, the resolver, `/proc`, and what the system's libraries open.
const OWN: u64 = 64;
/// A kept connection, its successor, a stream, and a check or two: those that this node makes to each peer.
const PER_PEER: u64 = 5;
/// Connections of the metrics port when all are taken at once.
const METRICS: u64 = 64;
/// Descriptors that callers leave free: for the new connections of this node to each peer, of those above, ...
const FREE_PER_PEER: u64 = 3;
/// ... for lookups, questions to witnesses and files, ...
const FREE: u64 = 8;
/// ... but no more than this part of the limit, or a low one would leave no room for callers.
const FREE_PART: u64 = 4;
/// A port with fewer connections is of no use; then accepting fails at times, which is told.
const CONNECTIONS_MIN: usize = 16;

/// What the limit of descriptors leaves for connections of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The limit of descriptors.
    pub limit: u64,
    /// What everything at once would take.
    pub needed: u64,
    /// As many connections as there is room for, at most as many as were wished.
    pub connections: usize,
}

/// Raises the limit, and says what it has room for. `None` where the system has no such limit, or does not tell.
pub(crate) fn make_room(peers: usize, connections: usize) -> Option<Room> {
    Some(room(raised_limit()?, peers, connections))
}

fn room(limit: u64, peers: usize, connections: usize) -> Room {
    let own = OWN + METRICS + PER_PEER * peers as u64;
    let left = usize::try_from(limit.saturating_sub(own)).unwrap_or(usize::MAX);
    Room { limit, needed: own + connections as u64, connections: connections.min(left.max(CONNECTIONS_MIN)) }
}

/// Descriptors are running out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scarce {
    pub left: u64,
    pub limit: u64,
}

/// Whether a connection that was just accepted has taken one of the descriptors that are to stay free.
#[cfg(unix)]
pub(crate) fn scarce(accepted: &impl std::os::fd::AsRawFd, peers: usize) -> Option<Scarce> {
    use rustix::process::{Resource, getrlimit};
    scarce_at(u64::try_from(accepted.as_raw_fd()).ok()?, getrlimit(Resource::Nofile).current?, peers)
}

#[cfg(not(unix))]
pub(crate) fn scarce<T>(_: &T, _: usize) -> Option<Scarce> {
    None
}

/// The system gives the lowest number that is free: all below this one are in use.
#[cfg(unix)]
fn scarce_at(number: u64, limit: u64, peers: usize) -> Option<Scarce> {
    let left = limit.saturating_sub(number + 1);
    let free = (FREE + FREE_PER_PEER * peers as u64).min(limit / FREE_PART);
    (left < free).then_some(Scarce { left, limit })
}

#[cfg(unix)]
fn raised_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // A hard limit beyond what the kernel takes stays where it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(not(unix))]
fn raised_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_leaves_the_peers_their_descriptors() {
        for (limit, peers, wished, connections) in [
            (1 << 20, 1024, 5120, 5120),
            (1024, 2, 1032, 886),
            (1024, 180, 1744, CONNECTIONS_MIN),
            (24, 0, 1024, CONNECTIONS_MIN),
            (u64::MAX, 0, 16, 16),
        ] {
            assert_eq!(room(limit, peers, wished).connections, connections, "{limit} {peers}");
        }
        assert_eq!(room(1024, 2, 1032).needed, 64 + 64 + 10 + 1032);
    }

    #[cfg(unix)]
    #[test]
    fn callers_leave_the_last_descriptors_free() {
        for (number, limit, peers, left) in [
            (1008, 1024, 2, None),
            (1009, 1024, 2, None),
            (1010, 1024, 2, Some(13)),
            (1023, 1024, 2, Some(0)),
            (35, 48, 2, None),
            (36, 48, 2, Some(11)),
            // The limit was lowered below what is in use.
            (60, 48, 2, Some(0)),
            (767, 1024, 1024, None),
            (768, 1024, 1024, Some(255)),
        ] {
            let scarce = left.map(|left| Scarce { left, limit });
            assert_eq!(scarce_at(number, limit, peers), scarce, "{number} of {limit}, {peers} peers");
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(scarce(&file, 0), None, "a test has enough");
    }

    #[cfg(unix)]
    #[test]
    fn the_soft_limit_is_the_hard_one_afterwards() {
        use rustix::process::{Resource, getrlimit};
        make_room(0, 16).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
