//! The certificates in use, and how they are exchanged while the node runs.
//!
//! As with the mesh key, the files are read every 10 s, away from the detector's thread, and compared by content: half a
//! file, or a certificate whose key has not been written yet, is never used. New content counts when two readings in a row
//! find the same and it can be used; otherwise the old one stays.
//!
//! Without new content, too, everything is made anew once an hour. A connection that is resumed does not look at
//! certificates again, so an expired one would hold for as long as its holder keeps coming back.

use std::sync::{Arc, PoisonError, RwLock};

use super::backend::Material;
use super::files::{Contents, TlsFiles, Unusable};

/// Readings after which certificates are looked at again: an hour of one each 10 s.
const READINGS_MAX: u32 = 360;

/// What a reading of the files changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The same as before, or new content for the first time.
    Nothing,
    /// New certificates are in use.
    Changed,
    /// The files cannot be used any more; what was read before stays.
    Unusable(Unusable),
    /// The files hold what is in use again.
    UsableAgain,
}

/// What is in use. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct TlsStore(Arc<RwLock<Arc<Material>>>);

impl TlsStore {
    pub(crate) fn new(material: Material) -> TlsStore {
        TlsStore(Arc::new(RwLock::new(Arc::new(material))))
    }

    /// What is in use at this moment.
    pub(crate) fn material(&self) -> Arc<Material> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, material: Material) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
    }
}

/// Reads the files again and again, and puts what they hold into the store.
#[derive(Debug)]
pub(crate) struct Rereader {
    files: TlsFiles,
    store: TlsStore,
    in_use: Contents,
    /// New content that has been read once.
    pending: Option<Contents>,
    unusable: bool,
    /// Since everything was made.
    readings: u32,
}

impl Rereader {
    /// `in_use`: what the store was made of.
    pub(crate) fn new(files: TlsFiles, store: TlsStore, in_use: Contents) -> Rereader {
        Rereader { files, store, in_use, pending: None, unusable: false, readings: 0 }
    }

    /// New content has been read once, and counts when it is read again.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// One reading. It may wait for a disk, so it belongs on a thread where waiting does no harm.
    pub(crate) fn read(&mut self) -> Reading {
        self.readings += 1;
        if self.readings >= READINGS_MAX
            && let Ok(material) = Material::new(&self.in_use)
        {
            self.readings = 0;
            self.store.replace(material);
        }
        let read = match self.files.read() {
            Ok(read) => read,
            Err(unusable) => {
                self.pending = None;
                return self.unusable(unusable);
            }
        };
        if read == self.in_use {
            self.pending = None;
            return if std::mem::take(&mut self.unusable) { Reading::UsableAgain } else { Reading::Nothing };
        }
        if self.pending.as_ref() != Some(&read) {
            self.pending = Some(read);
            return Reading::Nothing;
        }
        self.pending = None;
        match Material::new(&read) {
            Ok(material) => {
                self.store.replace(material);
                (self.in_use, self.readings, self.unusable) = (read, 0, false);
                Reading::Changed
            }
            Err(unusable) => self.unusable(unusable),
        }
    }

    fn unusable(&mut self, unusable: Unusable) -> Reading {
        let first = !std::mem::replace(&mut self.unusable, true);
        if first { Reading::Unusable(unusable) } else { Reading::Nothing }
    }
}
