//! `GET /api/v1/events`: the ring as a list, or as a stream without end.
//!
//! A list also has the events that peers reported, marked as theirs.
//!
//! A browser or curl gets the ring. A peer, known by its `heartbeat-*` headers,
//! gets news instead: the same shape as the answer to a ping, pushed at once.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::asker::Asker;
use super::peers;
use super::problem::Problem;
use super::reply::json;
use super::rides::Passenger;
use super::signed_news::SignedNews;
use super::state::{AppState, Shared, wall_time};
use super::stream::{self, Closing, Source};
use crate::api::{AnswerBody, EventBody, EventsBody, PastEvent};
use crate::detector::peer::NodeName;
use crate::mesh::Member;
use crate::mesh::event::NodeEvent;
use crate::mesh_key::tags;
use crate::mesh_service::incident_store::EVENTS_OF_PEERS;
use crate::telemetry::EventLog;
use crate::telemetry::events::{EVENTS_KEPT, Entry, Filter, of_peer};

/// Events in a list without `limit`.
const LIMIT_DEFAULT: usize = 100;
/// All of this node's own and all that peers reported: none are missing because others had more to report.
const LIMIT_MAX: usize = EVENTS_KEPT + EVENTS_OF_PEERS;
/// Events read from the ring at a time for a stream.
const STREAM_PAGE: usize = 64;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    since: Option<String>,
    peer: Option<String>,
    kind: Option<String>,
    limit: Option<String>,
}

pub(super) async fn events(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let asker = Asker::of(&state, &request, tags::EVENTS, &[])?;
    let Query(asked) =
        query.map_err(|_| Problem::bad_query("the parameters are since, peer, kind and limit, each once"))?;
    let (mut filter, limit) = asked.check()?;
    // A header that is wrong is refused for a list as well, which does not use it.
    let resumed = resume(request.headers())?;
    // What this node saw is filed under the peer's key, and what peers tell under its name.
    let mut name = filter.peer.clone();
    let mut unknown = None;
    if let Some(wanted) = &filter.peer {
        let view = state.handle.view().await?;
        match peers::find(&view.peers, wanted) {
            Some(peer) => {
                name = peer.peer.node.as_ref().map(ToString::to_string);
                filter.peer = Some(peer.peer.key.0.to_string());
            }
            None => unknown = Some(peers::unknown(&view, wanted)),
        }
    }
    if !wants_stream(request.headers()) {
        asker.reads()?;
        let list = list(&state, &filter, name.as_deref(), limit);
        // A peer that is no longer watched, or that only others watch, may still have events.
        return match unknown {
            Some(problem) if list.events.is_empty() && filter.kind.is_none() => Err(problem),
            _ => Ok(json(&list)),
        };
    }
    let closing = Closing::of(&request);
    if let (Some(caller), Some(seal), Some(guard)) = (&asker.caller, &asker.seal, &state.guard) {
        // A copy of an old request opens no such stream. Where a key is required it gets what any reader gets.
        // The place comes first: without one the stream that there is goes on.
        if let Some(hello) = state.handle.hello(caller.clone()).await?
            && let slot = take(&state.slots.peer_streams)?
            && let Some(end) = state.peer_streams.open(caller.boot, caller.seq)
        {
            let news = state.handle.subscribe_news();
            let passenger = state.rides.board(caller.boot, state.clock.now());
            let hello = AnswerBody::from(&hello);
            let signed = SignedNews::new(guard.clone(), seal.clone(), &hello, (news, end), (slot, passenger));
            return Ok(stream::response(signed, closing));
        }
    }
    if let Some(caller) = asker.caller.as_ref().filter(|_| !state.requires_key()) {
        // A stranger that says it is a node does not take the places of peers.
        let own = asker.is_peer.then(|| take(&state.slots.peer_streams).ok()).flatten();
        let slot = own.map_or_else(|| take(&state.slots.strangers_streams), Ok)?;
        let (news, passenger) = (state.handle.subscribe_news(), state.rides.board(caller.boot, state.clock.now()));
        return Ok(stream::response(News { news, passenger, _slot: slot }, closing));
    }
    asker.reads()?;
    let slot = take(&state.slots.streams)?;
    let filter = Filter { since: resumed.or(filter.since), ..filter };
    Ok(stream::response(Follow::new(&state, filter, slot), closing))
}

/// This node's own, and, unless the reader continues from a number, those that its peers reported, all by time. Numbers
/// are of one node:
/// a reader that continues gets this node's own. `name`: the one that the wanted peer declares.
fn list(state: &AppState, filter: &Filter, name: Option<&str>, limit: usize) -> EventsBody {
    let page = state.events.list(filter, limit);
    let now = state.clock.now();
    let own = page.entries.iter().map(|entry| (now - entry.event.at(), entry.body(&state.config.node)));
    let mut all: Vec<(Duration, EventBody)> = own.collect();
    if filter.since.is_none() {
        let wall = wall_time();
        let wanted = |event: &PastEvent| {
            (filter.peer.is_none() || (name.is_some() && event.peer.as_ref().map(Member::as_str) == name))
                && filter.kind.as_deref().is_none_or(|kind| event.event.0 == kind)
        };
        let theirs = state.incidents.events_of_peers().into_iter().filter(|(_, event, _)| wanted(event));
        all.extend(theirs.map(|(node, event, age)| {
            (age, of_peer(&node, &event, wall.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)))
        }));
        // The oldest first; of one moment what this node saw, in its order.
        all.sort_by_key(|(age, _)| Reverse(*age));
    }
    let skipped = all.len().saturating_sub(limit);
    EventsBody { events: all.into_iter().skip(skipped).map(|(_, event)| event).collect(), next: page.next }
}

