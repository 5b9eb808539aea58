//! The body of a stream, piece by piece as it comes.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::exchange::Exchange;
use crate::plain_http::Chunks;
use crate::tls::wire::Wire;

/// Bytes that are read at a time. They are on the stack: a stream keeps no buffer while nothing comes.
const PIECE_BYTES: usize = 4 * 1024;

/// Where the pieces come from.
pub(super) enum Pieces {
    Plain {
        wire: Wire,
        chunks: Chunks,
        /// What came with the head.
        first: Vec<u8>,
    },
    Hyper(Box<Exchange>, Incoming),
}

/// Why there are no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Torn {
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Socket(#[from] io::Error),
}

impl Pieces {
    /// A body in chunks, of which some came with the head.
    pub(super) fn plain(wire: Wire, first: Vec<u8>) -> Pieces {
        Pieces::Plain { wire, chunks: Chunks::default(), first }
    }

    /// The next piece; `None` at the end. A piece may be empty.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<u8>, Torn>> {
        match self {
            Pieces::Plain { wire, chunks, first } => {
                if !first.is_empty() {
                    let (first, mut data) = (std::mem::take(first), Vec::new());
                    return Some(fed(chunks, &first, &mut data).map(|()| data));
                }
                if chunks.has_ended() {
                    return None;
                }
                Some(std::future::poll_fn(|cx| poll_piece(wire, chunks, cx)).await)
            }
            Pieces::Hyper(exchange, body) => {
                let piece = exchange.piece(body).await?;
                Some(piece.map(|piece| piece.to_vec()).map_err(Torn::from))
            }
        }
    }
}

fn poll_piece(wire: &mut Wire, chunks: &mut Chunks, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, Torn>> {
    let mut room = [const { MaybeUninit::uninit() }; PIECE_BYTES];
    let mut buffer = ReadBuf::uninit(&mut room);
    ready!(Pin::new(wire).poll_read(cx, &mut buffer))?;
    if buffer.filled().is_empty() {
        return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
    }
    let mut data = Vec::new();
    Poll::Ready(fed(chunks, buffer.filled(), &mut data).map(|()| data))
}

fn fed(chunks: &mut Chunks, bytes: &[u8], data: &mut Vec<u8>) -> Result<(), Torn> {
    chunks.feed(bytes, data).map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong).into())
}
