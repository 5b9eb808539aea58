//! Asks a peer for its evidence about one of its links, for the page of that link.
//!
//! A reader of this node's page may not be able to reach the peer itself: it is on another network, or its port is not
//! published. Only nodes of this node's own list are asked, and only a few at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::WhyBody;
use crate::client::Client;
use crate::detector::peer::NodeName;
use crate::mesh::Member;
use crate::runtime::handle::{Handle, Stopped};

/// As long as the mesh view waits for rows: the page comes within two seconds.
const LIMIT: Duration = Duration::from_millis(900);
/// Questions at once. Each is one click of a person; a reader that comes beyond gets the page without the evidence.
const AT_ONCE: usize = 8;

/// The way to the evidence of peers. Clones are cheap and equal.
#[derive(Clone, Debug)]
pub struct PeerEvidence {
    handle: Handle,
    client: Client,
    open: Arc<Semaphore>,
}

impl PeerEvidence {
    pub fn new(handle: Handle, client: Client) -> PeerEvidence {
        PeerEvidence { handle, client, open: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What `observer` knows about its link to `peer`; `None` when it is no peer of this node or does not answer.
    ///
    /// # Errors
    /// [`Stopped`] when the detector has ended.
    pub async fn of(&self, observer: &Member, peer: &Member) -> Result<Option<WhyBody>, Stopped> {
        let Ok(_permit) = self.open.try_acquire() else { return Ok(None) };
        let roster = self.handle.roster().await?;
        let name = |node: Option<&NodeName>| node.is_some_and(|node| node.as_str() == observer.as_str());
        let found = roster.view.peers.iter().find(|one| name(one.peer.node.as_ref()));
        let Some(target) = found.and_then(|found| roster.targets.get(&found.peer.id)) else { return Ok(None) };
        let body = timeout(LIMIT, self.client.why(target, peer.as_str())).await.ok().flatten();
        // Another node may have taken the address.
        Ok(body.filter(|body| name(body.observer.node.known())))
    }
}
