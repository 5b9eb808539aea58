//! TLS in front of a program of the tests that speaks none, and behind it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

/// How long one side is listened to before the other has its turn.
const TURN: Duration = Duration::from_millis(1);

/// How long a node has for each of its parts of a handshake.
const LIMIT: Duration = Duration::from_secs(5);

/// A port with TLS and this certificate; what comes there is passed on to `inside`. Callers may show certificates, and
/// none is looked at.
pub fn front(inside: SocketAddr, (cert, key): &(String, String)) -> SocketAddr {
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    serve(move |outer| {
        let inner = ready(TcpStream::connect(inside).ok()?)?;
        pass(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, ready(outer)?), inner)
    })
}

/// A port without TLS; what comes there is passed on to `node` with TLS.
pub fn back(node: SocketAddr, config: ClientConfig) -> SocketAddr {
    let config = Arc::new(config);
    serve(move |outer| {
        let mut inner = TcpStream::connect(node).ok()?;
        inner.set_read_timeout(Some(LIMIT)).ok()?;
        let name = ServerName::IpAddress(node.ip().into());
        let mut connection = ClientConnection::new(Arc::clone(&config), name).ok()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut inner).ok()?;
        }
        pass(ready(outer)?, StreamOwned::new(connection, ready(inner)?))
    })
}

/// A new port. It ends with the process; a connection ends when `one` does.
fn serve(one: impl Fn(TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let one = Arc::new(one);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let one = Arc::clone(&one);
            std::thread::spawn(move || one(stream));
        }
    });
    address
}

fn ready(stream: TcpStream) -> Option<TcpStream> {
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(TURN)).ok()?;
    Some(stream)
}

/// Until one of the two ends.
fn pass(mut outer: impl Read + Write, mut inner: impl Read + Write) -> Option<()> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        copy(&mut outer, &mut inner, &mut chunk)?;
        copy(&mut inner, &mut outer, &mut chunk)?;
    }
}

/// What has come, if anything has. `None`: it is over.
fn copy(from: &mut impl Read, to: &mut impl Write, chunk: &mut [u8]) -> Option<()> {
    match from.read(chunk) {
        Ok(0) => None,
        Ok(length) => to.write_all(&chunk[..length]).and_then(|()| to.flush()).ok(),
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => Some(()),
        Err(_) => None,
    }
}
