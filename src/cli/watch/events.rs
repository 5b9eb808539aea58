//! Reading the events of a node, through its restarts.
//!
//! Numbers of events begin anew with each process, so the boot is asked for first: after a restart everything that
//! the new process has seen is news, and otherwise only what came after the last event that was read.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use crate::api::NodeBody;
use crate::api::text::Text;
use crate::cli::answer::Event;
use crate::cli::ask::Place;
use crate::cli::exit::Failure;
use crate::detector::peer::BootId;

/// After a stream has ended.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// Where to begin with a node that was not met before.
pub(crate) enum Begin {
    /// With this number of its own last events.
    Last(u64),
    /// With the events of this list, and then with those after it.
    List(String),
}

/// What is read.
pub(crate) enum Read {
    /// The events are followed from here on.
    Opened,
    Event(Event),
    /// They could not be, or are not any more.
    Ended(Failure),
}

pub(crate) struct EventReader {
    place: Place,
    begin: Begin,
    /// Only events about this peer.
    peer: Option<String>,
    /// The process that was read last, and the number of the last event.
    boot: Option<Text<BootId>>,
    last: Option<u64>,
}

impl EventReader {
    pub(crate) fn new(place: Place, begin: Begin, peer: Option<String>) -> EventReader {
        EventReader { place, begin, peer, boot: None, last: None }
    }

    /// Reads until it is dropped.
    pub(crate) async fn run(mut self, told: Sender<Read>) -> Infallible {
        loop {
            let Err(why) = self.read(&told).await;
            // The receiver is dropped together with this.
            let _ = told.send(Read::Ended(why)).await;
            sleep(REOPEN_AFTER).await;
        }
    }

    async fn read(&mut self, told: &Sender<Read>) -> Result<Infallible, Failure> {
        let node: NodeBody = self.place.ask("/api/v1/node", "a description of itself").await?.into_shape()?;
        let boot = Some(node.boot);
        if self.boot != boot {
            self.last = self.boot.is_some().then_some(0);
            self.boot = boot;
        }
        let since = match self.last {
            Some(last) => last,
            None => self.first(told).await?,
        };
        self.last = Some(since);
        let mut events = self.place.follow(&path(&[("since", &since.to_string())], self.peer.as_deref())).await?;
        let _ = told.send(Read::Opened).await;
        loop {
            let event = events.next().await?;
            self.last = event.number().or(self.last);
            let _ = told.send(Read::Event(event)).await;
        }
    }

    /// The number after which to follow a node that is met for the first time.
    async fn first(&self, told: &Sender<Read>) -> Result<u64, Failure> {
        // Asked for its latest, a node mixes in what its peers report, under their numbers; `next` is its own.
        let list = match &self.begin {
            Begin::Last(_) => "/api/v1/events?limit=1",
            Begin::List(path) => path,
        };
        let (events, next) = self.place.ask(list, "a list of events").await?.into_events()?;
        match self.begin {
            Begin::Last(count) => Ok(next.saturating_sub(count)),
            Begin::List(_) => {
                for event in events {
                    let _ = told.send(Read::Event(event)).await;
                }
                Ok(next)
            }
        }
    }
}

/// The path of a list or stream of events.
pub(crate) fn path(query: &[(&str, &str)], peer: Option<&str>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query.iter().copied().chain(peer.map(|peer| ("peer", peer))));
    let query = pairs.finish();
    if query.is_empty() { "/api/v1/events".into() } else { format!("/api/v1/events?{query}") }
}
