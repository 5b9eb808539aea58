//! `--addr` and `--read-token-file`: which node a command asks, and what it shows.

use std::net::IpAddr;

use clap::Args;

use super::ask::Place;
use super::exit::Failure;
use crate::config::environment::Environment;
use crate::config::layers::Layers;
use crate::config::parse;
use crate::config::problem::{Problem, Problems, quoted};
use crate::config::raw::Raw;
use crate::config::settings::{PORT, find};
use crate::config::tls;
use crate::config::token::read_token;
use crate::config::unfit::zone;
use crate::tls::files::{TlsFiles, Unusable};
use crate::tls::store::TlsStore;
use crate::tls::{Material, available};

/// Which node to read, and the token for it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Reader {
    #[command(flatten)]
    pub address: Address,
    /// A file that holds the node's read token, where it has one [default: HEARTBEAT_READ_TOKEN_FILE]
    #[arg(long, value_name = "PATH")]
    pub read_token_file: Option<String>,
}

impl Reader {
    /// The place that [`Address::place`] says, with the token of the flag, else of the variable.
    ///
    /// # Errors
    /// As that one, and when the file holds no token.
    pub(crate) fn place(&self, environment: &Environment) -> Result<Place, Failure> {
        let flags = Raw { read_token_file: self.read_token_file.clone(), ..Raw::default() };
        let found = read_token(&Layers { flags: &flags, environment })?;
        Ok(self.address.place(environment)?.read_with(found.map(|(token, _)| token)))
    }
}

/// Which node to ask.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Address {
    /// The node to ask: host:port, :port or a URL, with a path where a proxy serves it under one [default: this host's, on HEARTBEAT_PORT or 8001]
    #[arg(long, value_name = "HOST:PORT")]
    pub addr: Option<String>,
    /// The authorities whose certificates count at an https:// address [default: HEARTBEAT_TLS_CA_FILE]
    #[arg(long, value_name = "PATH")]
    pub tls_ca_file: Option<String>,
}

impl Address {
    /// The place that was named, else where a node with this environment listens.
    ///
    /// # Errors
    /// When neither the flag nor the variables say something usable.
    pub(crate) fn place(&self, environment: &Environment) -> Result<Place, Failure> {
        let flags = Raw { tls_ca_file: self.tls_ca_file.clone(), ..Raw::default() };
        let layers = Layers { flags: &flags, environment };
        let place = match &self.addr {
            Some(text) => named(text)?,
            None => own(&layers)?,
        };
        let is_own = self.addr.is_none();
        let asks_with_tls = if is_own { tls::files(&layers).cert.is_some() } else { place.is_https };
        if asks_with_tls { with_tls(place.place, &tls::files(&layers), is_own) } else { Ok(place.place) }
    }
}

/// A place, before it is known what its certificate is checked with.
struct Named {
    place: Place,
    is_https: bool,
}

/// The place with what its certificate is checked with: the authorities of the mesh, and on this host the certificate that
/// its node shows.
fn with_tls(place: Place, files: &TlsFiles, is_own: bool) -> Result<Place, Failure> {
    let files = match is_own {
        // Commands need no key: they show no certificate.
        true => TlsFiles { cert: files.cert.clone(), ca: files.ca.clone(), ..TlsFiles::default() },
        false => TlsFiles { ca: files.ca.clone(), ..TlsFiles::default() },
    };
    available().map_err(|why| Failure::Usage(format!("https://{place}: {why}")))?;
    if !is_own && files.ca.is_none() {
        return Err(Failure::Usage(format!(
            "https://{place}: nothing says whose certificate is the right one\naccepted: --tls-ca-file=PATH, or \
             HEARTBEAT_TLS_CA_FILE"
        )));
    }
    let material = files.read().and_then(|contents| Material::of_command(&contents, is_own));
    let material = material.map_err(|Unusable { setting, wrong }| {
        Failure::Usage(format!("--{setting}={}: {wrong}", quoted(files.path(setting))))
    })?;
    Ok(place.with_tls(TlsStore::new(material)))
}

