//! JSON as pages show it: in the order of the node, filled lines, long lists cut after their first entry.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

const WIDTH: usize = 120;

/// A value that keeps the order of its keys.
enum Json {
    Plain(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The text of an answer, for a page.
pub fn shown(text: &str) -> String {
    let json: Json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut lines = String::new();
    write(&json, 0, "", &mut lines);
    lines
}

/// The names of all fields in a text.
pub fn keys(text: &str) -> std::collections::BTreeSet<&str> {
    let before = text.split("\":").map(|part| part.rsplit('"').next().unwrap_or_default());
    // What follows the last colon is no key.
    let count = text.matches("\":").count();
    before.take(count).collect()
}

fn write(json: &Json, depth: usize, comma: &str, lines: &mut String) {
    let (indent, inner) = (" ".repeat(2 * depth), " ".repeat(2 * depth + 2));
    let flat = flat(json);
    if indent.len() + flat.len() <= WIDTH {
        lines.push_str(&format!("{flat}{comma}\n"));
        return;
    }
    match json {
        Json::Plain(_) => lines.push_str(&format!("{flat}{comma}\n")),
        Json::List(items) => {
            lines.push_str("[\n");
            lines.push_str(&inner);
            write(&items[0], depth + 1, "", lines);
            if items.len() > 1 {
                lines.push_str(&format!("{inner}…\n"));
            }
            lines.push_str(&format!("{indent}]{comma}\n"));
        }
        Json::Object(fields) => {
            lines.push_str("{\n");
            let mut line = inner.clone();
            for (number, (key, value)) in fields.iter().enumerate() {
                let comma = if number + 1 < fields.len() { "," } else { "" };
                let field = format!("{key:?}: {}{comma}", self::flat(value));
                if line.len() > inner.len() && line.len() + 1 + field.len() > WIDTH {
                    lines.push_str(&format!("{}\n", line.trim_end()));
                    line.clone_from(&inner);
                }
                if inner.len() + field.len() > WIDTH {
                    lines.push_str(&format!("{inner}{key:?}: "));
                    write(value, depth + 1, comma, lines);
                } else {
                    line.push_str(&format!("{field} "));
                }
            }
            if line.len() > inner.len() {
                lines.push_str(&format!("{}\n", line.trim_end()));
            }
            lines.push_str(&format!("{indent}}}{comma}\n"));
        }
    }
}

fn flat(json: &Json) -> String {
    match json {
        Json::Plain(text) => text.clone(),
        Json::List(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key:?}: {}", flat(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Plain("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Plain(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Plain(serde_json::Value::from(value).to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(field) = fields.next_entry()? {
            all.push(field);
        }
        Ok(Json::Object(all))
    }
}

#[test]
fn long_answers_are_cut_and_keep_their_order() {
    assert_eq!(shown(r#"{"b":1,"a":[1,2]}"#), "{\"b\": 1, \"a\": [1, 2]}\n");
    let long = "x".repeat(80);
    let text = format!(r#"{{"z":{{"q":"{long}"}},"list":[{{"k":"{long}"}},{{"l":"{long}"}}],"end":null}}"#);
    let line = format!("{{\"k\": {long:?}}}");
    let expected =
        format!("{{\n  \"z\": {{\"q\": {long:?}}},\n  \"list\": [\n    {line}\n    …\n  ],\n  \"end\": null\n}}\n");
    assert_eq!(shown(&text), expected);
    assert_eq!(keys(&shown(&text)).into_iter().collect::<Vec<_>>(), ["end", "k", "list", "q", "z"]);
}
