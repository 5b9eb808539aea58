//! The contract of a node, written out for people: each endpoint, then each shape.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::table;

pub fn contract() -> Value {
    heartbeat::testing::http::document()
}

/// A line for each endpoint.
pub fn summary() -> String {
    let contract = contract();
    let rows = object(&contract["paths"]).iter().flat_map(|(path, methods)| {
        object(methods).iter().map(move |(method, operation)| {
            let codes: Vec<&str> = object(&operation["responses"])
                .iter()
                .filter(|(code, response)| !is_not_running(code, response))
                .map(|(code, _)| code.as_str())
                .collect();
            let endpoint = format!("{} {path}", method.to_uppercase());
            vec![format!("`{endpoint}`"), said(&operation["summary"]), codes.join(", ")]
        })
    });
    table(&["Endpoint", "Answer", "Status"], rows)
}

/// The 503 that every endpoint may answer; the page says so once.
fn is_not_running(code: &str, response: &Value) -> bool {
    code == "503" && answers(response) == "[Problem](#problem)"
}

/// A section for each endpoint: what it takes, and what it answers with.
pub fn endpoints() -> String {
    let contract = contract();
    let mut text = String::new();
    for (path, methods) in object(&contract["paths"]) {
        for (method, operation) in object(methods) {
            let _ = write!(text, "\n### {} {path}\n\n{}.\n", method.to_uppercase(), said(&operation["summary"]));
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            if !parameters.is_empty() {
                let rows = parameters.iter().map(|parameter| {
                    let needed = if parameter["required"] == true { "needed" } else { "" };
                    vec![
                        format!("`{}`", said(&parameter["name"])),
                        format!("{} {needed}", said(&parameter["in"])).trim_end().to_owned(),
                        kind(&parameter["schema"]),
                        said(&parameter["description"]),
                    ]
                });
                let _ = write!(text, "\n{}", table(&["Parameter", "Where", "Type", "Meaning"], rows));
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            if body.is_object() {
                let _ = write!(text, "\nNeeds the node's token. The body: {}.\n", kind(body));
            }
            let rows = object(&operation["responses"])
                .iter()
                .filter(|(code, response)| !is_not_running(code, response))
                .map(|(code, response)| vec![code.clone(), answers(response), said(&response["description"])]);
            let _ = write!(text, "\n{}", table(&["Status", "Body", "When"], rows));
        }
    }
    text
}

/// A section for each shape that an answer is made of.
pub fn shapes() -> String {
    let contract = contract();
    let mut text = String::new();
    for (name, schema) in object(&contract["components"]["schemas"]) {
        let _ = write!(text, "\n### {name}\n");
        let description = said(&schema["description"]);
        if !description.is_empty() {
            let _ = write!(text, "\n{description}\n");
        }
        if schema["properties"].is_object() {
            let _ = write!(text, "\n{}", fields(schema));
        } else {
            let _ = write!(text, "\n{}.\n", kind(schema));
        }
    }
    text
}

fn fields(schema: &Value) -> String {
    let needed = |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let rows = object(&schema["properties"]).iter().map(|(name, field)| {
        let optional = if needed(name) { "" } else { ", may be absent" };
        vec![format!("`{name}`"), format!("{}{optional}", kind(field)), said(&field["description"])]
    });
    table(&["Field", "Type", "Meaning"], rows)
}

/// Media types with their shapes, as links.
fn answers(response: &Value) -> String {
    let Some(content) = response["content"].as_object() else { return String::new() };
    let all: Vec<String> = content
        .iter()
        .map(|(media, body)| match kind(&body["schema"]) {
            shape if media.ends_with("json") && !shape.is_empty() => shape,
            _ => format!("`{media}`"),
        })
        .collect();
    all.join(", ")
}

/// The type of a value, in words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(all) = schema[choice].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", said(word))).collect::<Vec<_>>().join(", ");
    }
    if !schema["const"].is_null() {
        return format!("`{}`", said(&schema["const"]));
    }
    if schema["properties"].is_object() {
        let names: Vec<String> = object(&schema["properties"]).keys().map(|name| format!("`{name}`")).collect();
        return format!("object of {}", names.join(", "));
    }
    match &schema["type"] {
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join(" or "),
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => name.clone(),
        _ => String::new(),
    }
}

/// A text of the contract on one line.
fn said(text: &Value) -> String {
    match text {
        Value::String(text) => text.replace('\n', " "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}
