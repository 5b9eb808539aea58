//! A client that speaks TLS and shows no certificate, as a browser does: a door through which the other helpers ask.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned};

const LIMIT: Duration = Duration::from_secs(5);

/// What a client without a certificate has, that believes this authority.
pub fn config(authority: &str) -> ClientConfig {
    believes(authority).with_no_client_auth()
}

/// The same for a member, with its certificate and key.
pub fn member(authority: &str, (cert, key): &(String, String)) -> ClientConfig {
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
    believes(authority).with_client_auth_cert(vec![cert], key).expect("a certificate and its key")
}

fn believes(authority: &str) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("an authority");
    ClientConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
}

/// A port at which plain requests are passed on to `node` with TLS, one for each connection.
pub fn door(node: SocketAddr, authority: &str) -> SocketAddr {
    door_to(node, node.ip(), authority)
}

/// The same for a node whose certificate is for `host` and that is reached elsewhere.
pub fn door_to(node: SocketAddr, host: IpAddr, authority: &str) -> SocketAddr {
    let config = Arc::new(config(authority));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    // Both end with the process; a connection is one request.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || pass(stream, node, host, config));
        }
    });
    address
}

/// A node that cannot be reached shows as a connection that is closed without an answer.
fn pass(mut plain: TcpStream, node: SocketAddr, host: IpAddr, config: Arc<ClientConfig>) -> Option<()> {
    plain.set_read_timeout(Some(LIMIT)).ok()?;
    let mut request = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match plain.read(&mut chunk).ok()? {
            0 => return None,
            length => request.extend_from_slice(&chunk[..length]),
        }
    }
    let stream = TcpStream::connect_timeout(&node, LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    let name = ServerName::IpAddress(host.into());
    let mut tls = StreamOwned::new(ClientConnection::new(config, name).ok()?, stream);
    tls.write_all(&request).ok()?;
    loop {
        match tls.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(length) => plain.write_all(&chunk[..length]).ok()?,
        }
    }
}