impl Asked {
    pub(super) fn check(self) -> Result<(Filter, usize), Problem> {
        let number = |name: &str, text: Option<String>| {
            let parse = |text: String| {
                text.parse::<u64>().map_err(|_| Problem::bad_query(format!("{name} must be a whole number")))
            };
            text.map(parse).transpose()
        };
        let since = number("since", self.since)?;
        let limit = match number("limit", self.limit)? {
            None => LIMIT_DEFAULT,
            Some(0) => return Err(Problem::bad_query("limit must be at least 1")),
            Some(limit) => usize::try_from(limit).unwrap_or(LIMIT_MAX).min(LIMIT_MAX),
        };
        if self.peer.as_deref() == Some("") {
            return Err(Problem::bad_query("peer must be a key or a name, not empty"));
        }
        let names: Vec<&str> = NodeEvent::names_of_changes().collect();
        if self.kind.as_deref().is_some_and(|kind| !names.contains(&kind)) {
            return Err(Problem::bad_query(format!("kind must be one of {}", names.join(", "))));
        }
        Ok((Filter { since, peer: self.peer, kind: self.kind }, limit))
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accept
        .flat_map(|value| value.split(','))
        .any(|media| media.split(';').next().map(str::trim) == Some(stream::MEDIA_TYPE))
}

/// Where a browser that lost its stream wants to read on.
fn resume(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| Problem::bad_query("Last-Event-ID must be the number of an event"))
}

fn take(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    slots.clone().try_acquire_owned().map_err(|_| Problem::too_many_streams())
}

/// News for a peer. Missed news does no harm: answers repeat what it said.
struct News {
    news: broadcast::Receiver<Arc<str>>,
    passenger: Passenger,
    _slot: OwnedSemaphorePermit,
}

impl Source for News {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = tokio::select! {
                biased;
                news = self.news.recv() => news,
                () = self.passenger.leaves() => return Some(Bytes::from_static(stream::COMMENT)),
            };
            match news {
                Ok(news) => return Some(stream::message("news", None, &news)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// The ring for all other readers: from `since`, or starting now.
struct Follow {
    log: Arc<EventLog>,
    node: NodeName,
    filter: Filter,
    last: watch::Receiver<u64>,
    /// Read from the ring and not sent yet: at most a page.
    read: VecDeque<Arc<Entry>>,
    _slot: OwnedSemaphorePermit,
}

impl Follow {
    fn new(state: &AppState, filter: Filter, slot: OwnedSemaphorePermit) -> Follow {
        let (log, node) = (state.events.clone(), state.config.node.clone());
        let mut last = log.subscribe();
        let now = *last.borrow_and_update();
        let since = filter.since.unwrap_or(now);
        Follow { log, node, filter: Filter { since: Some(since), ..filter }, last, read: VecDeque::new(), _slot: slot }
    }
}

impl Source for Follow {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Some(stream::event(entry.event.name(), entry.seq, &entry.body(&self.node)));
            }
            // Marked as seen before the ring is read: what comes after that wakes us again.
            self.last.borrow_and_update();
            let page = self.log.list(&self.filter, STREAM_PAGE);
            self.filter.since = Some(page.next);
            self.read.extend(page.entries);
            if self.read.is_empty() {
                self.last.changed().await.ok()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::words::ProblemCode;
    use axum::http::HeaderValue;

    fn asked(since: Option<&str>, kind: Option<&str>, limit: Option<&str>) -> Result<(Filter, usize), Problem> {
        let text = |value: Option<&str>| value.map(str::to_owned);
        Asked { since: text(since), peer: None, kind: text(kind), limit: text(limit) }.check()
    }

    #[test]
    fn a_query_is_checked() {
        assert_eq!(asked(None, None, None), Ok((Filter::default(), 100)));
        assert_eq!(
            asked(Some("7"), None, Some("5000")).map(|(filter, limit)| (filter.since, limit)),
            Ok((Some(7), 2048))
        );
        for (since, kind, limit) in [
            (Some("-1"), None, None),
            (Some("x"), None, None),
            (None, Some("peer_vanished"), None),
            (None, Some("ping"), None),
            (None, None, Some("0")),
            (None, None, Some("")),
        ] {
            assert_eq!(asked(since, kind, limit).map_err(|problem| problem.code), Err(ProblemCode::BadQuery));
        }
    }

    #[test]
    fn only_the_named_media_type_streams() {
        let table = [
            (None, false),
            (Some("application/json"), false),
            (Some("*/*"), false),
            (Some("text/event-stream"), true),
            (Some("text/html, text/event-stream;q=0.5"), true),
        ];
        for (accept, streams) in table {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(wants_stream(&headers), streams, "{accept:?}");
        }
    }
}
