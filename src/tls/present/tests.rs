//! Both sides on one socket. Certificates are made as the suite of `tests/tls` makes them.

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use self::certificates::{Authority, Valid};
use super::super::files::Contents;
use super::*;

#[path = "../../../tests/tls/kit/certificates.rs"]
#[allow(dead_code, unreachable_pub, clippy::disallowed_methods, reason = "of the suite, which uses all of it")]
pub(crate) mod certificates;

/// What a node has with a certificate of this authority, which it believes in both roles.
pub(crate) fn store(authority: &Authority) -> TlsStore {
    let (cert, key) = authority.certificate(&["127.0.0.1"], Valid::Now);
    let text = |text: &str| Some(Zeroizing::new(text.to_owned()));
    let contents = Contents {
        cert: text(&cert),
        key: text(&key),
        client_ca: text(&authority.pem),
        ca: text(&authority.pem),
        key_is_world_readable: false,
    };
    TlsStore::new(Material::new(&contents).expect("usable"))
}

/// One connection: how the handshake went, and whether the server saw a certificate.
async fn connect(connector: &Connector, client: &TlsStore, acceptor: &Acceptor) -> (Option<HandshakeKind>, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = async {
        let (stream, _) = listener.accept().await.expect("accepts");
        let (mut wire, has_certificate) = acceptor.accept(stream).await.expect("a handshake");
        wire.write_all(b"x").await.expect("writes");
        has_certificate
    };
    let client = async {
        let stream = TcpStream::connect(address).await.expect("connects");
        let mut wire = connector.connect(Some(client), stream, "127.0.0.1").await.expect("a handshake");
        // The tickets come with the first bytes.
        wire.read_u8().await.expect("reads");
        match wire {
            Wire::Tls(session) => session.get_ref().1.handshake_kind(),
            Wire::Plain(_) => None,
        }
    };
    let (has_certificate, kind) = tokio::join!(server, client);
    (kind, has_certificate)
}

#[tokio::test]
async fn the_second_connection_is_resumed_and_still_has_a_certificate_until_there_is_new_material() {
    let authority = Authority::new("mesh");
    let (server, client) = (store(&authority), store(&authority));
    let acceptor = Acceptor::new(&server).expect("a certificate");
    let connector = Connector::default();
    assert_eq!(connect(&connector, &client, &acceptor).await, (Some(HandshakeKind::Full), true));
    assert_eq!(connect(&connector, &client, &acceptor).await, (Some(HandshakeKind::Resumed), true));
    let acceptor = Acceptor::new(&store(&authority)).expect("a certificate");
    assert_eq!(connect(&connector, &client, &acceptor).await, (Some(HandshakeKind::Full), true));
}

#[tokio::test]
async fn a_caller_that_is_refused_learns_why_although_it_has_sent_more() {
    let (ours, theirs) = (Authority::new("mesh"), Authority::new("another"));
    let acceptor = Acceptor::new(&store(&ours)).expect("a certificate");
    // It believes the server, and shows a certificate that the server does not believe.
    let (cert, key) = theirs.certificate(&["127.0.0.1"], Valid::Now);
    let text = |text: &str| Some(Zeroizing::new(text.to_owned()));
    let contents = Contents { cert: text(&cert), key: text(&key), ca: text(&ours.pem), ..Contents::default() };
    let client = TlsStore::new(Material::new(&contents).expect("usable"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = async {
        let (stream, _) = listener.accept().await.expect("accepts");
        let Err((_, Some(mut stream))) = acceptor.accept(stream).await else { panic!("it was believed") };
        // What the server of HTTP does.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let client = async {
        let stream = TcpStream::connect(address).await.expect("connects");
        let wire = Connector::default().connect(Some(&client), stream, "127.0.0.1").await;
        let mut wire = wire.expect("the server's side of the handshake is done");
        // By then it may have been told already.
        let _ = wire.write_all(&[b'x'; 64 * 1024]).await;
        wire.read_u8().await.expect_err("nothing comes but an alert")
    };
    let ((), error) = tokio::join!(server, client);
    assert_eq!(trouble(&error).map(|trouble| trouble.kind), Some(TroubleKind::Refused), "{error}");
}
