//! The keys in use, and how they are exchanged while the node runs.
//!
//! The file is read every 10 s, away from the detector's thread, and compared by
//! content: Kubernetes swaps links and keeps times, editors write in pieces. New
//! content counts when two readings in a row find the same, so half a file is
//! never used; content that cannot be used keeps the old keys and is reported
//! once.

use std::sync::{Arc, PoisonError, RwLock};

use super::file;
use super::key::{KeyId, MeshKeys};

/// What a reading of the file changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The same keys as before, or new ones for the first time.
    Nothing,
    /// New keys are in use.
    Changed { before: Vec<KeyId>, now: Vec<KeyId> },
    /// The file cannot be used any more; the old keys stay.
    Unusable(String),
    /// The file holds the keys in use again.
    UsableAgain,
}

/// The keys in use. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct KeyStore(Arc<RwLock<Arc<MeshKeys>>>);

impl KeyStore {
    pub(crate) fn new(keys: MeshKeys) -> KeyStore {
        KeyStore(Arc::new(RwLock::new(Arc::new(keys))))
    }

    /// The keys at this moment. Taken once for each request, so that its answer is checked with the key it was made with.
    pub(crate) fn keys(&self) -> Arc<MeshKeys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, keys: MeshKeys) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

/// Reads the file again and again, and puts what it holds into the store.
#[derive(Debug)]
pub(crate) struct Rereader {
    path: String,
    store: KeyStore,
    /// New content that has been read once.
    pending: Option<Vec<KeyId>>,
    unusable: bool,
}

impl Rereader {
    pub(crate) fn new(path: String, store: KeyStore) -> Rereader {
        Rereader { path, store, pending: None, unusable: false }
    }

    /// New content has been read once, and counts when it is read again.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// One reading. It may wait for a disk, so it belongs on a thread where waiting does no harm.
    pub(crate) fn read(&mut self) -> Reading {
        let read = match file::read(&self.path) {
            Ok(read) => read.keys,
            Err(wrong) => {
                self.pending = None;
                let first = !std::mem::replace(&mut self.unusable, true);
                return if first { Reading::Unusable(wrong) } else { Reading::Nothing };
            }
        };
        let (before, now): (Vec<KeyId>, Vec<KeyId>) = (self.store.keys().ids().collect(), read.ids().collect());
        if before == now {
            self.pending = None;
            return if std::mem::take(&mut self.unusable) { Reading::UsableAgain } else { Reading::Nothing };
        }
        if self.pending.as_ref() != Some(&now) {
            self.pending = Some(now);
            return Reading::Nothing;
        }
        self.pending = None;
        self.unusable = false;
        self.store.replace(read);
        Reading::Changed { before, now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh_key::key::generate;

    #[test]
    fn new_keys_count_when_they_are_read_twice_alike() {
        let path = std::env::temp_dir().join(format!("heartbeat-store-{}", std::process::id()));
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let (one, two, three) = (generate().unwrap(), generate().unwrap(), generate().unwrap());
        let ids = |text: &str| MeshKeys::parse(text).unwrap().ids().collect::<Vec<_>>();
        let store = KeyStore::new(MeshKeys::parse(&one).unwrap());
        let mut rereader = Rereader::new(path.to_str().unwrap().to_owned(), store.clone());
        let in_use = || store.keys().ids().collect::<Vec<_>>();

        write(&one);
        assert_eq!(rereader.read(), Reading::Nothing);
        // Two readings that differ: neither counts.
        write(&two);
        assert_eq!(rereader.read(), Reading::Nothing);
        write(&format!("{}\n{}", *two, *three));
        assert_eq!(rereader.read(), Reading::Nothing);
        assert_eq!(in_use(), ids(&one));
        let both = format!("{}\n{}", *two, *three);
        assert_eq!(rereader.read(), Reading::Changed { before: ids(&one), now: ids(&both) });
        assert_eq!(in_use(), ids(&both));
        // Torn, emptied, gone: the old keys stay, and it is reported once.
        for text in [&two[..20], "", "\n"] {
            write(text);
            rereader.read();
            assert_eq!(in_use(), ids(&both));
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(rereader.read(), Reading::Nothing);
        write(&both);
        assert_eq!(rereader.read(), Reading::UsableAgain);
        write("x");
        assert!(matches!(rereader.read(), Reading::Unusable(wrong) if wrong.starts_with("line 1 is not 32 bytes")));
        std::fs::remove_file(&path).unwrap();
    }
}
