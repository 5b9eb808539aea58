//! The names of mesh keys, by which people follow an exchange of keys. They tell nothing of the keys.

use std::fmt;

/// The most keys of one node.
pub const MESH_KEYS_MAX: usize = 4;

/// The name of a key: eight hex digits, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeshKeyId(pub [u8; 4]);

impl MeshKeyId {
    /// Reads a name; there is one way to write it.
    pub fn parse(text: &str) -> Option<MeshKeyId> {
        let is_name = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_name)?;
        Some(MeshKeyId(number.to_be_bytes()))
    }
}

impl fmt::Display for MeshKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_in_one_way() {
        assert_eq!(MeshKeyId::parse("00ecacab").map(|id| id.to_string()).as_deref(), Some("00ecacab"));
        for text in ["", "a5ecaca", "a5ecacab0", "A5ecacab", "+5ecacab", "a5ecac g", "a5ecacaü"] {
            assert_eq!(MeshKeyId::parse(text), None, "{text}");
        }
    }
}
