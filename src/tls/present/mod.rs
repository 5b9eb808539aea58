//! TLS by rustls and graviola.

mod cpu;
mod material;
mod own;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, TlsStream};

pub(crate) use self::cpu::available;
pub(crate) use self::material::Material;
use super::store::TlsStore;
use super::trouble::{Trouble, TroubleKind};
use super::wire::Wire;

/// A connection with TLS.
pub(super) type Session = TlsStream<TcpStream>;

pub(super) fn tcp(session: &Session) -> &TcpStream {
    session.get_ref().0
}

/// Tickets kept for one peer: its kept connection, its stream and a check or two come back at the same time.
const TICKETS: usize = 8;

/// The client's side, of one peer. Connections after the first are resumed: they cost no signatures.
///
/// Each peer has its own tickets. By the name alone they would be mixed up where one name stands for all nodes.
#[derive(Debug, Default)]
pub(crate) struct Connector(Mutex<Option<Made>>);

/// What was in use when it was made, and the same with tickets of its own.
#[derive(Debug)]
struct Made {
    of: Arc<ClientConfig>,
    own: Arc<ClientConfig>,
}

impl Connector {
    /// TLS on this connection to `host`, which the certificate must be for.
    ///
    /// # Errors
    /// What [`trouble`](super::trouble::of) explains, or the connection's own.
    pub(crate) async fn connect(&self, store: Option<&TlsStore>, stream: TcpStream, host: &str) -> io::Result<Wire> {
        let config = store.and_then(|store| store.material().client());
        let config = config.ok_or_else(|| io::Error::other("there is no authority to check its certificate with"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let session = TlsConnector::from(self.with_tickets(config)).connect(name, stream).await?;
        Ok(Wire::Tls(Box::new(session.into())))
    }

    fn with_tickets(&self, config: Arc<ClientConfig>) -> Arc<ClientConfig> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| Arc::ptr_eq(&made.of, &config)) {
            return Arc::clone(&made.own);
        }
        let mut own = ClientConfig::clone(&config);
        own.resumption = Resumption::in_memory_sessions(TICKETS);
        let own = Arc::new(own);
        *made = Some(Made { of: config, own: Arc::clone(&own) });
        own
    }
}

/// Handshakes that are signed for in one turn of the runtime: a signature takes up to some milliseconds.
const SIGNATURES: usize = 2;

/// The server's side. Clones share their turns.
#[derive(Clone, Debug)]
pub struct Acceptor {
    store: TlsStore,
    turns: Arc<Semaphore>,
}

impl Acceptor {
    /// `None`: this node has no certificate.
    pub(crate) fn new(store: &TlsStore) -> Option<Acceptor> {
        let turns = || Arc::new(Semaphore::new(SIGNATURES));
        store.material().server().is_some().then(|| Acceptor { store: store.clone(), turns: turns() })
    }

    /// TLS on this connection, and whether the caller has shown a certificate that this node's authorities signed.
    ///
    /// # Errors
    /// What [`trouble`](super::trouble::of) explains, or the connection's own. With the connection, where the caller was told
    /// why: it has to be read to its end, or what the caller was told may be torn away.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<(Wire, bool), (io::Error, Option<TcpStream>)> {
        let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await;
        let begun = begun.map_err(|error| (error, None))?;
        let config = self.store.material().server();
        let config = config.ok_or_else(|| (io::Error::other("there is no certificate"), None))?;
        let accepting = {
            // Kept over one turn of the runtime at least, else each caller would have finished before the next one asks.
            let _turn = self.turns.acquire().await;
            yield_now().await;
            // Here it signs.
            begun.into_stream(config)
        };
        let session = accepting.into_fallible().await.map_err(|(error, stream)| (error, Some(stream)))?;
        let has_certificate = session.get_ref().1.peer_certificates().is_some();
        Ok((Wire::Tls(Box::new(session.into())), has_certificate))
    }
}

/// What is wrong, where an error of a connection comes from TLS.
pub(super) fn trouble(error: &io::Error) -> Option<Trouble> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let (kind, text) = match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (TroubleKind::NotTls, "answered without TLS".to_owned())
        }
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => alerted(*alert),
        error => (TroubleKind::Refused, format!("the TLS handshake failed: {error}")),
    };
    Some(Trouble { kind, text })
}

/// Without the values of certificates: they come from outside, and long lists of names explain nothing.
fn certificate(error: &CertificateError) -> (TroubleKind, String) {
    use CertificateError as Wrong;
    match error {
        Wrong::Expired | Wrong::ExpiredContext { .. } => {
            (TroubleKind::Expired, "its certificate has expired".to_owned())
        }
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            (TroubleKind::Expired, "its certificate is not valid yet, by the clock of this host".to_owned())
        }
        Wrong::UnknownIssuer | Wrong::BadSignature => {
            (TroubleKind::UnknownAuthority, "its certificate is not from an authority of this node".to_owned())
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            (TroubleKind::WrongName, "its certificate is for another host".to_owned())
        }
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => {
            (TroubleKind::Refused, "its certificate is for another purpose".to_owned())
        }
        error => (TroubleKind::Refused, format!("its certificate cannot be used: {error}")),
    }
}

/// The other side has ended the handshake, and says why in a word.
fn alerted(alert: AlertDescription) -> (TroubleKind, String) {
    let why = match alert {
        AlertDescription::CertificateExpired => "this node's certificate has expired".to_owned(),
        AlertDescription::UnknownCA => "this node's certificate is not from an authority it knows".to_owned(),
        AlertDescription::CertificateRequired => "it asks for a certificate, and this node has none".to_owned(),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => "it cannot use this node's certificate".to_owned(),
        alert => format!("{alert:?}"),
    };
    (TroubleKind::Refused, format!("refused the TLS handshake: {why}"))
}

#[cfg(test)]
pub(crate) mod tests;
