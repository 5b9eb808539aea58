//! Text from a node made safe to show. The node may be any program, so nothing in its answer may move the cursor,
//! colour what follows, or fill the screen.

use serde_json::Value;

use crate::detector::maintenance::printable;

/// No sentence or paragraph of a node is longer; a longer text is not meant for people.
const TEXT_CHARS_MAX: usize = 4000;

/// The text without what could break a line or a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut kept: String = text.chars().take(TEXT_CHARS_MAX).map(|c| if printable(c) { c } else { '?' }).collect();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        kept.push_str("..");
    }
    kept
}

/// JSON in which every text is safe to show, the names of its fields too.
///
/// # Errors
/// When it is not JSON.
pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Value> {
    let mut value = serde_json::from_slice(json)?;
    make_safe(&mut value);
    Ok(value)
}

/// As deep as the parser lets it be: 128 levels.
fn make_safe(value: &mut Value) {
    match value {
        Value::String(text) => *text = shown(text),
        Value::Array(list) => list.iter_mut().for_each(make_safe),
        Value::Object(map) => {
            let made_safe = |(key, mut value): (String, Value)| {
                make_safe(&mut value);
                (shown(&key), value)
            };
            *map = std::mem::take(map).into_iter().map(made_safe).collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_long_texts_are_cut() {
        let value = parse(br#"{"a":[{"b\u202e":"a\u001b[2Jb\u202ec\nd"}]}"#).unwrap();
        assert_eq!(value.to_string(), r#"{"a":[{"b?":"a?[2Jb?c?d"}]}"#);
        let long = parse(format!(r#""{}""#, "ä".repeat(10_000)).as_bytes()).unwrap();
        assert_eq!(long.as_str().map(|text| text.chars().count()), Some(TEXT_CHARS_MAX + 2));
    }
}
