//! What released versions say is understood for ever: a mesh is upgraded one node at a time, and a command asks nodes of
//! any age. `tests/answers/VERSION/` holds what three nodes of that version answered while node-3 was killed, byte for byte.

#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, reason = "reading the recordings is what these tests do")]

use std::path::Path;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use heartbeat::api::{
    AnswerBody, ClusterBody, ConfigBody, EventBody, EventsBody, HistoryBody, IncidentsBody, MatrixBody, NodeBody,
    PeersBody, RowBody, TestimonyBody, WhyBody, caller_from_headers,
};
use heartbeat::detector::evidence::{Class, Evidence};
use heartbeat::detector::peer::{Answer, Caller, PeerState, SelfState, Testimony, Verdict};
use heartbeat::mesh::Member;
use heartbeat::testing::client::read_events;
use serde::de::DeserializeOwned;

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers/0.1.0").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn body<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&recorded(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn answer(text: &str) -> Answer {
    let body = AnswerBody::parse(text.as_bytes()).expect("the JSON of an answer");
    Answer::try_from(body).expect("an answer")
}

fn caller(name: &str) -> Caller {
    let mut headers = HeaderMap::new();
    for (name, value) in recorded(name).lines().filter_map(|line| line.split_once(": ")) {
        headers.insert(HeaderName::try_from(name).expect("a name"), HeaderValue::try_from(value).expect("a value"));
    }
    caller_from_headers(&headers).unwrap_or_else(|| panic!("{name}: no caller"))
}

#[test]
fn the_answer_to_a_ping() {
    let answer = answer(&recorded("ping.json"));
    assert_eq!((answer.node.as_str(), answer.state, &*answer.version), ("node-1", SelfState::Ready, "0.1.0"));
    let accused: Vec<_> = answer.accusations.iter().map(|accused| (accused.node.as_str(), accused.class)).collect();
    assert_eq!(accused, [("node-3", Class::Gone)]);
    assert!(!answer.watch.peers.is_empty(), "whom it watches");
}

#[test]
fn the_headers_of_a_ping_and_of_a_goodbye() {
    let ping = caller("ping-headers.txt");
    assert_eq!(ping.state, SelfState::Ready);
    assert!(ping.seq.0 > 1000);
    assert_eq!(caller("goodbye-headers.txt").state, SelfState::Leaving);
}

#[test]
fn the_stream_of_news() {
    let events = read_events(recorded("news.txt").as_bytes());
    assert!(!events.is_empty());
    let news: Vec<Answer> = events.iter().map(|(_, data)| answer(data)).collect();
    assert!(events.iter().all(|(name, _)| name == "news"), "{events:?}");
    let accuses = |news: &Answer| news.accusations.iter().any(|accused| accused.node.as_str() == "node-3");
    assert!(news.iter().any(accuses), "the crash was pushed");
}

#[test]
fn the_row_of_a_view() {
    let row = RowBody::parse(recorded("row.json").as_bytes()).expect("the JSON of a row");
    let row = row.into_row(|key| Member::from(key.as_str())).expect("a row");
    assert_eq!((row.observer.as_str(), row.state), ("node-1", Some(SelfState::Ready)));
    let states: Vec<_> = row.cells.iter().map(|cell| (cell.peer.as_str(), cell.state, cell.verdict)).collect();
    assert!(states.contains(&("node-2", PeerState::Alive, None)), "{states:?}");
    assert!(states.contains(&("node-3", PeerState::Dead, Some(Verdict::Down))), "{states:?}");
}

#[test]
fn the_history_of_a_node() {
    let text = recorded("history.json");
    let written: HistoryBody = body("history.json");
    let history = HistoryBody::read(text.as_bytes()).expect("a history");
    assert_eq!(history.node.as_str(), "node-2");
    assert_eq!(history.events.len(), written.events.len(), "no event is dropped");
    assert_eq!(history.incidents.len(), written.incidents.len(), "no incident is dropped");
    assert!(history.events.iter().any(|event| event.peer == Some(Member::from("node-3"))));
    assert!(!history.incidents.is_empty());
}

#[test]
fn the_testimony_of_a_witness() {
    let said = TestimonyBody::parse(recorded("witness.json").as_bytes());
    assert_eq!(said, Testimony::Failed { evidence: Evidence::Refused });
    assert!(matches!(TestimonyBody::parse(recorded("witness-alive.json").as_bytes()), Testimony::Answered { .. }));
}

/// What commands read.
#[test]
fn the_views_of_a_node() {
    assert_eq!(body::<PeersBody>("peers.json").peers.len(), 3);
    let cluster: ClusterBody = body("cluster.json");
    assert_eq!((cluster.whole, cluster.nodes.len()), (false, 4));
    assert!(!body::<MatrixBody>("matrix.json").rows.is_empty());
    assert_eq!(body::<IncidentsBody>("incidents.json").open, 1);
    assert!(!body::<EventsBody>("events.json").events.is_empty());
    let _: NodeBody = body("node.json");
    let _: ConfigBody = body("config.json");
    let _: WhyBody = body("why.json");
    let followed = read_events(recorded("events.txt").as_bytes());
    assert!(followed.len() > 2, "{followed:?}");
    for (_, data) in followed {
        let _: EventBody = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{data}: {error}"));
    }
}
