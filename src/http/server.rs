//! The accept loop: one connection, one task, everything bounded.
//!
//! axum's own server has no limit for the time or the size of a request's head
//! and none for connections, so one caller with many sockets could stop every
//! ping. Here a head must come whole within [`Limits::header_time`] (which also
//! ends idle connections, and lies above ten intervals, so that a peer's kept
//! connection stays open), a head that is too large is answered with 431, and an
//! answer must be read within [`Limits::write_time`]. At the limit of connections the caller that has been idle for longest
//! makes room ([`super::connections`]); if no caller is idle, the new one is answered with 503 and closed. Small packets
//! are sent at once: waiting for more (Nagle) would cost a ping 40 ms.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connections::{Admitted, Connection, Connections, Rules};
use super::opening::refuse;
use super::plain_pings::PlainPings;
use super::remote::Remote;
use super::route::Route;
use super::serving::Serving;
use super::state::AppState;
use super::trouble::{Kind, Troubles};
use crate::config::Limits;
use crate::detector::time::Monotonic;
use crate::runtime::clock::Clock;
use crate::runtime::descriptors::{self, Scarce};
use crate::runtime::handle::Handle;
use crate::telemetry::Metrics;
use crate::telemetry::ends::{Closed, Refused};
use crate::tls::Acceptor;

/// Callers beyond the limit that are answered with 503 at the same time; more are dropped without an answer.
const REFUSALS: usize = 16;
/// Pause after a failed accept, which mostly means that descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The same once a caller was closed: a turn of the runtime, and no more than a hundred closed in a second.
const ROOM_PAUSE: Duration = Duration::from_millis(10);
/// How often room for a peer is looked for: for a little longer than a new caller has to ask.
const ROOM_TRIES: u32 = 11;
/// How often trouble is looked at that may be over.
const TROUBLE_LOOK: Duration = Duration::from_secs(1);
/// The smallest read buffer that hyper takes; it panics below.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// What the server of one port works with, besides its routes.
pub struct Gate {
    pub limits: Limits,
    /// Peers that there can be: connections are kept free for them.
    pub peers: usize,
    /// Knows the addresses of peers.
    pub handle: Handle,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// What goes wrong with callers, told when it begins and when it ends.
    pub troubles: Arc<Troubles>,
    /// What answers plain pings ahead of the router, and streams for nodes; `None` where hyper reads everything.
    pub pings: Option<Arc<PlainPings>>,
    /// This node has no descriptor left for a connection of its own, and wants one back from a caller.
    pub wanted: Arc<Notify>,
    /// As the log calls the port.
    pub port: &'static str,
    /// `None`: the port is asked without TLS.
    pub tls: Option<Acceptor>,
}

impl Gate {
    /// That of a port of this node.
    pub fn new(state: &AppState, port: &'static str) -> Gate {
        Gate {
            limits: state.config.limits,
            peers: state.config.peers_at_most(),
            handle: state.handle.clone(),
            metrics: Arc::clone(&state.metrics),
            clock: state.clock,
            troubles: Arc::clone(&state.troubles),
            pings: None,
            wanted: state.wanted.clone(),
            port,
            tls: None,
        }
    }

    /// That of the port on which this node is pinged.
    pub fn of_pings(state: &AppState, port: &'static str) -> Gate {
        Gate { pings: Some(Arc::new(PlainPings::new(state))), ..Gate::new(state, port) }
    }

    /// The same with TLS.
    pub(crate) fn with_tls(self, tls: Option<Acceptor>) -> Gate {
        Gate { tls, ..self }
    }
}

/// Serves `router` until `cancel`, then lets open requests end and returns when the last one has.
/// That may take as long as the slowest of them: the caller's grace period is the limit. Streams end at once.
pub async fn serve(listener: TcpListener, router: Router, gate: Gate, cancel: CancellationToken) {
    let server = Server::new(router, gate, cancel.clone());
    // Bounded by the connection limit and the refusals.
    let mut connections = JoinSet::new();
    let mut look = pin!(sleep(TROUBLE_LOOK));
    // One that stands while the loop does something else, or what is asked for meanwhile would be lost.
    let mut wanted = pin!(server.gate.wanted.notified());
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            () = wanted.as_mut() => {
                wanted.set(server.gate.wanted.notified());
                server.make_room(server.gate.clock.now());
            }
            () = look.as_mut(), if server.gate.troubles.any() => {
                server.gate.troubles.end(server.gate.clock.now());
                look.set(sleep(TROUBLE_LOOK));
            }
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    // Its task gives the descriptor back before more callers are taken from the queue.
                    if server.take(stream, address.ip(), &mut connections).await {
                        yield_now().await;
                    }
                }
                Err(error) => server.not_accepted(&error).await,
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
    gate: Gate,
    connections: Arc<Connections>,
    refusals: Arc<Semaphore>,
    cancel: CancellationToken,
}

