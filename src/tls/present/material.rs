//! From the text of the files to what rustls works with.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig};
use rustls_graviola::{Ticketer, kx};

use super::own::OwnNode;
use crate::tls::files::{CA, CERT, CLIENT_CA, Contents, KEY, Unusable};

/// Certificates and keys that can be used.
#[derive(Debug)]
pub(crate) struct Material {
    server: Option<Arc<ServerConfig>>,
    client: Option<Arc<ClientConfig>>,
    expires: Option<u64>,
}

/// The certificate of this node with its chain, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Material {
    /// What a node uses.
    ///
    /// # Errors
    /// What is wrong with one of the files.
    pub(crate) fn new(contents: &Contents) -> Result<Material, Unusable> {
        let provider = provider();
        let identity = identity(contents)?;
        let client_roots = contents.client_ca.as_ref().map(|text| roots(text, CLIENT_CA)).transpose()?;
        let server_roots = contents.ca.as_ref().map(|text| roots(text, CA)).transpose()?;
        let client = server_roots.map(|roots| client(&provider, roots, identity.as_ref())).transpose()?;
        let expires = identity.as_ref().and_then(|identity| expires(&provider, &identity.chain));
        let server = identity.map(|identity| server(&provider, identity, client_roots)).transpose()?;
        Ok(Material { server, client: client.map(Arc::new), expires })
    }

    /// What a command uses. `is_own`: it asks the node whose certificate this is, on the same host, whatever the name in it.
    ///
    /// # Errors
    /// What is wrong with one of the files.
    pub(crate) fn of_command(contents: &Contents, is_own: bool) -> Result<Material, Unusable> {
        let provider = provider();
        let roots = contents.ca.as_ref().map(|text| roots(text, CA)).transpose()?;
        let own = contents.cert.as_ref().filter(|_| is_own).map(|text| certificates(text, CERT)).transpose()?;
        let client = match (own, roots) {
            (Some(own), roots) => {
                let verifier = OwnNode::new(own, roots.map(Arc::new), provider.clone());
                let config = versions(&provider)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
                config.with_no_client_auth()
            }
            (None, Some(roots)) => client(&provider, roots, None)?,
            (None, None) => return Err(Unusable::new(CA, "is missing: there is no authority to check with")),
        };
        Ok(Material { server: None, client: Some(Arc::new(client)), expires: None })
    }

    /// When the first of this node's own certificates expires, in seconds since 1970.
    pub(crate) fn expires(&self) -> Option<u64> {
        self.expires
    }

    pub(super) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.server.clone()
    }

    pub(super) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.client.clone()
    }
}

/// graviola's, without the exchanges that nodes do not need. X25519 for nodes, P-256 for readers that know no other.
fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![&kx::X25519 as _, &kx::P256 as _];
    Arc::new(CryptoProvider { kx_groups, ..rustls_graviola::default_provider() })
}

fn certificates(text: &str, setting: &'static str) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(Unusable::new(setting, "holds no certificate in PEM")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(Unusable::new(setting, format!("holds no certificates in PEM: {error}"))),
    }
}

fn roots(text: &str, setting: &'static str) -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text, setting)? {
        let added = roots.add(certificate);
        added.map_err(|error| Unusable::new(setting, format!("holds a certificate that cannot be used: {error}")))?;
    }
    Ok(roots)
}

fn identity(contents: &Contents) -> Result<Option<Identity>, Unusable> {
    let (Some(cert), Some(key)) = (&contents.cert, &contents.key) else { return Ok(None) };
    let chain = certificates(cert, CERT)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| Unusable::new(KEY, "holds no private key in PEM without a password"))?;
    Ok(Some(Identity { chain, key }))
}

fn server(
    provider: &Arc<CryptoProvider>,
    Identity { chain, key }: Identity,
    client_roots: Option<RootCertStore>,
) -> Result<Arc<ServerConfig>, Unusable> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(|error| unfit(&error))?;
    let builder = match client_roots {
        None => builder.with_no_client_auth(),
        // Readers need none. What only nodes may do is refused to those that have shown none.
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let verifier = verifier.allow_unauthenticated().build();
            let verifier = verifier.map_err(|error| Unusable::new(CLIENT_CA, format!("cannot be used: {error}")))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| unfit(&error))?;
    // Tickets and not a table: what a thousand peers come back with is kept by them.
    config.ticketer = Ticketer::new().map_err(|error| unfit(&error))?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn versions(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Unusable> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(|error| unfit(&error))
}

fn client(
    provider: &Arc<CryptoProvider>,
    roots: RootCertStore,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Unusable> {
    let builder = versions(provider)?.with_root_certificates(roots);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(|error| unfit(&error))
        }
    }
}

/// What is wrong with a pair of certificate and key.
fn unfit(error: &Error) -> Unusable {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            Unusable::new(KEY, format!("is not the key of the certificate in --{CERT}"))
        }
        Error::InvalidCertificate(wrong) => {
            Unusable::new(CERT, format!("holds a certificate that cannot be used: {wrong}"))
        }
        error => Unusable::new(KEY, format!("holds a key that cannot be used: {error}")),
    }
}

/// When the first of these certificates expires. The library tells no dates of a certificate; but asked whether it is valid
/// at the end of time, it says until when it was.
fn expires(provider: &CryptoProvider, chain: &[CertificateDer<'_>]) -> Option<u64> {
    let end = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX / 2));
    let algorithms = provider.signature_verification_algorithms.all;
    let not_after = |certificate: &CertificateDer<'_>| {
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        match certificate.verify_for_usage(algorithms, &[], &[], end, webpki::KeyUsage::server_auth(), None, None) {
            Err(webpki::Error::CertExpired { not_after, .. }) => Some(not_after.as_secs()),
            _ => None,
        }
    };
    chain.iter().filter_map(not_after).min()
}
