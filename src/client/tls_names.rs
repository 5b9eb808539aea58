//! Which addresses are asked with TLS, and what the certificates there must be for: the name that led to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::detector::discovery::PEERS_MAX;

/// Addresses remembered of one name: two for each peer, as the detector's directory has them.
const ADDRESSES: usize = 2 * PEERS_MAX;

/// Addresses that were found behind names with `dns+https://`. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsNames(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    names: BTreeMap<SocketAddr, Arc<str>>,
    /// Some were dropped, so an address that is not here may be one of them.
    forgot: bool,
}

/// It is not known whether this address is to be asked with TLS, so it is not asked at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forgotten;

impl TlsNames {
    /// A lookup of `host` found these. What was found before stays: a peer may still be there.
    pub(super) fn found(&self, host: &Arc<str>, addresses: &[SocketAddr]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.names.len() + addresses.len() > ADDRESSES {
            // Only of this name: so there are at most as many for each name.
            known.names.retain(|_, name| name != host);
            known.forgot = true;
        }
        known.names.extend(addresses.iter().take(ADDRESSES).map(|address| (*address, Arc::clone(host))));
    }

    /// What the certificate at this address must be for; `None`: it is asked without TLS.
    ///
    /// # Errors
    /// When it may have been forgotten.
    pub(super) fn of(&self, address: SocketAddr) -> Result<Option<Arc<str>>, Forgotten> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.names.get(&address) {
            None if known.forgot => Err(Forgotten),
            name => Ok(name.cloned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_name_and_their_number_is_bounded() {
        let names = TlsNames::default();
        let host: Arc<str> = "nodes".into();
        let address = |n: u32| SocketAddr::from(((0x0a00_0000 + n).to_be_bytes(), 8001));
        names.found(&host, &[address(1)]);
        names.found(&host, &[address(2)]);
        assert_eq!((names.of(address(1)), names.of(address(3))), (Ok(Some(Arc::clone(&host))), Ok(None)));
        for n in 0..10 {
            let many: Vec<SocketAddr> = (0..1000).map(|at| address(10_000 + n * 1000 + at)).collect();
            names.found(&host, &many);
            assert!(names.0.lock().unwrap().names.len() <= ADDRESSES);
            assert_eq!(names.of(many[0]), Ok(Some(Arc::clone(&host))));
        }
        assert_eq!(names.of(address(1)), Err(Forgotten), "and it is not asked without TLS");
    }
}
