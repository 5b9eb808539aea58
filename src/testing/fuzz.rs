//! What fuzzing feeds with bytes, one function for each kind of input from outside; `fuzz/` has the targets.
//!
//! Each holds more than "no panic": what was read is written and read again as
//! the same, bounds hold, and an error says what would be accepted. The committed
//! corpus runs through the same functions in `cargo test --test fuzz_corpus`.

use std::ffi::OsString;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::api::words::ProblemCode;
use crate::api::{AnswerBody, HistoryBody, RowBody, caller_from_headers, caller_headers};
use crate::client::EventParser;
use crate::config::environment::Environment;
use crate::config::raw::Raw;
use crate::config::resolve::{Machine, resolve};
use crate::detector::peer::Answer;
use crate::http::read_queries;
use crate::mesh::Member;
use crate::sim::Scenario;

/// Reads one input, and panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every kind of input and the function that reads it, by the name of its target and of its folder in the corpus.
pub const TARGETS: [(&str, Target); 8] = [
    ("ping_answer", ping_answer),
    ("ping_headers", ping_headers),
    ("event_stream", event_stream),
    ("row", row),
    ("history", history),
    ("configuration", configuration),
    ("scenario_text", scenario_text),
    ("query_strings", query_strings),
];

/// The body of an answer to a ping: what is believed of it survives the wire.
pub fn ping_answer(bytes: &[u8]) {
    let Ok(answer) = read_answer(bytes) else { return };
    let again = read_answer(AnswerBody::from(&answer).to_json().as_bytes());
    assert_eq!(again.ok(), Some(answer), "written and read again");
}

fn read_answer(bytes: &[u8]) -> Result<Answer, crate::api::InvalidAnswer> {
    Answer::try_from(AnswerBody::parse(bytes)?)
}

/// The headers of a ping, a line each: a caller that is believed writes headers that mean the same.
pub fn ping_headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(at + 1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let Some(caller) = caller_from_headers(&headers) else { return };
    assert_eq!(caller_from_headers(&caller_headers(&caller)), Some(caller), "written and read again");
}

/// A stream of events: where the bytes are cut does not change what is read. News are answers.
pub fn event_stream(bytes: &[u8]) {
    let whole = EventParser::default().feed(bytes);
    let mut parser = EventParser::default();
    let size = bytes.first().map_or(1, |byte| 1 + usize::from(*byte % 7));
    let pieces: Vec<_> = bytes.chunks(size).flat_map(|piece| parser.feed(piece)).collect();
    assert_eq!(pieces, whole, "cut into pieces of {size}");
    for event in whole {
        assert!(event.name.len() + event.data.len() <= bytes.len(), "an event is longer than what it was read from");
        ping_answer(&event.data);
    }
}

/// The row of a mesh view: as a body it survives the wire.
pub fn row(bytes: &[u8]) {
    let Ok(body) = RowBody::parse(bytes) else { return };
    let written = serde_json::to_vec(&body).expect("a body is JSON");
    let again = RowBody::parse(&written).expect("what was written is read");
    let member = |key: &crate::detector::peer::NodeName| Member::from(key.as_str());
    let rows = [body, again].map(|body| body.into_row(member).ok());
    assert_eq!(rows[0], rows[1], "written and read again");
}

/// The history of a peer: nothing in it can move a cursor or end a line.
pub fn history(bytes: &[u8]) {
    let Ok(history) = HistoryBody::read(bytes) else { return };
    for event in &history.events {
        let shown = [&*event.message, &*event.sentence];
        assert!(!shown.iter().any(|text| text.chars().any(char::is_control)), "{shown:?} can be shown");
    }
}

/// Settings, `NAME=VALUE` a line, first as the environment and then as flags: every problem has its remedy.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let variables = text.lines().filter_map(|line| line.split_once('='));
    let environment: Environment =
        variables.map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    let machine = Machine { host_name: Some("host".to_owned()), process_id: 1 };
    let problems = match resolve(&Raw::default(), &environment, &machine) {
        Ok(_) => return,
        Err(problems) => problems.to_string(),
    };
    assert!(!problems.is_empty(), "a refusal without a problem");
    assert!(!problems.chars().any(|c| c.is_control() && c != '\n'), "{problems:?} can be shown");
}

/// A scenario: what is read prints itself and is read again as the same; every problem has line, word and remedy.
pub fn scenario_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Scenario>() {
        Ok(scenario) => {
            let again = scenario.to_string().parse::<Scenario>();
            assert_eq!(again.as_ref(), Ok(&scenario), "written and read again");
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "a refusal without a problem");
            for problem in &problems.0 {
                assert!((1..=text.lines().count()).contains(&problem.line), "{problem:?}");
                assert!(!problem.problem.is_empty() && !problem.accepted.is_empty(), "{problem:?}");
            }
        }
    }
}

/// The query of a request, at every route that takes one.
pub fn query_strings(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let Ok(uri) = format!("/?{query}").parse::<Uri>() else { return };
    for code in read_queries(&uri) {
        assert_eq!(code, ProblemCode::BadQuery, "whatever is wrong with a query is the caller's fault");
    }
}
