//! Event streams: one reader for the news of peers and for the events that commands follow.
//!
//! A node sends a comment line every five seconds, so a stream on which nothing
//! comes for fifteen is as dead as a closed one, whatever the socket believes.
//! Between nodes a stream carries news at once and its end says that something
//! happened; neither is needed for being right, only for being quick.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{self, Instant, Sleep};

use super::exchange::Order;
use super::line::Line;
use super::pieces::{Pieces, Torn};
use super::sse::{Parser, ServerEvent};
use crate::api::AnswerBody;
use crate::detector::limits::STREAM_SILENCE;
use crate::detector::peer::Answer;
use crate::mesh_key::guard::{Guard, Seal};

/// After a pause of this process the time is over before the bytes that came
/// meanwhile were read. They are read within this.
const GRACE: Duration = Duration::from_millis(500);

/// The first event of a stream between nodes with a mesh key.
const HELLO: &[u8] = b"hello";

/// Events that a peer may send in one second on average, and bytes, comments included. News says what changed, in a few
/// hundred bytes; a peer that has more to say than a whole mesh is broken or hostile, and reading it costs this node its
/// own pings.
const EVENTS_A_SECOND: usize = 50;
const BYTES_A_SECOND: usize = 1024 * 1024;
/// Seconds over which they are counted: a peer that sees half of a large mesh go down at once may say so.
const FLOOD_SECONDS: usize = 10;

/// An open stream, on a connection of its own: it must not take the one that pings use.
pub(crate) struct EventStream {
    pieces: Pieces,
    parser: Parser,
    /// Events of the chunk read last: at most as many as fit into one read.
    ready: VecDeque<ServerEvent>,
}

/// How a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamEnd {
    #[error("its event stream has been silent for {} s", STREAM_SILENCE.as_secs())]
    Silent,
    #[error("too much came on its event stream")]
    Flooded,
    #[error("its event stream is not that of a node with the mesh key")]
    Unverified,
    #[error("it ended the event stream")]
    Closed,
    #[error("its event stream broke off: {0}")]
    Broken(#[from] Torn),
}

impl EventStream {
    pub(super) fn new(pieces: Pieces) -> EventStream {
        EventStream { pieces, parser: Parser::default(), ready: VecDeque::new() }
    }

    /// The next event. Comments are signs of life and nothing else.
    ///
    /// # Errors
    /// How the stream ended.
    pub(crate) async fn next(&mut self) -> Result<ServerEvent, StreamEnd> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            self.read().await?;
        }
    }

    /// Reads the next piece. Returns how many events and bytes came.
    async fn read(&mut self) -> Result<(usize, usize), StreamEnd> {
        let piece = within_silence(self.pieces.next()).await.ok_or(StreamEnd::Silent)?;
        let piece = piece.ok_or(StreamEnd::Closed)??;
        let before = self.ready.len();
        self.ready.extend(self.parser.feed(&piece));
        Ok((self.ready.len() - before, piece.len()))
    }
}

/// The stream that this node holds to a peer.
pub struct NewsStream {
    events: EventStream,
    budget: Budget,
    /// Where a mesh key is required.
    proof: Option<Proof>,
    /// The answer with which a verified stream began, until it is read.
    hello: Option<Answer>,
}

/// Checks that the events of a stream are those of its peer, all of them, in their order.
struct Proof {
    guard: Guard,
    seal: Seal,
    /// The number of the next event.
    next: u64,
    /// The stream ends here without a verified event: bytes alone are no sign of life.
    silence: Pin<Box<Sleep>>,
}

impl Proof {
    fn new((guard, seal): (Guard, Seal)) -> Proof {
        Proof { guard, seal, next: 0, silence: Box::pin(time::sleep(STREAM_SILENCE + GRACE)) }
    }

    fn check(&mut self, event: &ServerEvent) -> Result<(), StreamEnd> {
        let is_next = self.seal.is_event(&event.id, self.next, &event.name, &event.data)
            && (self.next > 0 || event.name == HELLO)
            && self.guard.knows(&self.seal);
        if !is_next {
            return Err(StreamEnd::Unverified);
        }
        self.next += 1;
        self.silence = Box::pin(time::sleep(STREAM_SILENCE + GRACE));
        Ok(())
    }
}

/// What may still come in these seconds.
struct Budget {
    events: usize,
    bytes: usize,
    until: Instant,
}

impl Budget {
    fn new() -> Budget {
        Budget {
            events: EVENTS_A_SECOND * FLOOD_SECONDS,
            bytes: BYTES_A_SECOND * FLOOD_SECONDS,
            until: Instant::now() + Duration::from_secs(FLOOD_SECONDS as u64),
        }
    }

    /// Looks at the time when something comes: a timer would wake this process where nothing does.
    fn take(&mut self, events: usize, bytes: usize) -> Result<(), StreamEnd> {
        if Instant::now() >= self.until {
            *self = Budget::new();
        }
        self.events = self.events.checked_sub(events).ok_or(StreamEnd::Flooded)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(StreamEnd::Flooded)?;
        Ok(())
    }
}

impl NewsStream {
    /// Asks for the stream. `None` when the peer does not want one, or where it does not begin as a verified one.
    pub(super) async fn open(line: Line, Order { request, check }: Order) -> Option<NewsStream> {
        let pieces = within_silence(line.open(request)).await??;
        let proof = check.of_stream().ok()?.map(Proof::new);
        let events = EventStream::new(pieces);
        let mut stream = NewsStream { events, budget: Budget::new(), proof, hello: None };
        if stream.proof.is_some() {
            stream.hello = Some(stream.next().await.ok()?);
        }
        Some(stream)
    }

    /// The next piece of news. News that cannot be understood is skipped: answers say the same.
    ///
    /// # Errors
    /// How the stream ended, which may be by its budget.
    pub(crate) async fn next(&mut self) -> Result<Answer, StreamEnd> {
        if let Some(hello) = self.hello.take() {
            return Ok(hello);
        }
        loop {
            while let Some(event) = self.events.ready.pop_front() {
                let is_first = self.proof.as_ref().is_some_and(|proof| proof.next == 0);
                if let Some(proof) = &mut self.proof {
                    proof.check(&event)?;
                }
                if (event.name == b"news" || is_first)
                    && let Ok(news) = AnswerBody::parse(&event.data).and_then(Answer::try_from)
                {
                    return Ok(news);
                }
            }
            let silence = async {
                match &mut self.proof {
                    Some(proof) => proof.silence.as_mut().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                read = self.events.read() => {
                    let (events, bytes) = read?;
                    self.budget.take(events, bytes)?;
                }
                () = silence => return Err(StreamEnd::Silent),
            }
        }
    }
}

/// What `read` gives within the longest silence; `None` when it takes longer.
async fn within_silence<T>(read: impl Future<Output = T>) -> Option<T> {
    let mut read = std::pin::pin!(read);
    match time::timeout(STREAM_SILENCE, &mut read).await {
        Ok(value) => Some(value),
        Err(_) => time::timeout(GRACE, read).await.ok(),
    }
}
