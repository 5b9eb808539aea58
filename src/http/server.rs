//! The accept loop: one connection, one task, everything bounded.
//!
//! axum's own server has no limit for the time or the size of a request's head
//! and none for connections, so one caller with many sockets could stop every
//! ping. Here a head must come whole within [`Limits::header_time`] (which also
//! ends idle connections, and lies above ten intervals, so that a peer's kept
//! connection stays open), a head that is too large is answered with 431, and a
//! connection beyond the limit is answered with 503 and closed. Small packets are sent at
//! once: waiting for more (Nagle) would cost a ping 40 ms.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::stream::Closing;
use crate::api::PROBLEM_MEDIA_TYPE;
use crate::config::Limits;

/// Callers beyond the limit that are answered with 503 at the same time; more are dropped without an answer.
const REFUSALS: usize = 16;
/// How long telling may take.
const REFUSAL_TIME: Duration = Duration::from_millis(250);
/// Pause after a failed accept, which mostly means that descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The smallest read buffer that hyper takes; it panics below.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Serves `router` until `cancel`, then lets open requests end and returns when the last one has.
/// That may take as long as the slowest of them: the caller's grace period is the limit. Streams end at once.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, cancel: CancellationToken) {
    let server = Server::new(router, &limits, cancel.clone());
    // Bounded by the connection limit and the refusals.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream, &mut connections),
                Err(error) => {
                    tracing::warn!(event = "accept_failed", error = %error, "A connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

struct Server {
    router: Router,
    http: http1::Builder,
    connections: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    cancel: CancellationToken,
}

impl Server {
    fn new(router: Router, limits: &Limits, cancel: CancellationToken) -> Server {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes.max(BUFFER_BYTES_MIN));
        Server {
            router,
            http,
            connections: Arc::new(Semaphore::new(limits.connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            cancel,
        }
    }

    fn take(&self, stream: TcpStream, connections: &mut JoinSet<()>) {
        // Only a socket that is already dead refuses this, and its task will see that.
        let _ = stream.set_nodelay(true);
        if let Ok(slot) = self.connections.clone().try_acquire_owned() {
            connections.spawn(self.serve_one(stream, slot));
        } else if let Ok(slot) = self.refusals.clone().try_acquire_owned() {
            connections.spawn(refuse(stream, slot));
        }
    }

    fn serve_one(&self, stream: TcpStream, slot: OwnedSemaphorePermit) -> impl Future<Output = ()> + Send + 'static {
        let closing = Closing(self.cancel.clone());
        let router = TowerToHyperService::new(self.router.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(closing.clone());
            hyper::service::Service::call(&router, request)
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let cancel = self.cancel.clone();
        async move {
            let _slot = slot;
            let mut connection = std::pin::pin!(connection);
            // How a connection ends is its caller's business: most end by being closed, and a caller that
            // sends nonsense has been answered by hyper.
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = cancel.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        }
    }
}

/// Answers a caller that there is no room. Reads what it has sent, because closing a
/// socket with unread bytes would tear the answer away.
async fn refuse(mut stream: TcpStream, _slot: OwnedSemaphorePermit) {
    let body = Problem::too_many_connections().to_json();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let tell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut sent = [0; 1024];
        while stream.read(&mut sent).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // Out of time, or gone: it will find out by itself.
    let _ = timeout(REFUSAL_TIME, tell).await;
}

/// A handler that panics takes its connection along and nothing else; that it did must be seen.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(event = "request_panicked", error = %error, "A request ended in a panic");
    }
}
