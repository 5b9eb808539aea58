//! Authorities and certificates, made by the tests: no C, and no program that may be missing.

use std::path::PathBuf;

use base64::Engine as _;
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm, date_time_ymd,
};

/// A key on P-256.
pub struct Key {
    key: SigningKey<P256>,
    public: Vec<u8>,
}

impl Key {
    fn new() -> Key {
        let key = SigningKey::<P256>::generate().expect("random numbers");
        let mut room = [0; 256];
        let spki = key.to_spki_der(&mut room).expect("fits");
        // The point ends it, without compression.
        let public = spki[spki.len() - 65..].to_vec();
        Key { key, public }
    }

    fn pem(&self) -> String {
        let mut room = [0; 512];
        pem("PRIVATE KEY", self.key.to_pkcs8_der(&mut room).expect("fits"))
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut room = [0; 128];
        let signature =
            self.key.sign_asn1::<Sha256>(&[message], &mut room).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.to_vec())
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

/// When a certificate holds.
#[derive(Clone, Copy)]
pub enum Valid {
    Now,
    Before,
}

/// Who signs.
pub struct Authority {
    issuer: Issuer<'static, Key>,
    pub pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let key = Key::new();
        let mut params = params(name, &[], Valid::Now, b"authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let der = params.self_signed(&key).expect("it signs itself");
        Authority { pem: pem("CERTIFICATE", der.der()), issuer: Issuer::new(params, key) }
    }

    /// A certificate for these hosts, as server and client, and its key: both as PEM.
    pub fn certificate(&self, hosts: &[&str], valid: Valid) -> (String, String) {
        let key = Key::new();
        let mut params = params("node", hosts, valid, &key.public[1..17]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let der = params.signed_by(&key, &self.issuer).expect("it signs");
        (pem("CERTIFICATE", der.der()), key.pem())
    }
}

fn params(name: &str, hosts: &[&str], valid: Valid, serial: &[u8]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("hosts");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_identifier_method = KeyIdMethod::PreSpecified(serial.to_vec());
    params.serial_number = Some(SerialNumber::from_slice(&[&[1], serial].concat()));
    let (from, to) = match valid {
        Valid::Now => (2020, 2120),
        Valid::Before => (2020, 2021),
    };
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params
}

/// A folder with files of certificates, which is gone when the case ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("heartbeat-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    /// Writes a file, and gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Where a file is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a certificate and its key, and gives the flags that name them.
    pub fn identity(&self, name: &str, (cert, key): &(String, String)) -> [String; 4] {
        let cert = self.write(&format!("{name}.crt"), cert);
        let key = self.write(&format!("{name}.key"), key);
        ["--tls-cert-file".to_owned(), cert, "--tls-key-file".to_owned(), key]
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
