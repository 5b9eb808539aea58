//! A new TCP connection to one of a peer's addresses, within a limit.
//!
//! `localhost` is two addresses and a host in a double-stack network has one of
//! each kind. The next address is tried as soon as the one before has failed,
//! and in parallel when it is merely slow (RFC 8305, "happy eyeballs"). The
//! connector in hyper-util waits 300 ms before it tries the other family *even
//! after a refusal*, which is longer than the whole wait for a killed process
//! here, and shares its time limit out among the addresses; hence this one.
//!
//! What the failures of several addresses show together: while one of them is
//! still silent nothing is concluded, and at the limit the whole counts as
//! silent, because silence earns the longer wait. When all have failed before,
//! a refusal counts more than "unreachable": a machine without IPv6 says the
//! latter of every IPv6 address.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time;

use super::evidence;
use crate::detector::evidence::Evidence;

/// How long one address may stay silent before the next is tried beside it.
/// RFC 8305 recommends 250 ms and allows 100.
const STAGGER: Duration = Duration::from_millis(100);
/// Addresses of one name that are tried. A name with more is a load balancer, not a node.
const ADDRESSES: usize = 8;

/// A connection to the first of `addresses` that accepts one.
///
/// # Errors
/// What the failures show together; `Silent` when `limit` is over first.
pub async fn dial(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Evidence> {
    let stream = match time::timeout(limit, race(addresses)).await {
        Ok(result) => result?,
        Err(_) => return Err(Evidence::Silent),
    };
    // Without it a small request could wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn race(addresses: &[SocketAddr]) -> Result<TcpStream, Evidence> {
    if let [only] = addresses {
        return TcpStream::connect(*only).await.map_err(|error| evidence::of_io(&error));
    }
    let mut rest = addresses.iter().copied().take(ADDRESSES).peekable();
    let mut attempts: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    let mut shown = None;
    loop {
        match rest.next() {
            Some(address) => drop(attempts.spawn(TcpStream::connect(address))),
            None if attempts.is_empty() => return Err(shown.unwrap_or(Evidence::Silent)),
            None => {}
        }
        tokio::select! {
            biased;
            Some(ended) = attempts.join_next() => match ended {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => shown = Some(together(shown, evidence::of_io(&error))),
                Err(_) => shown = Some(Evidence::Silent),
            },
            () = time::sleep(STAGGER), if rest.peek().is_some() => {}
        }
    }
}

/// What two failures show together.
fn together(before: Option<Evidence>, now: Evidence) -> Evidence {
    match before {
        Some(Evidence::Refused) => Evidence::Refused,
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

    #[tokio::test]
    async fn a_refusal_does_not_delay_the_next_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let open = listener.local_addr().expect("bound");
        let closed = closed_port().await;
        let stream = time::timeout(STAGGER, dial(&[closed, closed, open], SECOND)).await.expect("at once");
        assert_eq!(stream.expect("connected").peer_addr().expect("has one"), open);
    }

    #[tokio::test]
    async fn refusals_are_told_at_once() {
        let closed = closed_port().await;
        for addresses in [&[closed][..], &[closed, closed]] {
            let result = time::timeout(STAGGER, dial(addresses, SECOND)).await.expect("at once");
            assert_eq!(result.expect_err("closed"), Evidence::Refused);
        }
    }

    #[tokio::test]
    async fn no_address_is_silence() {
        assert_eq!(dial(&[], SECOND).await.expect_err("nowhere to go"), Evidence::Silent);
    }

    #[test]
    fn a_refusal_outlives_an_immediate_failure() {
        assert_eq!(together(None, Evidence::Silent), Evidence::Silent);
        assert_eq!(together(Some(Evidence::Silent), Evidence::Refused), Evidence::Refused);
        assert_eq!(together(Some(Evidence::Refused), Evidence::Silent), Evidence::Refused);
    }
}
