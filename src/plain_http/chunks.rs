//! A body in chunks (RFC 9112, section 7.1), whose end is not waited for: a stream of events.

/// Bytes of the line before a chunk: its size, and extensions that nobody sends.
const LINE: usize = 64;

/// What has come of a body so far.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Bytes of the present chunk that are still to come.
    left: u64,
    /// The data of a chunk has ended and its line break has not come.
    breaks: bool,
    /// A line that has begun; empty nearly always.
    line: Vec<u8>,
    ended: bool,
}

/// This is no body in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came is not a body in chunks")]
pub(crate) struct Malformed;

impl Chunks {
    /// The last chunk has come.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Adds the data in these bytes, which follow the ones before, to `data`.
    ///
    /// # Errors
    /// When they cannot.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], data: &mut Vec<u8>) -> Result<(), Malformed> {
        while !bytes.is_empty() && !self.ended {
            if self.left > 0 {
                let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                data.extend_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                self.left -= count as u64;
                self.breaks = self.left == 0;
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.line.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.line.len() > LINE {
                return Err(Malformed);
            }
            if end.is_some() {
                self.line_ended()?;
            }
        }
        Ok(())
    }

    fn line_ended(&mut self) -> Result<(), Malformed> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.breaks) {
            return if line == b"\r\n" { Ok(()) } else { Err(Malformed) };
        }
        // httparse takes a line without a digit for the last chunk.
        match httparse::parse_chunk_size(&line) {
            _ if !line[0].is_ascii_hexdigit() => return Err(Malformed),
            Ok(httparse::Status::Complete((_, 0))) => self.ended = true,
            Ok(httparse::Status::Complete((_, size))) => self.left = size,
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"3\r\n:\n\n\r\n1A;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n";
    const DATA: &[u8] = b":\n\nabcdefghijklmnopqrstuvwxyz";

    #[test]
    fn data_is_the_same_however_it_is_cut() {
        for step in 1..=BODY.len() {
            let (mut chunks, mut data) = (Chunks::default(), Vec::new());
            for piece in BODY.chunks(step) {
                assert!(!chunks.has_ended());
                chunks.feed(piece, &mut data).unwrap();
            }
            assert_eq!(data, DATA, "pieces of {step}");
            assert!(chunks.has_ended());
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for wrong in [&b"xyz\r\n"[..], b"3\r\nabcd\r\n", b"\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", &[b'1'; 100]] {
            assert_eq!(Chunks::default().feed(wrong, &mut Vec::new()), Err(Malformed), "{}", wrong.escape_ascii());
        }
    }
}
