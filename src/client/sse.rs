//! Server-sent events, as much of them as nodes speak.
//!
//! The format is lines: `event:` and `data:` collect, an empty line dispatches,
//! a line that begins with a colon is a sign of life (WHATWG HTML, section
//! 9.2.6). `id:` carries the tag of an event between nodes with a mesh key; other
//! readers know the number of the last event from its data. `retry:` is not used.
//! A line or an event that grows beyond its bound is
//! dropped whole and the stream continues: between nodes the next answer repeats
//! what the news said, and no event of a node is a hundredth of the bound.

/// The longest line and the longest event. News says what changed, not what is.
const EVENT_BYTES: usize = 64 * 1024;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    /// Empty when the sender named none.
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    /// Of this event alone; empty when it has none.
    pub id: Vec<u8>,
}

/// Turns bytes, cut anywhere, into events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    name: Vec<u8>,
    id: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The event that is being read has outgrown its bound.
    oversize: bool,
    /// The last byte was a carriage return, which a newline may follow.
    after_return: bool,
}

impl Parser {
    /// Reads `bytes` and returns the events that they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<ServerEvent> {
        let mut events = Vec::new();
        for byte in bytes {
            let second_half = std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ if self.line.len() < EVENT_BYTES => self.line.push(*byte),
                _ => self.oversize = true,
            }
        }
        events
    }

    fn end_line(&mut self) -> Option<ServerEvent> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let id = std::mem::take(&mut self.id);
            let data = self.data.take()?;
            return (!std::mem::take(&mut self.oversize)).then_some(ServerEvent { name, data, id });
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"id" => self.id = value.to_vec(),
            b"data" => self.add(value),
            _ => {}
        }
        None
    }

    fn add(&mut self, value: &[u8]) {
        match &mut self.data {
            None => self.data = Some(value.to_vec()),
            Some(data) if data.len() + value.len() < EVENT_BYTES => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            Some(_) => self.oversize = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(name: &str, data: &str) -> ServerEvent {
        ServerEvent { name: name.into(), data: data.into(), id: Vec::new() }
    }

    fn read(text: &str) -> Vec<ServerEvent> {
        Parser::default().feed(text.as_bytes())
    }

    #[test]
    fn events_end_with_an_empty_line() {
        assert_eq!(read("event: news\ndata: {}\n\n"), [event("news", "{}")]);
        assert_eq!(read("event:news\r\ndata:{}\r\n\r\n"), [event("news", "{}")]);
        assert_eq!(read("event:news\rdata:{}\r\r"), [event("news", "{}")]);
        assert_eq!(read("data: a\ndata: b\n\n"), [event("", "a\nb")]);
        assert_eq!(read("data: unfinished\n"), []);
    }

    #[test]
    fn signs_of_life_and_empty_events_are_not_events() {
        assert_eq!(read(": still here\n\nevent: news\n\n\n\n"), []);
        assert_eq!(
            read(": still here\nid: 3\nretry: 1\nodd\ndata: 1\n\n"),
            [ServerEvent { id: b"3".into(), ..event("", "1") }]
        );
    }

    #[test]
    fn an_event_beyond_its_bound_is_dropped_and_the_next_is_read() {
        let long = "x".repeat(EVENT_BYTES + 1);
        let next = "event: news\ndata: 1\n\n";
        assert_eq!(read(&format!("data: {long}\n\n{next}")), [event("news", "1")]);
        let half = "x".repeat(EVENT_BYTES / 2 + 1);
        assert_eq!(read(&format!("data: {half}\ndata: {half}\n\n{next}")), [event("news", "1")]);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_whatever_comes(bytes in proptest::collection::vec(any::<u8>(), 0..2048), times in 1usize..200) {
            let mut parser = Parser::default();
            for _ in 0..times {
                parser.feed(&bytes);
            }
            prop_assert!(parser.line.len() <= EVENT_BYTES);
            prop_assert!(parser.data.as_ref().is_none_or(|data| data.len() <= EVENT_BYTES));
        }

        #[test]
        fn where_the_bytes_are_cut_does_not_matter(cuts in proptest::collection::vec(0usize..60, 0..6)) {
            let text = b"event: news\r\ndata: 1\r\n\r\n: life\n\nevent: news\ndata: 2\n\n";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let events: Vec<_> = cuts.windows(2).flat_map(|pair| parser.feed(&text[pair[0]..pair[1]])).collect();
            prop_assert_eq!(events, [event("news", "1"), event("news", "2")]);
        }
    }
}
