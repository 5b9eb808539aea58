//! The files that hold certificates and keys.

use std::fmt;

use zeroize::Zeroizing;

use crate::secret_file;

/// A chain of ten certificates, or some hundred authorities.
const FILE_BYTES: u64 = 256 * 1024;

/// Where certificates and keys are, as they were configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of this node, and what leads from it to its authority.
    pub cert: Option<String>,
    pub key: Option<String>,
    /// Authorities of callers.
    pub client_ca: Option<String>,
    /// Authorities of peers and of nodes that are asked.
    pub ca: Option<String>,
}

/// What these files hold.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub cert: Option<Zeroizing<String>>,
    pub key: Option<Zeroizing<String>>,
    pub client_ca: Option<Zeroizing<String>>,
    pub ca: Option<Zeroizing<String>>,
    /// Every user of the host can read the key.
    pub key_is_world_readable: bool,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents(***)")
    }
}

/// A file that cannot be used. What it holds is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// The setting that names it, as the flag is called.
    pub setting: &'static str,
    pub wrong: String,
}

impl Unusable {
    pub(crate) fn new(setting: &'static str, wrong: impl Into<String>) -> Unusable {
        Unusable { setting, wrong: wrong.into() }
    }
}

pub(crate) const CERT: &str = "tls-cert-file";
pub(crate) const KEY: &str = "tls-key-file";
pub(crate) const CLIENT_CA: &str = "tls-client-ca-file";
pub(crate) const CA: &str = "tls-ca-file";

impl TlsFiles {
    /// Whether any is configured.
    pub(crate) fn any(&self) -> bool {
        *self != TlsFiles::default()
    }

    /// Where the file of this setting is.
    pub(crate) fn path(&self, setting: &str) -> &str {
        let path = match setting {
            CERT => &self.cert,
            KEY => &self.key,
            CLIENT_CA => &self.client_ca,
            _ => &self.ca,
        };
        path.as_deref().unwrap_or_default()
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// The first one that cannot be read.
    pub(crate) fn read(&self) -> Result<Contents, Unusable> {
        let read = |path: &Option<String>, setting: &'static str, what: &'static str| match path {
            None => Ok(None),
            Some(path) => {
                let read = secret_file::read(path, FILE_BYTES, what);
                read.map(Some).map_err(|unusable| Unusable::new(setting, unusable.to_string()))
            }
        };
        let key = read(&self.key, KEY, "a private key")?;
        let key_is_world_readable = key.as_ref().is_some_and(|key| key.world_readable);
        let certificates = |path, setting| read(path, setting, "a file of certificates").map(|file| Some(file?.text));
        Ok(Contents {
            cert: certificates(&self.cert, CERT)?,
            key: key.map(|key| key.text),
            client_ca: certificates(&self.client_ca, CLIENT_CA)?,
            ca: certificates(&self.ca, CA)?,
            key_is_world_readable,
        })
    }
}
