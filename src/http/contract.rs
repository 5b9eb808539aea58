//! The contract as it is served: the file that people edit, without its blanks.
//!
//! They are half of it, and the program carries it with it. The compiler takes
//! them out, so there is one file and nothing to keep in step. Turned down: a
//! build script, which would compile a JSON library for the machine that builds.

/// As written by hand and tested against the running routes.
const WRITTEN: &[u8] = include_bytes!("openapi.json");

/// What is served.
pub(super) const OPENAPI: &[u8] = &without_blanks::<{ length(WRITTEN) }>(WRITTEN);

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
