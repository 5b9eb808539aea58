use hyper::http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::super::header::{bytes, hex};
use super::super::key::MeshKeys;
use super::*;

/// Made by an implementation in another language, tests/mesh_key/mesh_key.py.
const VECTORS: &str = include_str!("../../tests/mesh_key/vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn keys() -> MeshKeys {
    MeshKeys::parse(vectors()["key"].as_str().unwrap()).unwrap()
}

fn nonce() -> Nonce {
    Nonce(bytes(vectors()["nonce"].as_str().unwrap()).unwrap())
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn ping(pairs: &[(&str, &str)]) -> Result<String, Malformed> {
    let operation = Operation { op: "GET /ping", args: &[] };
    keys().signing().request_tag(nonce(), operation, &headers(pairs)).map(|tag| hex(&tag.0))
}

fn tag_of(vector: &Value, vectors: &Value) -> String {
    let keys = keys();
    let (key, request) = (keys.signing(), Tag(bytes(vectors["request_tag"].as_str().unwrap()).unwrap()));
    let text = |name: &str| vector[name].as_str();
    let made = if let Some(op) = text("op") {
        let args: Vec<&str> = vector["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let pairs = vector["headers"].as_array().unwrap();
        let pairs: Vec<_> = pairs.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
        key.request_tag(nonce(), Operation { op, args: &args }, &headers(&pairs)).unwrap()
    } else if let Some(body) = text("body") {
        let times = usize::try_from(vector["times"].as_u64().unwrap()).unwrap();
        key.answer_tag(&request, body.repeat(times).as_bytes())
    } else {
        let (event, data) = (text("event").unwrap().as_bytes(), text("data").unwrap().as_bytes());
        key.event_tag(&request, vector["number"].as_u64().unwrap(), event, data)
    };
    hex(&made.0)
}

#[test]
fn the_vectors_of_the_other_implementation_come_out() {
    let vectors = vectors();
    assert_eq!(keys().signing().id().to_string(), vectors["key_id"].as_str().unwrap());
    for vector in vectors["vectors"].as_array().unwrap() {
        assert_eq!(tag_of(vector, &vectors), vector["tag"].as_str().unwrap(), "{}", vector["what"]);
    }
    // Those that the design named before there was any code.
    let tag = |what: &str| {
        vectors["vectors"].as_array().unwrap().iter().find(|it| it["what"] == what).unwrap()["tag"].clone()
    };
    assert_eq!(tag("ping"), "fa7eb6f033c167ed3ea2e89a709a6c96e1b310e4a4cfc68656e415c5068380af");
    assert_eq!(tag("answer"), "86a28cae61d54d5cf36a86a39341588a62f9ceef194b2b3e1df56a8935baf6b5");
    assert_eq!(tag("event 0"), "365ea33801e39468b1b1a2b9604770895402f39c96e57922927f0b374173d8ea");
    assert_eq!(tag("witness question"), "9b3c22b2324ddfef306b7e2dfcc8f61cb6959bd2094db9a298bfa7a735ff92a8");
}

#[test]
fn order_and_other_headers_do_not_matter_and_what_is_covered_does() {
    let caller = [("heartbeat-node", "n1"), ("heartbeat-seq", "7")];
    let known = ping(&caller).unwrap();
    assert_eq!(ping(&[caller[1], caller[0]]).unwrap(), known);
    assert_eq!(ping(&[("x-forwarded-for", "::1"), caller[0], ("HEARTBEAT-SEQ", "7"), ("host", "a")]).unwrap(), known);
    assert_eq!(ping(&[caller[0], caller[1], (HEADER_MAC, "1 aa")]).unwrap(), known);
    for other in [
        &[caller[0]][..],
        &[caller[0], ("heartbeat-seq", "8")],
        &[caller[0], caller[1], ("heartbeat-zone", "")],
        &[("heartbeat-node", "n17"), ("heartbeat-seq", "")],
    ] {
        assert_ne!(ping(other).unwrap(), known, "{other:?}");
    }
}

#[test]
fn a_header_twice_or_too_many_of_them_have_no_tag() {
    assert_eq!(ping(&[("heartbeat-node", "n1"), ("heartbeat-node", "n1")]), Err(Malformed));
    let names: Vec<String> = (0..=HEADERS_MAX).map(|number| format!("heartbeat-{number}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(ping(&pairs[1..]).is_ok());
    assert_eq!(ping(&pairs), Err(Malformed));
}

#[test]
fn each_thing_has_a_tag_of_its_own() {
    let keys = keys();
    let (key, tag) = (keys.signing(), Tag([7; 32]));
    let tags = [
        key.answer_tag(&tag, b"x"),
        key.answer_tag(&tag, b"y"),
        key.answer_tag(&Tag([8; 32]), b"x"),
        key.event_tag(&tag, 0, b"", b"x"),
        key.event_tag(&tag, 1, b"", b"x"),
        key.event_tag(&tag, 0, b"x", b""),
        key.event_tag(&Tag([8; 32]), 0, b"", b"x"),
    ];
    for (at, one) in tags.iter().enumerate() {
        assert!(tags[at + 1..].iter().all(|other| !one.matches(other)), "{at}");
    }
}