impl Server {
    fn new(router: Router, gate: Gate, cancel: CancellationToken) -> Server {
        let limits = &gate.limits;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes.max(BUFFER_BYTES_MIN));
        Server {
            router,
            http,
            connections: Arc::new(Connections::new(Rules::new(limits.connections, gate.peers))),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            gate,
            cancel,
        }
    }

    /// True when another connection was closed for this one.
    async fn take(&self, stream: TcpStream, address: IpAddr, tasks: &mut JoinSet<()>) -> bool {
        // Only a socket that is already dead refuses this, and its task will see that.
        let _ = stream.set_nodelay(true);
        let address = address.to_canonical();
        let known = address.is_loopback() || self.gate.handle.is_address_of_peer(address);
        let remote = Remote { address, known, has_certificate: false };
        let now = self.gate.clock.now();
        let scarce = descriptors::scarce(&stream, self.gate.peers);
        let why = || match scarce {
            Some(Scarce { left, limit }) => {
                format!("only {left} of {limit} file descriptors are left (ulimit -n, LimitNOFILE raise their limit)")
            }
            None => format!("all {} are taken (--max-connections raises the limit)", self.gate.limits.connections),
        };
        match self.admit(remote, scarce.is_some()).await {
            Ok(Admitted { connection, closed_another }) => {
                if closed_another {
                    self.gate.metrics.server().closed(Closed::Idle);
                    self.gate.troubles.happened(Kind::Full, self.gate.port, now, why);
                }
                tasks.spawn(self.serve_one(stream, remote, connection));
                closed_another
            }
            Err(refused) => {
                self.gate.metrics.server().refused(refused);
                self.gate.troubles.happened(Kind::Full, self.gate.port, now, || match refused {
                    Refused::Full => why(),
                    Refused::Source => format!("{address} has all that one address may have"),
                });
                if let Ok(slot) = self.refusals.clone().try_acquire_owned() {
                    self.gate.metrics.http_request(Route::Other.path(), 503, None);
                    tasks.spawn(refuse(self.gate.tls.clone(), stream, slot));
                }
                false
            }
        }
    }

    /// A place for a caller. While descriptors are scarce, callers that have just come get their time to ask before one of
    /// them gives way to a peer: refusing costs a descriptor as well, and to a peer it would look like a fault.
    async fn admit(&self, remote: Remote, scarce: bool) -> Result<Admitted, Refused> {
        let admit = || self.connections.admit(remote.address, remote.known, scarce, self.gate.clock.now());
        let mut admitted = admit();
        for _ in 0..ROOM_TRIES {
            if admitted.is_ok() || !scarce || !remote.known {
                break;
            }
            sleep(ROOM_PAUSE).await;
            admitted = admit();
        }
        admitted
    }

    /// Mostly descriptors have run out: an idle caller gives one back, and a pause lets its task end. Peers may wait in the
    /// queue, so it is a short one where somebody could be closed.
    async fn not_accepted(&self, error: &io::Error) {
        // The caller has gone before it was accepted.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        let now = self.gate.clock.now();
        self.gate.metrics.server().accept_failed();
        self.gate.troubles.happened(Kind::Accept, self.gate.port, now, || error.to_string());
        sleep(if self.make_room(now) { ROOM_PAUSE } else { ACCEPT_PAUSE }).await;
    }

    /// Closes an idle caller, if there is one.
    fn make_room(&self, now: Monotonic) -> bool {
        let made = self.connections.make_room(now);
        if made {
            self.gate.metrics.server().closed(Closed::Idle);
        }
        made
    }

    fn serve_one(
        &self,
        stream: TcpStream,
        remote: Remote,
        connection: Arc<Connection>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let serving = Serving {
            http: self.http.clone(),
            router: self.router.clone(),
            pings: self.gate.pings.clone(),
            tls: self.gate.tls.clone(),
            connections: Arc::clone(&self.connections),
            metrics: Arc::clone(&self.gate.metrics),
            troubles: Arc::clone(&self.gate.troubles),
            clock: self.gate.clock,
            write_time: self.gate.limits.write_time,
            port: self.gate.port,
            cancel: self.cancel.clone(),
        };
        serving.run(stream, remote, connection)
    }
}

/// A handler that panics takes its connection along and nothing else; that it did must be seen.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(event = "request_panicked", error = %error, "A request ended in a panic");
    }
}
