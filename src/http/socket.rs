//! A caller's socket, with a limit for writing.
//!
//! A caller that does not read keeps the answer in this node's memory for as long as it likes. hyper has no limit for
//! that; so the time counts from the first write that the kernel does not take until everything is written, and then
//! the connection is closed.
//!
//! A caller that reads fast, or whose kernel takes megabytes, must not have the one thread for as long as that takes:
//! after some bytes the others have their turn. The kernel's own buffer is bounded where the port is bound
//! (`runtime/listen.rs`).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connections::Connection;
use crate::runtime::clock::Clock;
use crate::tls::wire::Wire;

/// Bytes that one connection is written in one turn of the runtime: most answers whole, and some ten microseconds.
const BYTES_PER_TURN: usize = 64 * 1024;

pub(super) struct Socket {
    stream: Wire,
    connection: Arc<Connection>,
    clock: Clock,
    limit: Duration,
    /// Runs while something waits to be written.
    late: Option<Pin<Box<Sleep>>>,
    /// Bytes written in this turn.
    written: usize,
}

impl Socket {
    pub(super) fn new(stream: Wire, connection: Arc<Connection>, clock: Clock, limit: Duration) -> Socket {
        Socket { stream, connection, clock, limit, late: None, written: 0 }
    }

    /// Whether the turn is over; then this task is woken for its next one.
    fn turn_is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let over = self.written >= BYTES_PER_TURN;
        if over {
            self.written = 0;
            cx.waker().wake_by_ref();
        }
        over
    }

    /// What a write gives: what the kernel took, or what [`Socket::wait`] says.
    fn wrote(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Pending => self.wait(cx),
            Poll::Ready(Ok(count)) => {
                self.written += count;
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }

    /// What a write gives that the kernel did not take: nothing yet, or an error once the time is over.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let late = self.late.get_or_insert_with(|| {
            self.connection.blocked(Some(self.clock.now()));
            Box::pin(sleep(self.limit))
        });
        ready!(late.as_mut().poll(cx));
        // What the kernel still holds for this caller is thrown away with the connection.
        let _ = self.stream.tcp().set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn written(&mut self) {
        if self.late.take().is_some() {
            self.connection.blocked(None);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.turn_is_over(cx) {
            return Poll::Pending;
        }
        let buf = &buf[..buf.len().min(BYTES_PER_TURN)];
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.turn_is_over(cx) {
            return Poll::Pending;
        }
        // One large piece at a time: what comes together with others is small.
        if let Some(large) = bufs.first().filter(|first| first.len() > BYTES_PER_TURN) {
            let result = Pin::new(&mut self.stream).poll_write(cx, &large[..BYTES_PER_TURN]);
            return self.wrote(result, cx);
        }
        let end = bufs.iter().position(|buf| buf.len() > BYTES_PER_TURN).unwrap_or(bufs.len());
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, &bufs[..end]);
        self.wrote(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when all that it had is written. A socket has nothing to flush; TLS may still have records that the
    /// kernel does not take.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.wait(cx).map_ok(|_| ()),
            flushed => {
                self.written();
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::poll_fn;

    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::http::connections::{Connections, Rules};

    const PIECE: [u8; 16 * 1024] = [0; 16 * 1024];

    /// This node's end of a connection, and its caller, that has to read within `limit`.
    pub(in crate::http) async fn pair(limit: Duration) -> (Socket, TcpStream, Connections) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let (connections, clock) = (Connections::new(Rules { all: 9, reserve: 1, per_source: 9 }), Clock::start());
        let connection = connections.admit(address.ip(), true, false, clock.now()).unwrap().connection;
        (Socket::new(Wire::Plain(stream), connection, clock, limit), caller, connections)
    }

    /// A caller that reads nothing, and this node's end with room for some turns in the kernel.
    async fn unread(limit: Duration) -> (Socket, TcpStream, Connections) {
        let (socket, caller, connections) = pair(limit).await;
        SockRef::from(socket.stream.tcp()).set_send_buffer_size(1 << 20).unwrap();
        (socket, caller, connections)
    }

    /// Writes until it has to wait, for its turn or for the kernel. Returns how much that was.
    async fn write_in_one_turn(socket: &mut Socket) -> usize {
        poll_fn(|cx| {
            let mut written = 0;
            while let Poll::Ready(count) = Pin::new(&mut *socket).poll_write(cx, &PIECE) {
                written += count.unwrap();
            }
            Poll::Ready(written)
        })
        .await
    }

    #[tokio::test]
    async fn after_some_bytes_the_others_have_their_turn() {
        let (mut socket, _caller, _connections) = unread(Duration::from_secs(60)).await;
        for turn in 1..=3 {
            assert_eq!(write_in_one_turn(&mut socket).await, BYTES_PER_TURN, "turn {turn}");
            assert!(socket.late.is_none(), "the kernel has room for more");
        }
    }

    #[tokio::test]
    async fn a_caller_that_does_not_read_gives_way_and_is_given_up() {
        let (mut socket, _caller, connections) = unread(Duration::from_millis(100)).await;
        let later = socket.clock.now() + Duration::from_secs(1);
        socket.connection.begin(false);
        assert!(!connections.make_room(later), "it is being answered");
        while socket.late.is_none() {
            write_in_one_turn(&mut socket).await;
        }
        let given_up = async {
            loop {
                // The kernel may still take some.
                if let Err(error) = poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, &PIECE)).await {
                    return error.kind();
                }
            }
        };
        let ended = timeout(Duration::from_secs(10), given_up).await;
        assert_eq!(ended.expect("its time is over"), io::ErrorKind::TimedOut);
        assert!(connections.make_room(later), "it waits for nothing from this node");
    }
}
