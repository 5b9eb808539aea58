//! Looking for peers: one lookup of a name, one probe of an address.
//!
//! Both are requests like all others: a task each, owned by the driver, whose
//! result is an input of the detector. When to look, whom to probe and what the
//! result means is decided in [`crate::detector::discovery`]; here is only the
//! doing. A lookup may hang in the system's resolver for longer than a node
//! can wait, on a thread that cannot be stopped; so the wait has a limit,
//! and the next lookup of that name joins the one that hangs instead of taking
//! another thread.

use std::net::SocketAddr;
use std::time::Duration;

use super::attempts::Ended;
use crate::client::{Client, Failed};
use crate::detector::discovery::{DnsName, NameId, ProbeId};
use crate::detector::evidence::Evidence;
use crate::detector::peer::Caller;

/// As long as the system's resolver gives one name server. The first lookup
/// holds up readiness, so this is also the longest that a broken one can.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// Looks a name up once.
pub(super) async fn look_up(client: Client, id: NameId, name: DnsName) -> Ended {
    Ended::LookUp { id, found: client.look_up(&name, LOOKUP_LIMIT).await }
}

/// Asks an address once who it is.
pub(super) async fn probe(client: Client, caller: Caller, probe: ProbeId, address: SocketAddr) -> Ended {
    let ask = async {
        let target = client.target_at(address).map_err(|_| Failed::from(Evidence::Invalid))?;
        client.connect(&target).await?.ping(&caller).await
    };
    Ended::Probe { probe, result: ask.await }
}