fn named(text: &str) -> Result<Named, Failure> {
    let wrong = |why: String| {
        Failure::Usage(format!(
            "--addr={text}: {why}\naccepted: host:port, :port, http://host:port, or http://host:port/prefix behind a proxy; https:// \
             with TLS"
        ))
    };
    let text = text.trim();
    let is_https = text.starts_with("https://");
    let bare = text.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let with_host = match bare.strip_prefix(':') {
        Some(port) => format!("localhost:{port}"),
        None if bare.bytes().all(|b| b.is_ascii_digit()) => format!("localhost:{bare}"),
        None => bare.to_owned(),
    };
    let url = url::Url::parse(&format!("http://{with_host}"))
        .map_err(|error| wrong(zone(&with_host).map_or_else(|| error.to_string(), str::to_owned)))?;
    let bare_url =
        !bare.contains("://") && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let Some(host) = url.host_str().filter(|_| bare_url && !bare.is_empty()) else {
        return Err(wrong("is not an address".into()));
    };
    // A URL forgets `:80`, the default of its scheme.
    let names_port_80 = with_host.split('/').next().is_some_and(|authority| authority.ends_with(":80"));
    let port = url.port().unwrap_or(if names_port_80 { 80 } else { PORT });
    Ok(Named { place: Place::behind(host, port, url.path()), is_https })
}

fn own(layers: &Layers<'_>) -> Result<Named, Failure> {
    let mut problems = Vec::new();
    let mut note = |name: &str, wrong: String| {
        if let (Some(spec), Some(typed)) = (find(name), layers.typed(name)) {
            problems.push(Problem::typed(spec, typed, wrong));
        }
    };
    let port = layers.typed("port").map_or(Ok(PORT), |typed| parse::port(typed.text));
    let port = port.map_err(|wrong| note("port", wrong)).unwrap_or(PORT);
    let address = layers.typed("address").map(|typed| parse::address(typed.text)).transpose();
    let address = address.map_err(|wrong| note("address", wrong)).unwrap_or(None);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let place = match address.filter(|address| !address.is_unspecified()) {
        None => Place::new("localhost", port),
        Some(IpAddr::V4(ip)) => Place::new(&ip.to_string(), port),
        Some(IpAddr::V6(ip)) => Place::new(&format!("[{ip}]"), port),
    };
    Ok(Named { place, is_https: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, place) in [
            ("node-1:8001", "node-1:8001"),
            (":8002", "localhost:8002"),
            ("8003", "localhost:8003"),
            ("http://node-1:8001/", "node-1:8001"),
            ("node-1", "node-1:8001"),
            ("[::1]:8001", "[::1]:8001"),
            ("node-1:80", "node-1:80"),
            ("http://proxy:80/mesh/node-1/", "proxy:80/mesh/node-1"),
            ("proxy/mesh", "proxy:8001/mesh"),
        ] {
            let named = named(text).unwrap();
            assert_eq!((named.place.to_string().as_str(), named.is_https), (place, false), "{text}");
        }
        let tls = named("https://node-1/mesh/").unwrap();
        assert_eq!((tls.place.to_string().as_str(), tls.is_https), ("node-1:8001/mesh", true));
        for text in ["", "node-1:x", "http://node-1:8001/?a", "ftp://node-1:8001", "[fe80::1%eth0]:8001"] {
            assert!(named(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_environment_of_a_node_names_its_own_place() {
        let place = |vars: &[(&str, &str)]| {
            let environment: Environment = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
            let layers = Layers { flags: &Raw::default(), environment: &environment };
            own(&layers).map(|named| named.place.to_string()).map_err(|failure| failure.exit())
        };
        assert_eq!(place(&[]).unwrap(), "localhost:8001");
        assert_eq!(place(&[("HEARTBEAT_PORT", "9001")]).unwrap(), "localhost:9001");
        assert_eq!(place(&[("HEARTBEAT_ADDRESS", "::1")]).unwrap(), "[::1]:8001");
        assert_eq!(place(&[("HEARTBEAT_ADDRESS", "0.0.0.0")]).unwrap(), "localhost:8001");
        assert_eq!(place(&[("HEARTBEAT_PORT", "x")]).unwrap_err(), super::super::exit::Exit::Usage);
    }
}
