//! The names under which this node may be asked for page and API.
//!
//! A browser runs the scripts of any web page, and such a page can let a name of its own lead to the address of this node
//! (DNS rebinding): then its script reads everything as if it came from here. The header `Host` still has that name, and
//! no browser lets a script change it. So a name must be one that this node knows. An address is never such a trick.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Host names by which this node may be asked, besides addresses and `localhost`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    names: BTreeSet<String>,
    /// Any name will do.
    any: bool,
}

impl Hosts {
    /// Adds a name, in any case; `*` stands for all.
    pub(crate) fn add(&mut self, name: &str) {
        let name = plain(name);
        self.any |= name == "*";
        self.names.insert(name);
    }

    /// Whether a request may be for this host: the value of the header `Host`, with or without a port.
    pub fn allow(&self, authority: &str) -> bool {
        let host = plain(without_port(authority.trim()));
        let address = host.trim_start_matches('[').trim_end_matches(']');
        self.any || address.parse::<IpAddr>().is_ok() || is_localhost(&host) || self.names.contains(&host)
    }
}

/// Whether a name, in lower case, always means the machine that reads it (RFC 6761, section 6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// As names are compared: in lower case, without the dot of the root.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !is_part_of_v6(host) => host,
        _ => authority,
    }
}

/// An address of IPv6 has its colons within brackets; without them nothing is a port.
fn is_part_of_v6(host: &str) -> bool {
    host.contains(':') && !host.ends_with(']')
}

/// `--allowed-hosts`: names separated by commas.
pub(crate) fn names(text: &str) -> Result<Vec<String>, String> {
    let names = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
    let is_host = |name: &str| {
        name == "*" || name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    names
        .map(
            |name| {
                if is_host(name) { Ok(name.to_owned()) } else { Err(format!("has {name:?}, which is no host name")) }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_this_machine_or_a_known_name() {
        let mut hosts = Hosts::default();
        ["node-1", "Beat.Example.ORG."].into_iter().for_each(|name| hosts.add(name));
        for host in [
            "127.0.0.1:8001",
            "10.1.2.3",
            "[::1]:8001",
            "[fd00::7]",
            "::1",
            "localhost",
            "LOCALHOST:8001",
            "a.localhost:1",
            "node-1",
            "node-1:8001",
            "NODE-1.:8001",
            "beat.example.org",
            "beat.example.org.:80",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "node-1.evil.example:8001",
            "node-1:evil",
            "localhost.evil.example",
            "1.2.3.4.evil.example",
            "node-2",
            "[::1].evil.example",
            "*",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
        hosts.add("*");
        assert!(hosts.allow("anything.example"));
    }

    #[test]
    fn names_are_listed_with_commas() {
        assert_eq!(names("a.example, b_1 *"), Ok(vec!["a.example".into(), "b_1".into(), "*".into()]));
        assert_eq!(names("a.example:80").unwrap_err(), "has \"a.example:80\", which is no host name");
        assert_eq!(names("http://a").unwrap_err(), "has \"http://a\", which is no host name");
    }
}
