//! TLS: which files there are, and whether they can be used together.

use super::layers::Layers;
use super::problem::{Problem, Problems};
use super::settings::find;
use crate::tls::files::{CA, CERT, CLIENT_CA, Contents, KEY, TlsFiles, Unusable};
use crate::tls::{Material, available};

/// Usable certificates and keys.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where to look for new ones.
    pub files: TlsFiles,
    /// What these files held.
    pub(crate) contents: Contents,
}

impl TlsConfig {
    /// Whether the main port speaks TLS.
    pub fn serves(&self) -> bool {
        self.files.cert.is_some()
    }

    /// Whether calls between nodes must come with a certificate.
    pub fn is_mutual(&self) -> bool {
        self.files.client_ca.is_some()
    }
}

/// Where flags and variables say that the files are.
pub(crate) fn files(layers: &Layers<'_>) -> TlsFiles {
    let path = |name| layers.typed(name).map(|typed| typed.text.trim().to_owned());
    TlsFiles { cert: path(CERT), key: path(KEY), client_ca: path(CLIENT_CA), ca: path(CA) }
}

/// The certificates that flags and variables name, if any. `asks`: there are peers that are asked with TLS.
///
/// # Errors
/// Files that cannot be used, or that are of no use without others.
pub(crate) fn tls(layers: &Layers<'_>, asks: bool) -> Result<Option<TlsConfig>, Problems> {
    let files = files(layers);
    let mut problems = Vec::new();
    let mut wrong = |name: &str, wrong: String| {
        let Some(spec) = find(name) else { return };
        problems.push(match layers.typed(name) {
            Some(typed) => Problem::typed(spec, typed, wrong),
            None => Problem::untyped(spec, "none", wrong),
        });
    };
    if files.any()
        && let Err(why) = available()
    {
        let first = [CERT, KEY, CLIENT_CA, CA].into_iter().find(|name| !files.path(name).is_empty());
        wrong(first.unwrap_or(CERT), format!("cannot be used: {why}"));
        return Err(Problems(problems));
    }
    for (name, needed) in [(CERT, KEY), (KEY, CERT), (CLIENT_CA, CERT)] {
        if !files.path(name).is_empty() && files.path(needed).is_empty() {
            wrong(name, format!("is of no use alone: set --{needed} too"));
        }
    }
    if asks && files.ca.is_none() {
        wrong(CA, "is needed for the peers with https://: nothing else says whose certificates are theirs".to_owned());
    }
    if !files.any() {
        return if problems.is_empty() { Ok(None) } else { Err(Problems(problems)) };
    }
    let usable = files.read().and_then(|contents| Material::new(&contents).map(|_| contents));
    if let Err(Unusable { setting, wrong: why }) = &usable {
        wrong(setting, why.clone());
    }
    match usable {
        Ok(contents) if problems.is_empty() => Ok(Some(TlsConfig { files, contents })),
        _ => Err(Problems(problems)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::raw::Raw;

    fn of(raw: Raw, asks: bool) -> Vec<(String, String)> {
        let problems = tls(&Layers { flags: &raw, environment: &Environment::default() }, asks);
        let problems = problems.map_or_else(|problems| problems.0, |_| Vec::new());
        problems.into_iter().map(|problem| (problem.subject, problem.wrong)).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn files_that_are_of_no_use_alone_are_told_with_what_they_need() {
        assert_eq!(of(Raw::default(), false), []);
        let wrong = of(Raw { tls_cert_file: some("/nowhere"), ..Raw::default() }, false);
        assert_eq!(wrong[0].0, "--tls-cert-file=/nowhere");
        if available().is_err() {
            assert!(wrong[0].1.starts_with("cannot be used: "), "{wrong:?}");
            return;
        }
        assert_eq!(wrong[0].1, "is of no use alone: set --tls-key-file too");
        assert!(wrong[1].1.starts_with("cannot be opened: "), "{wrong:?}");
        let wrong = of(Raw { tls_key_file: some("/nowhere"), ..Raw::default() }, false);
        assert_eq!(wrong[0].1, "is of no use alone: set --tls-cert-file too");
        let wrong = of(Raw { tls_client_ca_file: some("/nowhere"), ..Raw::default() }, false);
        assert_eq!(wrong[0].1, "is of no use alone: set --tls-cert-file too");
        let wrong = of(Raw::default(), true);
        assert_eq!(wrong[0].0, "--tls-ca-file (HEARTBEAT_TLS_CA_FILE), not set, none by default");
        assert!(wrong[0].1.starts_with("is needed for the peers with https://"), "{wrong:?}");
    }
}
