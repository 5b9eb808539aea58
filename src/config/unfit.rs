//! Addresses at which no node can be: a list or a name that gives one is wrong.
//!
//! A request to one of them does not fail cleanly. `0.0.0.0` reaches this machine itself, and name servers that block
//! a name answer with it; a multicast or broadcast address has no process behind it; at link-local addresses the
//! metadata services of clouds answer, with secrets of the machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services that are not at a link-local address: Amazon's over IPv6, and Alibaba's.
const METADATA: [IpAddr; 2] =
    [IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200))];

/// Why a node cannot be at this address; `None` where it can.
pub(crate) fn unfit(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    if METADATA.contains(&address) {
        return Some("is where a cloud's metadata service answers");
    }
    match address {
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("means this machine, or no address at all"),
        IpAddr::V6(v6) if v6.is_unspecified() => Some("means this machine, or no address at all"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("is the broadcast address: it is no single machine"),
        address if address.is_multicast() => Some("is a multicast address: it is no single machine"),
        IpAddr::V4(v4) if v4.is_link_local() => Some(
            "is link-local: it is known on one link only, and metadata services of clouds answer at such addresses",
        ),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            Some("is link-local and would need a zone (such as %eth0), which is not supported")
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// What to say of an IPv6 address with a zone, such as `fe80::1%eth0`; `None` for anything else.
pub(crate) fn zone(host: &str) -> Option<&'static str> {
    let (address, _) = host.trim_start_matches('[').split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    Some("has a zone, and zones are not supported: use a global or unique local address, or a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_no_node() {
        for (text, reason) in [
            ("0.0.0.0", "means this machine"),
            ("0.1.2.3", "means this machine"),
            ("::", "means this machine"),
            ("::ffff:0.0.0.0", "means this machine"),
            ("255.255.255.255", "broadcast"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("ff02::1", "multicast"),
            ("169.254.169.254", "metadata"),
            ("169.254.1.1", "link-local"),
            ("::ffff:169.254.169.254", "metadata"),
            ("fd00:ec2::254", "metadata"),
            ("100.100.100.200", "metadata"),
            ("fe80::1", "zone"),
        ] {
            let told = unfit(text.parse().unwrap());
            assert!(told.is_some_and(|told| told.contains(reason)), "{text}: {told:?}");
        }
        for text in ["127.0.0.1", "10.0.0.255", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "2001:db8::1", "8.8.8.8"]
        {
            assert_eq!(unfit(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_zone_is_recognised() {
        assert!(zone("fe80::1%eth0").is_some() && zone("[fe80::1%25eth0]:8001").is_some());
        assert!(zone("fe80::1").is_none() && zone("node%20").is_none());
    }
}
