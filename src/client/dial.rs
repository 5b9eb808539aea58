//! A new TCP connection to one of a peer's addresses, within a limit.
//!
//! `localhost` is two addresses and a host in a double-stack network has one of
//! each kind. The next address is tried as soon as the one before has failed,
//! and in parallel when it is merely slow (RFC 8305, "happy eyeballs"). The
//! connector in hyper-util waits 300 ms before it tries the other family *even
//! after a refusal*, which is longer than the whole wait for a killed process
//! here, and shares its time limit out among the addresses; so this
//! module has its own.
//!
//! What the failures of several addresses show together: while one of them is
//! still silent nothing is concluded, and at the limit the whole counts as
//! silent, because silence earns the longer wait. One exception: the address
//! that accepted the last connection counts for the node. When it refuses, the
//! others get the usual delay and no more, so a killed process behind a name
//! whose IPv6 address never worked is found as fast as any other. When all have
//! failed, the most telling failure is kept: a refusal comes from a host, a
//! missing route may be a router's, and a machine without IPv6 fails by itself
//! at every IPv6 address.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time;

use super::{evidence, shortage};
use crate::detector::evidence::Evidence;

/// How long one address may stay silent before the next is tried beside it.
/// RFC 8305 recommends 250 ms and allows 100.
const STAGGER: Duration = Duration::from_millis(100);
/// Addresses of one name that are tried. A name with more is a load balancer, not a node.
const ADDRESSES: usize = 8;

/// The addresses of one host, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidates {
    pub addresses: Vec<SocketAddr>,
    /// The first one accepted the last connection to this host.
    pub first_is_proven: bool,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// No address accepted one; this is the most telling failure of them.
    #[error("{error}")]
    Failed { error: io::Error, evidence: Evidence },
    /// The limit was over while an address was still silent; some may have failed before.
    #[error("{}", silence(*limit, failed.as_ref()))]
    Silent { limit: Duration, failed: Option<io::Error> },
}

impl DialError {
    /// This process had no descriptor left for one of the addresses.
    pub(super) fn is_shortage(&self) -> bool {
        match self {
            DialError::Failed { error, .. } | DialError::Silent { failed: Some(error), .. } => shortage::is_of(error),
            DialError::Silent { failed: None, .. } => false,
        }
    }

    /// What it shows about the host.
    pub(crate) fn evidence(&self) -> Evidence {
        match self {
            DialError::Failed { evidence, .. } => *evidence,
            DialError::Silent { .. } => Evidence::Silent,
        }
    }
}

/// A connection to the first of the candidates that accepts one.
///
/// # Errors
/// The most telling failure; `Silent` when `limit` is over first.
pub(super) async fn dial(candidates: &Candidates, limit: Duration) -> Result<TcpStream, DialError> {
    let stream = race(candidates, limit).await?;
    // Without it a small request could wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn race(candidates: &Candidates, limit: Duration) -> Result<TcpStream, DialError> {
    if let [only] = candidates.addresses[..] {
        let ended = time::timeout(limit, TcpStream::connect(only)).await;
        let Ok(ended) = ended else { return Err(DialError::Silent { limit, failed: None }) };
        return ended.map_err(|error| Failure::new(only, error).into());
    }
    let mut end = pin!(time::sleep(limit));
    let mut rest = candidates.addresses.iter().copied().take(ADDRESSES).enumerate().peekable();
    let mut attempts: JoinSet<(usize, Result<TcpStream, Failure>)> = JoinSet::new();
    let mut shown = None;
    let mut is_refused_by_proven = false;
    loop {
        match rest.next() {
            Some((number, address)) => {
                let attempt =
                    async move { TcpStream::connect(address).await.map_err(|error| Failure::new(address, error)) };
                drop(attempts.spawn(async move { (number, attempt.await) }));
            }
            None if attempts.is_empty() => return Err(shown.unwrap_or_else(no_address).into()),
            None => {}
        }
        tokio::select! {
            biased;
            Some(ended) = attempts.join_next() => match ended {
                Ok((_, Ok(stream))) => return Ok(stream),
                Ok((number, Err(failure))) => {
                    let is_proven = number == 0 && candidates.first_is_proven;
                    is_refused_by_proven |= is_proven && failure.evidence == Evidence::Refused;
                    shown = Some(more_telling(shown, failure));
                }
                Err(error) => shown = Some(more_telling(shown, Failure::silent(io::Error::other(error)))),
            },
            () = time::sleep(STAGGER), if rest.peek().is_some() => {}
            () = time::sleep(STAGGER), if rest.peek().is_none() && is_refused_by_proven => {
                return Err(shown.unwrap_or_else(no_address).into());
            }
            () = &mut end => return Err(DialError::Silent { limit, failed: shown.map(|shown| shown.error) }),
        }
    }
}

