//! A file that holds a secret, read without ever waiting for it.
//!
//! Kubernetes changes the files of a secret by swapping a link, so a path is
//! followed and what it leads to must be a regular file: a pipe would hang the
//! node, and a folder or device holds no secret. Times of a file say nothing:
//! what counts is the content.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};

use zeroize::Zeroizing;

/// What a file holds, cleared when it is dropped.
pub(crate) struct Secret {
    pub text: Zeroizing<String>,
    /// Every user of the host can read the file.
    pub world_readable: bool,
}

/// Why a file is not read. None of it repeats what the file holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("cannot be opened: {0}")]
    Unopened(io::Error),
    #[error("cannot be read: {0}")]
    Unread(io::Error),
    #[error("is not a regular file")]
    NotRegular,
    #[error("has more than {limit} bytes, so it is not {what}")]
    TooLong { limit: u64, what: &'static str },
    #[error("holds no text")]
    NoText,
}

/// The text of the file at `path`, which has at most `limit` bytes if it is `what` it should be.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(path: &str, limit: u64, what: &'static str) -> Result<Secret, Unusable> {
    let file = open(path).map_err(Unusable::Unopened)?;
    let about = file.metadata().map_err(Unusable::Unread)?;
    if !about.is_file() {
        return Err(Unusable::NotRegular);
    }
    // Room for all of it: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit as usize + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Unusable::Unread)?;
    if bytes.len() as u64 > limit {
        return Err(Unusable::TooLong { limit, what });
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| Unusable::NoText)?;
    Ok(Secret { text: Zeroizing::new(text), world_readable: is_world_readable(&about) })
}

/// Opening a pipe waits for a writer unless it is told not to.
#[cfg(unix)]
fn open(path: &str) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path)
}

#[cfg(not(unix))]
fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn is_world_readable(about: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_world_readable(_about: &Metadata) -> bool {
    false
}
