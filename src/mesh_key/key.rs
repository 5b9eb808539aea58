//! Keys, and what makes a text a usable one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A rotation needs two at a time; two more leave room for one that was left unfinished.
pub(crate) const KEYS_MAX: usize = 4;
/// The block of SHA-256 is longer, so no key is hashed before use.
pub(crate) const KEY_BYTES: usize = 32;
/// A random key of 32 bytes has some 30 different ones; fewer than 16 of them come from no random source.
const DIFFERENT_BYTES_MIN: usize = 16;

/// The first four bytes of a tag that names the key without telling anything of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// One key, ready to make tags. The state inside is cleared when it is dropped.
#[derive(Clone)]
pub(crate) struct MeshKey {
    id: KeyId,
    state: Hmac<Sha256>,
}

impl MeshKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> MeshKey {
        let state = <Hmac<Sha256> as KeyInit>::new_from_slice(bytes);
        // HMAC takes keys of any length.
        let state = state.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        let tag = state.clone().chain_update(b"heartbeat-mesh-1 key id").finalize().into_bytes();
        MeshKey { id: KeyId([tag[0], tag[1], tag[2], tag[3]]), state }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// An HMAC with this key that has covered nothing yet.
    pub(super) fn mac(&self) -> Hmac<Sha256> {
        self.state.clone()
    }
}

impl fmt::Debug for MeshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeshKey({})", self.id)
    }
}

/// One to four keys: the first makes tags, each of them verifies tags.
#[derive(Clone, Debug)]
pub(crate) struct MeshKeys(Vec<MeshKey>);

impl MeshKeys {
    /// The keys that `text` lists, one on each line. Blank lines do not count.
    ///
    /// # Errors
    /// What is wrong with which line, without the line itself.
    pub(crate) fn parse(text: &str) -> Result<MeshKeys, String> {
        let mut keys: Vec<MeshKey> = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let key = MeshKey::new(&*bytes_of(line.trim()).map_err(|wrong| format!("line {number} {wrong}"))?);
            if keys.iter().any(|known| known.id == key.id) {
                return Err(format!("line {number} repeats a key"));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => Err("holds no key".into()),
            1..=KEYS_MAX => Ok(MeshKeys(keys)),
            count => Err(format!("holds {count} keys, and at most {KEYS_MAX} are allowed")),
        }
    }

    /// The key that makes tags.
    pub(crate) fn signing(&self) -> &MeshKey {
        &self.0[0]
    }

    /// The key with this id.
    pub(crate) fn find(&self, id: KeyId) -> Option<&MeshKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The ids in the order of the file, for status output.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(MeshKey::id)
    }
}

/// The bytes that a line of 64 hex digits, or 43 or 44 base64 characters, stands for.
fn bytes_of(line: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, String> {
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    // The decoder may write a little beyond the end before it finds that there is too much.
    let mut decoded = Zeroizing::new([0u8; KEY_BYTES + 4]);
    let length = match line.len() {
        64 => from_hex(line, &mut decoded[..]),
        43 => STANDARD_NO_PAD.decode_slice(line, &mut decoded[..]).ok(),
        44 => STANDARD.decode_slice(line, &mut decoded[..]).ok(),
        _ => None,
    };
    if length != Some(KEY_BYTES) {
        return Err("is not 32 bytes as 64 hex digits or as 43 or 44 base64 characters".into());
    }
    bytes.copy_from_slice(&decoded[..KEY_BYTES]);
    if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return Err("stands for printable text, which is no random key".into());
    }
    let different = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    if different < DIFFERENT_BYTES_MIN {
        return Err(format!("has only {different} different bytes, so it is no random key"));
    }
    Ok(bytes)
}

fn from_hex(text: &str, bytes: &mut [u8]) -> Option<usize> {
    let digits = text.as_bytes();
    for (at, pair) in digits.chunks(2).enumerate() {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *bytes.get_mut(at)? = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(digits.len() / 2)
}

/// A new random key as a line of a key file.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn generate() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0u8; KEY_BYTES]);
    loop {
        getrandom::fill(&mut bytes[..])?;
        let line = Zeroizing::new(STANDARD.encode(&bytes[..]));
        // A random key that the rules refuse comes less than once in 10^9 calls; it must not be printed all the same.
        if bytes_of(&line).is_ok() {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pn8";

    #[test]
    fn a_key_is_the_same_in_each_form() {
        let ids = |text: &str| MeshKeys::parse(text).unwrap().ids().map(|id| id.to_string()).collect::<Vec<_>>();
        for text in [HEX, BASE64, BASE64.trim_end_matches('='), &HEX.to_uppercase(), &format!("\n  {HEX}\r\n\n")] {
            assert_eq!(ids(text), ["a5ecacab"], "{text:?}");
        }
        assert_eq!(ids(&format!("{OTHER}\n{HEX}")).len(), 2);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let printable = STANDARD.encode("correct horse battery staple, 32");
        let few = "ab".repeat(32);
        for (text, wrong) in [
            ("", "holds no key"),
            ("\n \n", "holds no key"),
            ("secret", "line 1 is not 32 bytes as 64 hex digits or as 43 or 44 base64 characters"),
            (&HEX[..62], "line 1 is not 32 bytes as 64 hex digits or as 43 or 44 base64 characters"),
            (&HEX.replace('f', "g"), "line 1 is not 32 bytes as 64 hex digits or as 43 or 44 base64 characters"),
            (&HEX.replacen("00", "+1", 1), "line 1 is not 32 bytes as 64 hex digits or as 43 or 44 base64 characters"),
            (&printable, "line 1 stands for printable text, which is no random key"),
            (&few, "line 1 has only 1 different bytes, so it is no random key"),
            (&format!("{HEX}\n\n{BASE64}"), "line 3 repeats a key"),
        ] {
            assert_eq!(MeshKeys::parse(text).unwrap_err(), wrong, "{text:?}");
        }
        let five: Vec<String> = (0..5).map(|_| generate().unwrap().to_string()).collect();
        assert_eq!(MeshKeys::parse(&five.join("\n")).unwrap_err(), "holds 5 keys, and at most 4 are allowed");
    }

    #[test]
    fn a_generated_key_is_usable_and_no_debug_text_shows_one() {
        let line = generate().unwrap();
        let keys = MeshKeys::parse(&line).unwrap();
        assert_ne!(*line, *generate().unwrap());
        assert_eq!(format!("{keys:?}"), format!("MeshKeys([MeshKey({})])", keys.signing().id()));
    }
}
