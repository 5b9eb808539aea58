//! Which ports the nodes of a demo get. Between the look and the node's own
//! bind another process may take one; that node then reports it and ends.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// How far above the first choice free ports are looked for.
const REACH: u16 = 2000;

/// The ports from `base` on, all of them, or the first that is taken.
pub(super) fn exactly(base: u16, count: u16) -> Result<Vec<u16>, u16> {
    let ports: Vec<u16> = (base..base + count).collect();
    match ports.iter().find(|port| !is_free(**port)) {
        Some(taken) => Err(*taken),
        None => Ok(ports),
    }
}

/// The first free ports from `base` on, without the `reserved` ones; `None` when there are not enough within reach.
pub(super) fn free_from(base: u16, count: u16, reserved: &[u16]) -> Option<Vec<u16>> {
    let is_usable = |port: &u16| !reserved.contains(port) && is_free(*port);
    let ports: Vec<u16> = (base..base + REACH).filter(is_usable).take(usize::from(count)).collect();
    Some(ports).filter(|ports| ports.len() == usize::from(count))
}

/// Both families are tried one after the other: a socket of the second may answer for the first.
fn is_free(port: u16) -> bool {
    let families: [SocketAddr; 2] = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
    families.iter().all(|address| match TcpListener::bind(address) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::AddrInUse, // a family that the machine lacks takes no port
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_seen() {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(exactly(port, 1), Err(port));
        let found = free_from(port.min(60_000), 2, &[]).unwrap();
        assert!(!found.contains(&port));
        assert!(free_from(port.min(60_000), 2, &found).is_some_and(|ports| !ports.contains(&found[0])));
    }
}
