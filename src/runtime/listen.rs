//! The sockets this node is reached by.
//!
//! They are bound before anything else is started, so that a port in use is an
//! error message and not half a node. Without an address the socket takes both
//! families at once (`[::]` that also speaks IPv4), because `localhost` is
//! either, depending on who asks; where the system has no IPv6, IPv4 alone will
//! do. The metrics port is looked for when none is configured: three nodes on one
//! machine must not need three settings.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::{Listen, MetricsPort};

/// Connections that may wait to be accepted: one from each of a thousand peers.
const BACKLOG: i32 = 1024;

/// What the kernel keeps of answers that a caller has not read, for each connection, which inherits it. Without a limit it
/// is megabytes, and counts against the memory limit of a container. 128 kB is enough for 1 MB/s over 100 ms.
const SEND_BUFFER: usize = 128 * 1024;

/// Both sockets, bound and listening.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub main: TcpListener,
    pub metrics: TcpListener,
}

/// A port that cannot be had. Its text names the port, the setting and the remedy.
#[derive(Debug)]
pub(crate) struct BindError {
    setting: &'static str,
    variable: &'static str,
    address: SocketAddr,
    /// The last port tried, when several were.
    last: Option<u16>,
    source: io::Error,
}

impl Listeners {
    /// Binds both. Nothing else has been started when this fails.
    ///
    /// # Errors
    /// [`BindError`] for the first port that cannot be had.
    pub(crate) fn bind(listen: Listen, metrics_port: MetricsPort) -> Result<Listeners, BindError> {
        let main = bind(listen.address, listen.port, "--port", "HEARTBEAT_PORT", None)?;
        let metrics = bind_metrics(listen.address, metrics_port)?;
        Ok(Listeners { main, metrics })
    }
}

fn bind_metrics(address: Option<IpAddr>, port: MetricsPort) -> Result<TcpListener, BindError> {
    let (setting, variable) = ("--metrics-port", "HEARTBEAT_METRICS_PORT");
    let first = match port {
        MetricsPort::Exactly(port) => return bind(address, port, setting, variable, None),
        MetricsPort::FirstFreeFrom(first) => first,
    };
    // A hundred ports are tried at most, and only while each is taken.
    let last = first.max(MetricsPort::LAST);
    for port in first..last {
        match bind(address, port, setting, variable, None) {
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
    bind(address, last, setting, variable, Some(first))
}

fn bind(
    address: Option<IpAddr>,
    port: u16,
    setting: &'static str,
    variable: &'static str,
    first: Option<u16>,
) -> Result<TcpListener, BindError> {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let (asked, result) = match address {
        Some(address) => {
            let asked = SocketAddr::new(address, port);
            (asked, listen(asked))
        }
        None => match listen(both) {
            Err(error) if lacks_ipv6(&error) => {
                let asked = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
                (asked, listen(asked))
            }
            result => (both, result),
        },
    };
    result.map_err(|source| {
        let shown = SocketAddr::new(asked.ip(), first.unwrap_or(port));
        BindError { setting, variable, address: shown, last: first.map(|_| port), source }
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // An address that was asked for by name is only itself; "everywhere" is both families.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if cfg!(not(windows)) {
        // A restart must not wait for the connections of the previous run. On Windows the option
        // means something else: sharing the port with any other process that sets it.
        socket.set_reuse_address(true)?;
    }
    // Only a wish: a system that does not take it keeps its own.
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The system has no IPv6, or has it turned off.
fn lacks_ipv6(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindError { setting, variable, address, last, source } = self;
        let port = address.port();
        if let Some(last) = last {
            return write!(
                f,
                "no port from {port} to {last} can be had for the metrics ({source}): name a free one with {setting} or {variable}"
            );
        }
        match source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "port {port} is in use ({setting} or {variable}): another program listens there, perhaps another node; stop it, or choose another port, such as {setting}={}",
                port.checked_add(1).unwrap_or(8001)
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "port {port} is not allowed to this user ({setting} or {variable}): choose a port from 1024 up, or grant the right to bind it"
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "{} is not an address of this machine (--address or HEARTBEAT_ADDRESS): leave it out to listen on all interfaces",
                address.ip()
            ),
            _ => write!(f, "cannot listen on {address} ({setting} or {variable}): {source}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    fn port(listener: &TcpListener) -> u16 {
        listener.local_addr().expect("bound").port()
    }

    fn anywhere(port: u16) -> Listen {
        Listen { address: None, port }
    }

    #[tokio::test]
    async fn both_families_reach_a_node_without_an_address() {
        let listeners = Listeners::bind(anywhere(0), MetricsPort::Exactly(0)).expect("free ports");
        TcpStream::connect(("127.0.0.1", port(&listeners.main))).await.expect("IPv4");
        if listeners.main.local_addr().expect("bound").is_ipv6() {
            TcpStream::connect(("::1", port(&listeners.main))).await.expect("IPv6");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_the_kernel_keeps_for_one_caller_is_bounded() {
        let listeners = Listeners::bind(anywhere(0), MetricsPort::Exactly(0)).expect("free ports");
        for listener in [&listeners.main, &listeners.metrics] {
            let _caller = TcpStream::connect(("127.0.0.1", port(listener))).await.expect("connects");
            let (accepted, _) = listener.accept().await.expect("accepts");
            // Linux counts its own bookkeeping as well, and gives twice of what is asked for.
            assert_eq!(socket2::SockRef::from(&accepted).send_buffer_size().ok(), Some(2 * SEND_BUFFER));
        }
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_port_the_setting_and_the_remedy() {
        let first = Listeners::bind(anywhere(0), MetricsPort::Exactly(0)).expect("free ports");
        let (main, metrics) = (port(&first.main), port(&first.metrics));
        let error = Listeners::bind(anywhere(main), MetricsPort::Exactly(0)).expect_err("taken").to_string();
        for part in [&format!("port {main} is in use"), "--port", "HEARTBEAT_PORT"] {
            assert!(error.contains(part), "{error}");
        }
        let error = Listeners::bind(anywhere(0), MetricsPort::Exactly(metrics)).expect_err("taken").to_string();
        assert!(error.contains("--metrics-port") && error.contains(&metrics.to_string()), "{error}");
    }

    #[tokio::test]
    async fn the_next_free_metrics_port_is_taken() {
        // The range is shared with whatever else runs on this machine, so only the order can be asserted.
        let first = Listeners::bind(anywhere(0), MetricsPort::FirstFreeFrom(MetricsPort::FIRST)).expect("a free port");
        let second = Listeners::bind(anywhere(0), MetricsPort::FirstFreeFrom(MetricsPort::FIRST)).expect("a free port");
        assert!(port(&second.metrics) > port(&first.metrics));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let elsewhere = Listen { address: Some("192.0.2.1".parse().expect("an address")), port: 0 };
        let error = Listeners::bind(elsewhere, MetricsPort::Exactly(0)).expect_err("not ours").to_string();
        assert!(error.contains("192.0.2.1") && error.contains("--address"), "{error}");
    }
}
