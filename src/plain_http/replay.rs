//! A connection for hyper on which something has happened already.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives the bytes that were read before once more, and then what comes.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    inner: S,
    /// What was read, and how much of it was given.
    read: Vec<u8>,
    given: usize,
    /// How reading ended.
    failed: Option<io::Error>,
    sent: Sent,
}

/// Where a client's connection is taken over: the request that hyper writes first was sent before.
#[derive(Debug)]
enum Sent {
    /// What is written is sent.
    No,
    /// The first request is not sent again. Nothing is read before it is written: to hyper that would be an answer without a
    /// question.
    Once { begun: bool, reader: Option<Waker> },
    /// Sending failed.
    Failed(Option<io::Error>),
}

impl<S> Replay<S> {
    /// Nothing has happened.
    pub(crate) fn fresh(inner: S) -> Replay<S> {
        Replay::read(inner, Vec::new())
    }

    /// These bytes were read.
    pub(crate) fn read(inner: S, read: Vec<u8>) -> Replay<S> {
        Replay { inner, read, given: 0, failed: None, sent: Sent::No }
    }

    /// A request was sent, and these bytes of its answer were read, until it `failed`.
    pub(crate) fn answered(inner: S, read: Vec<u8>, failed: Option<io::Error>) -> Replay<S> {
        Replay { inner, read, given: 0, failed, sent: Sent::Once { begun: false, reader: None } }
    }

    /// A request could not be sent.
    pub(crate) fn unsent(inner: S, failed: io::Error) -> Replay<S> {
        Replay { inner, read: Vec::new(), given: 0, failed: None, sent: Sent::Failed(Some(failed)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replay<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Sent::Once { reader, .. } = &mut self.sent {
            *reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.given < self.read.len() {
            let rest = &self.read[self.given..];
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            self.given += count;
            if self.given == self.read.len() {
                self.read = Vec::new();
                self.given = 0;
            }
            return Poll::Ready(Ok(()));
        }
        if let Some(failed) = self.failed.take() {
            return Poll::Ready(Err(failed));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replay<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.sent {
            Sent::No => Pin::new(&mut self.inner).poll_write(cx, buf),
            Sent::Once { begun, .. } => {
                *begun = true;
                Poll::Ready(Ok(buf.len()))
            }
            Sent::Failed(failed) => Poll::Ready(Err(failed.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if matches!(self.sent, Sent::No) {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when a request is written whole.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Sent::Once { begun: true, reader } = &mut self.sent {
            if let Some(reader) = reader.take() {
                reader.wake();
            }
            self.sent = Sent::No;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
