//! News for a peer that has shown the mesh key: every event has a number and a tag, so none can be dropped, changed or
//! taken from another stream.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::{self, Sleep};
use tokio_util::sync::CancellationToken;

use super::rides::Passenger;
use super::stream::Source;
use crate::api::AnswerBody;
use crate::detector::limits::STREAM_COMMENT;
use crate::mesh_key::guard::{Guard, Seal};

pub(super) struct SignedNews {
    guard: Guard,
    seal: Seal,
    /// The number of the next event.
    next: u64,
    hello: Option<String>,
    news: broadcast::Receiver<Arc<str>>,
    /// A later stream of the same boot ends this one.
    end: CancellationToken,
    beat: Pin<Box<Sleep>>,
    passenger: Passenger,
    _slot: OwnedSemaphorePermit,
}

impl SignedNews {
    pub(super) fn new(
        guard: Guard,
        seal: Seal,
        hello: &AnswerBody,
        (news, end): (broadcast::Receiver<Arc<str>>, CancellationToken),
        (slot, passenger): (OwnedSemaphorePermit, Passenger),
    ) -> SignedNews {
        let beat = Box::pin(time::sleep(STREAM_COMMENT));
        SignedNews { guard, seal, next: 0, hello: Some(hello.to_json()), news, end, beat, passenger, _slot: slot }
    }

    fn event(&mut self, name: &str, data: &str) -> Bytes {
        let id = self.seal.event_id(self.next, name.as_bytes(), data.as_bytes());
        self.next += 1;
        self.beat = Box::pin(time::sleep(STREAM_COMMENT));
        format!("event: {name}\nid: {id}\ndata: {data}\n\n").into()
    }
}

impl Source for SignedNews {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // A key that was removed speaks for nobody any more.
            if !self.guard.knows(&self.seal) {
                return None;
            }
            if let Some(hello) = self.hello.take() {
                return Some(self.event("hello", &hello));
            }
            tokio::select! {
                biased;
                () = self.end.cancelled() => return None,
                news = self.news.recv() => match news {
                    Ok(news) => return Some(self.event("news", &news)),
                    // Missed news does no harm: answers repeat what it said.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = self.passenger.leaves() => return Some(self.event("beat", "{}")),
                () = self.beat.as_mut() => return Some(self.event("beat", "{}")),
            }
        }
    }
}
