//! The contract `/openapi.json`: what is served, and how it is made of the routes and the shapes.
//!
//! [`document`] makes it, and nothing in the program calls that: a test compares it with the file beside this one, which
//! the program carries and serves. So the maker and its library are not linked into the program, a reader sees in a diff
//! what changed for callers, and there is one source: `route.rs` for paths, `src/api` for shapes.
//! `HEARTBEAT_WRITE=1 cargo test --test reference` writes the file anew. Turned down: a build script, which would compile
//! the shapes and a JSON library for the machine that builds.
//!
//! Blanks are half of the file. The compiler takes them out, so there is nothing to keep in step.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};

use super::readers::COOKIE;
use super::route::Route;

/// As it is committed.
const WRITTEN: &[u8] = include_bytes!("openapi.json");

/// What is served.
pub(super) const OPENAPI: &[u8] = &without_blanks::<{ length(WRITTEN) }>(WRITTEN);

const DESCRIPTION: &str = "Which of my nodes can reach which, since when, and is it them or me? Anyone who reaches the \
    port may read everything, unless the node has a read token; what changes something needs the token of the node. Times are ages in milliseconds; wall \
    time is added where something is shown. Fields may be added; nothing is taken away or renamed within v1. Any other \
    path, method or a body is answered with a Problem (404, 405, 413), and so is a request for another host (421). A head \
    that is too large is answered with 431 and no body.";

/// Where the shapes are. Their Rust names end in `Body`, which says nothing here.
const SCHEMAS: &str = "#/components/schemas/";

/// The whole document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.with_transform(RecursiveTransform(tidy)).into_generator();
    let mut paths = Map::new();
    for route in Route::served() {
        let operations = route.operations(&mut generator);
        let methods = operations.into_iter().map(|(method, operation)| (method.to_owned(), operation.into()));
        paths.insert(route.path().to_owned(), Value::Object(methods.collect()));
    }
    let schemas = generator.take_definitions(true).into_iter().map(|(name, schema)| (shape_name(&name), schema));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "distributed-heartbeat",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "identifier": "MIT" },
            "description": DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": Map::from_iter(schemas),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What the node was given as HEARTBEAT_TOKEN or in a token file.",
                },
                "read_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What the node was given in a read token file.",
                },
                "read_cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "What /login gives to a browser.",
                },
            },
        },
    });
    rename_references(&mut document);
    document
}

/// What is of no use to a caller goes; and an answer has no other fields than these.
fn tidy(schema: &mut Schema) {
    for key in ["format", "default", "title"] {
        schema.remove(key);
    }
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

fn shape_name(name: &str) -> String {
    name.strip_suffix("Body").unwrap_or(name).to_owned()
}

fn rename_references(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => {
                        *text = format!("{SCHEMAS}{}", shape_name(text.strip_prefix(SCHEMAS).unwrap_or(text)));
                    }
                    value => rename_references(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(rename_references),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// How long `json` is without the blanks between its parts.
const fn length(json: &[u8]) -> usize {
    let (mut at, mut length, mut text) = (0, 0, Text::Outside);
    while at < json.len() {
        text = text.after(json[at]);
        length += text.keeps(json[at]) as usize;
        at += 1;
    }
    length
}

const fn without_blanks<const LENGTH: usize>(json: &[u8]) -> [u8; LENGTH] {
    let (mut kept, mut at, mut next, mut text) = ([0; LENGTH], 0, 0, Text::Outside);
    while at < json.len() {
        text = text.after(json[at]);
        if text.keeps(json[at]) {
            kept[next] = json[at];
            next += 1;
        }
        at += 1;
    }
    kept
}

/// Where a byte stands: blanks within a string are a part of it.
#[derive(Clone, Copy)]
enum Text {
    Outside,
    Inside,
    /// After a backslash, which takes the meaning from a quote.
    Escaped,
}

impl Text {
    const fn after(self, byte: u8) -> Text {
        match (self, byte) {
            (Text::Outside, b'"') | (Text::Escaped, _) => Text::Inside,
            (Text::Inside, b'\\') => Text::Escaped,
            (Text::Inside, b'"') => Text::Outside,
            (place, _) => place,
        }
    }

    const fn keeps(self, byte: u8) -> bool {
        !matches!(self, Text::Outside) || !byte.is_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_says_what_is_written() {
        let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).expect("valid JSON");
        assert_eq!(read(OPENAPI), read(WRITTEN));
        assert!(OPENAPI.len() < WRITTEN.len());
    }

    #[test]
    fn blanks_within_a_string_stay() {
        const JSON: &[u8] = br#" { "a \" b" : [ 1 , "\\" ] } "#;
        assert_eq!(&without_blanks::<{ length(JSON) }>(JSON), br#"{"a \" b":[1,"\\"]}"#);
    }
}
