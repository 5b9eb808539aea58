//! What a mesh key costs a ping.

use std::time::Instant;

use heartbeat::testing::mesh_key::PingTags;
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use super::figure::Measurement;
use super::machine;

const PINGS: u32 = 20_000;

/// The headers of a ping and the body of its answer in a healthy mesh of three.
const HEADERS: [(&str, &str); 6] = [
    ("heartbeat-node", "node-1"),
    ("heartbeat-boot", "00000000000000a1"),
    ("heartbeat-seq", "61000"),
    ("heartbeat-state", "ready"),
    ("heartbeat-known", "7"),
    ("heartbeat-ack", "00000000000000b2 59000"),
];
const ANSWER: &str = r#"{"node":"node-2","boot":"00000000000000b2","seq":60010,"state":"ready","version":"0.2.0","accusations":[],"watch":{"since":7,"rev":7,"peers":[]}}"#;

/// Four tags, a nonce, and the headers that carry them.
pub fn figures() -> Vec<Measurement> {
    let headers = HEADERS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let tags = PingTags::new(HeaderMap::from_iter(headers), ANSWER.into()).expect("random bytes");
    assert!(tags.exchange(), "the tags are right");
    let began = Instant::now();
    let right = (0..PINGS).filter(|_| tags.exchange()).count();
    let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(PINGS);
    assert_eq!(right, PINGS as usize);
    let (limit, how) = if machine::has_sha() { (5.0, "with") } else { (8.0, "without") };
    vec![
        Measurement::new("tags of one ping with a mesh key, both ends", "us", each, Some(limit))
            .note(format!("{how} SHA instructions of the processor")),
    ]
}
