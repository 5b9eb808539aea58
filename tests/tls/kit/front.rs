//! A server that speaks TLS in front of a program of the tests that does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long one side is listened to before the other has its turn.
const TURN: Duration = Duration::from_millis(1);

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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || pass(stream, inside, config));
        }
    });
    address
}

/// Until one of the two ends.
fn pass(outer: TcpStream, inside: SocketAddr, config: Arc<ServerConfig>) -> Option<()> {
    let mut inner = TcpStream::connect(inside).ok()?;
    for stream in [&outer, &inner] {
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(TURN)).ok()?;
    }
    let mut tls = StreamOwned::new(ServerConnection::new(config).ok()?, outer);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        copy(&mut tls, &mut inner, &mut chunk)?;
        copy(&mut inner, &mut tls, &mut chunk)?;
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
