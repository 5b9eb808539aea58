//! Room for sockets: the soft limit of file descriptors is raised to the hard one at start.
//!
//! The soft limit is 1024 on most systems, for programs of the last century that use `select`. A node with 540 peers and
//! its callers needs more, and a node that has none left can neither ping nor be pinged. Where even the hard limit is
//! too low, fewer connections are accepted, so that pings still have theirs, and a warning says so.

/// Standard streams, ports, the poll, the resolver, `/proc`, and what the system's libraries open.
const OWN: u64 = 64;
/// A kept connection, its successor, a stream, and a check or two: those that this node makes to each peer.
const PER_PEER: u64 = 5;
/// Connections of the metrics port when all are taken at once.
const METRICS: u64 = 64;
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
    fn the_soft_limit_is_the_hard_one_afterwards() {
        use rustix::process::{Resource, getrlimit};
        make_room(0, 16).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