/// With the failure that a person can act on, where there was one.
fn silence(limit: Duration, failed: Option<&io::Error>) -> String {
    let limit = limit.as_secs_f64();
    match failed {
        Some(failed) => format!("{failed}; another of its addresses did not answer within {limit} s"),
        None => format!("no connection within {limit} s"),
    }
}

/// Why one address did not accept.
struct Failure {
    error: io::Error,
    evidence: Evidence,
}

impl Failure {
    fn new(address: SocketAddr, error: io::Error) -> Failure {
        Failure { evidence: evidence::of_connect(address, &error), error }
    }

    fn silent(error: io::Error) -> Failure {
        Failure { error, evidence: Evidence::Silent }
    }
}

impl From<Failure> for DialError {
    fn from(Failure { error, evidence }: Failure) -> DialError {
        DialError::Failed { error, evidence }
    }
}

fn no_address() -> Failure {
    Failure::silent(io::Error::other("the name has no addresses"))
}

/// The failure that says more about the host; of equal ones the first, whose address a person would try first.
fn more_telling(before: Option<Failure>, now: Failure) -> Failure {
    let telling = |failure: &Failure| match failure.error.kind() {
        _ if failure.evidence == Evidence::Refused => 2,
        io::ErrorKind::HostUnreachable | io::ErrorKind::TimedOut if failure.evidence == Evidence::Silent => 1,
        // This machine has no route to such an address: no host was asked.
        _ => 0,
    };
    match before {
        Some(before) if telling(&before) >= telling(&now) => before,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn closed_port() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("bound")
    }

    fn of(addresses: &[SocketAddr]) -> Candidates {
        Candidates { addresses: addresses.to_vec(), first_is_proven: false }
    }

    /// A port that takes no more connections and refuses none: its queue is full and no process accepts.
    async fn silent_port() -> (TcpListener, Vec<TcpStream>) {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = socket.listen(1).expect("listens");
        let address = listener.local_addr().expect("bound");
        let mut queued = Vec::new();
        while let Ok(stream) = time::timeout(STAGGER, TcpStream::connect(address)).await {
            queued.push(stream.expect("accepted by the kernel"));
        }
        (listener, queued)
    }

    #[tokio::test]
    async fn a_refusal_does_not_delay_the_next_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let open = listener.local_addr().expect("bound");
        let closed = closed_port().await;
        let stream = time::timeout(STAGGER, dial(&of(&[closed, closed, open]), SECOND)).await.expect("at once");
        assert_eq!(stream.expect("connected").peer_addr().expect("has one"), open);
    }

    #[tokio::test]
    async fn refusals_are_reported_at_once() {
        let closed = closed_port().await;
        for addresses in [&[closed][..], &[closed, closed]] {
            let result = time::timeout(STAGGER, dial(&of(addresses), SECOND)).await.expect("at once");
            assert_eq!(result.expect_err("closed").evidence(), Evidence::Refused);
        }
    }

    #[tokio::test]
    async fn no_address_is_silence() {
        let error = dial(&of(&[]), SECOND).await.expect_err("nowhere to go");
        assert_eq!(error.evidence(), Evidence::Silent);
    }

    #[tokio::test]
    async fn a_refusal_counts_beside_silence_only_from_the_address_that_last_worked() {
        let (closed, (silent, _queued)) = (closed_port().await, silent_port().await);
        let silent = silent.local_addr().expect("bound");
        let limit = 4 * STAGGER;
        for (addresses, first_is_proven, expected) in [
            ([closed, silent], true, Evidence::Refused),
            ([closed, silent], false, Evidence::Silent),
            ([silent, closed], true, Evidence::Silent),
        ] {
            let candidates = Candidates { addresses: addresses.to_vec(), first_is_proven };
            let error = dial(&candidates, limit).await.expect_err("no address accepts");
            assert_eq!(error.evidence(), expected, "{candidates:?}");
            assert!(error.to_string().contains("refused"), "the failure of an address that answered: {error}");
        }
    }

    #[test]
    fn the_failure_of_the_address_that_a_person_would_try_is_kept() {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
        for (before, now, kept) in [
            (None, AddrNotAvailable, AddrNotAvailable),
            (Some(AddrNotAvailable), ConnectionRefused, ConnectionRefused),
            (Some(ConnectionRefused), AddrNotAvailable, ConnectionRefused),
            (Some(HostUnreachable), NetworkUnreachable, HostUnreachable),
            (Some(HostUnreachable), ConnectionRefused, ConnectionRefused),
        ] {
            let failure = |kind: io::ErrorKind| {
                let error = io::Error::from(kind);
                Failure { evidence: evidence::of_io(&error), error }
            };
            let told = more_telling(before.map(failure), failure(now));
            assert_eq!(told.error.kind(), kept, "{before:?} then {now:?}");
        }
    }
}
