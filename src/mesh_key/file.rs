//! A file of keys.

use super::key::MeshKeys;
use crate::secret_file;

/// Four keys with their line ends are 264 bytes; the rest is room for blank lines.
const FILE_BYTES: u64 = 4096;

/// What a file holds.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    pub keys: MeshKeys,
    /// Every user of the host can read the file.
    pub world_readable: bool,
}

/// The keys in the file at `path`.
///
/// # Errors
/// What is wrong with it, without repeating what it holds.
pub(crate) fn read(path: &str) -> Result<KeyFile, String> {
    let secret = secret_file::read(path, FILE_BYTES, "a file of keys").map_err(|unusable| unusable.to_string())?;
    Ok(KeyFile { keys: MeshKeys::parse(&secret.text)?, world_readable: secret.world_readable })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

    fn folder() -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!(
            "heartbeat-key-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn read_at(path: &std::path::Path) -> Result<String, String> {
        read(path.to_str().unwrap()).map(|file| file.keys.signing().id().to_string())
    }

    #[test]
    fn only_a_regular_file_of_keys_is_read() {
        let folder = folder();
        let path = folder.join("keys");
        std::fs::write(&path, KEY).unwrap();
        assert_eq!(read_at(&path), Ok("a5ecacab".into()));
        std::fs::write(&path, "").unwrap();
        assert_eq!(read_at(&path), Err("holds no key".into()));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(read_at(&path), Err("holds no text".into()));
        std::fs::write(&path, KEY.repeat(100)).unwrap();
        assert_eq!(read_at(&path), Err("has more than 4096 bytes, so it is not a file of keys".into()));
        assert!(read_at(&folder.join("none")).unwrap_err().starts_with("cannot be opened: "));
        assert_eq!(read_at(&folder), Err("is not a regular file".into()));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_a_pipe_is_refused_and_an_open_file_is_noticed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder().join("unix");
        std::fs::create_dir_all(&folder).unwrap();
        let (path, link, pipe) = (folder.join("keys"), folder.join("link"), folder.join("pipe"));
        std::fs::write(&path, KEY).unwrap();
        symlink(&path, &link).unwrap();
        assert_eq!(read_at(&link), Ok("a5ecacab".into()));
        for (mode, seen) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(path.to_str().unwrap()).unwrap().world_readable, seen, "{mode:o}");
        }
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(read_at(&pipe), Err("is not a regular file".into()));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
