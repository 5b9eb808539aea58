//! The list of peers: from text to targets.
//!
//! A peer listed twice is an error and not a shrug: the usual cause is a copied
//! line whose port was forgotten, and then one node is watched by no other. The
//! node itself in the list is no error, because one list for all nodes is the
//! easiest thing to deploy. Instead of peers the list may hold names to look up
//! (`dns+http://nodes`), whose peers are not known before the node runs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use url::{Host, Url};

use super::problem::quoted;
use super::settings::PORT;
use super::unfit::{unfit, zone};
use super::{Listen, PeerTarget};
use crate::detector::discovery::{DnsName, NAMES_MAX, PEERS_MAX};
use crate::detector::peer::{NodeName, PeerKey, PeerSpec};
use crate::tls::available;

/// Who is reading the list, for leaving oneself out.
pub(crate) struct Reader<'a> {
    pub node: Option<&'a NodeName>,
    pub host_name: Option<&'a str>,
    pub listen: Listen,
}

/// What the list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub targets: Vec<PeerTarget>,
    pub names: Vec<DnsName>,
    /// The host of every item, the node's own one included.
    pub hosts: Vec<String>,
    /// What is wrong with the items that are neither.
    pub wrong: Vec<String>,
}

/// One good item.
enum Item {
    Peer(PeerTarget),
    Name(DnsName),
}

/// Reads the list. It never fails as a whole: each bad item yields one line of what is wrong.
pub(crate) fn peers(text: &str, reader: &Reader<'_>) -> Listed {
    let Listed { mut targets, mut names, mut hosts, mut wrong } = Listed::default();
    let mut seen: BTreeMap<PeerKey, String> = BTreeMap::new();
    let items = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty());
    for item in items {
        match read(item) {
            Err(problem) => wrong.push(format!("\"{}\" {problem}", quoted(item))),
            Ok(Item::Name(name)) if names.contains(&name) => wrong.push(format!("{item:?} is listed twice")),
            Ok(Item::Name(name)) if names.iter().any(|other| (&other.host, other.port) == (&name.host, name.port)) => {
                wrong.push(format!("{item:?} is listed with TLS and without: its nodes have one of the two"));
            }
            Ok(Item::Name(name)) => {
                hosts.push(name.host.to_string());
                names.push(name);
            }
            Ok(Item::Peer(target)) => {
                hosts.extend(target.url.host_str().map(str::to_owned));
                let place = PeerKey(place(&target.url).into());
                let keys = [Some(target.spec.key.clone()), Some(place).filter(|place| *place != target.spec.key)];
                let twice = keys.iter().flatten().find_map(|key| seen.get(key).cloned());
                keys.into_iter().flatten().for_each(|key| {
                    seen.insert(key, item.to_owned());
                });
                match twice {
                    Some(first) if first == item => wrong.push(format!("{item:?} is listed twice")),
                    Some(first) => wrong.push(format!("{item:?} is the same peer as {first:?}, or has its name")),
                    None if reader.is_itself(&target) => {}
                    None => targets.push(target),
                }
            }
        }
    }
    if targets.len() > PEERS_MAX {
        let count = targets.len();
        wrong.push(format!(
            "it names {count} peers, and a node watches at most {PEERS_MAX}: each costs every node a request a second"
        ));
    }
    if names.len() > NAMES_MAX {
        wrong.push(format!(
            "it has {} names to look up, and a node looks up at most {NAMES_MAX}: one name can stand for all nodes",
            names.len()
        ));
    }
    Listed { targets, names, hosts, wrong }
}

impl Reader<'_> {
    /// Certainly this very process. What is not certain from here, the detector
    /// finds out by name and boot when the peer answers.
    fn is_itself(&self, target: &PeerTarget) -> bool {
        if target.spec.pinned.as_ref().is_some_and(|pinned| Some(pinned) == self.node) {
            return true;
        }
        if target.url.port_or_known_default() != Some(self.listen.port) {
            return false;
        }
        let listens_on = |ip: IpAddr| match self.listen.address {
            None => ip.is_loopback() && (ip.is_ipv6() || ip == IpAddr::from([127, 0, 0, 1])),
            Some(own) => own == ip || (own.is_unspecified() && ip == IpAddr::from([127, 0, 0, 1])),
        };
        match target.url.host() {
            Some(Host::Ipv4(ip)) => listens_on(ip.into()),
            Some(Host::Ipv6(ip)) => listens_on(ip.into()),
            Some(Host::Domain("localhost")) => {
                self.listen.address.is_none_or(|own| own.is_loopback() || own.is_unspecified())
            }
            Some(Host::Domain(name)) => self.host_name.is_some_and(|own| own.eq_ignore_ascii_case(name)),
            None => false,
        }
    }
}

/// `http://host[:port]`, `name=http://host[:port]` or `dns+http://host[:port]`, each with `https` as well.
fn read(item: &str) -> Result<Item, String> {
    let (pinned, address) = match item.split_once('=') {
        Some((name, address)) if !name.contains("://") => {
            let name = NodeName::new(name).map_err(|error| format!("pins a name that is none: {error}"))?;
            (Some(name), address)
        }
        _ => (None, item),
    };
    let is_name = address.get(..DNS.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(DNS));
    if is_name {
        return if pinned.is_some() {
            Err(format!("pins one name to all nodes behind {}: {}?", quoted(address), quoted(address)))
        } else {
            name(&address[DNS.len()..]).map(Item::Name)
        };
    }
    let url = url(address)?;
    let key = match &pinned {
        Some(name) => PeerKey(name.as_str().into()),
        None => PeerKey(place(&url).into()),
    };
    Ok(Item::Peer(PeerTarget { spec: PeerSpec { key, pinned }, url }))
}

/// What stands before a name to look up; the rest is the URL that each node behind it has.
const DNS: &str = "dns+";

/// The name behind `dns+`.
fn name(rest: &str) -> Result<DnsName, String> {
    let url = url(rest).map_err(|problem| problem.replace("http", "dns+http"))?;
    match url.host() {
        Some(Host::Domain(host)) => {
            let port = url.port_or_known_default().unwrap_or(PORT);
            Ok(DnsName { host: host.into(), port, tls: url.scheme() == "https" })
        }
        _ => Err(format!("names an address, which needs no lookup: {}://{}?", url.scheme(), place(&url))),
    }
}

fn url(address: &str) -> Result<Url, String> {
    let Some((scheme, rest)) = address.split_once("://") else {
        let bare = address.trim_start_matches("http").trim_start_matches([':', '/']);
        return Err(format!("has no scheme: http://{}?", quoted(bare)));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => {
            if let Err(why) = available() {
                return Err(format!("asks for TLS: {why}, or {}", quoted(&format!("http://{rest}"))));
            }
        }
        _ => return Err(format!("has an unknown scheme {scheme:?}: {}?", quoted(&format!("http://{rest}")))),
    }
    let mut url = match (Url::parse(address), zone(rest)) {
        (Ok(url), _) => url,
        (Err(_), Some(problem)) => return Err(problem.into()),
        (Err(error), None) => return Err(format!("is not a URL: {error}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a user name or password, which peers do not ask for".into());
    }
    if !names_a_port(rest) {
        url.set_port(Some(PORT)).map_err(|()| "has no host".to_owned())?;
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("has something after the port: {}://{}?", url.scheme(), place(&url)));
    }
    if url.port_or_known_default() == Some(0) {
        return Err("has port 0, where no node can answer".into());
    }
    match literal(&url).and_then(|address| Some((address, unfit(address)?))) {
        Some((address, why)) => Err(format!("cannot be a node: {address} {why}")),
        None => Ok(url),
    }
}

/// The address that stands in the URL, where it is no name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// Whether a port is written out. The parsed URL cannot tell: it forgets `:80`, the default of its scheme.
fn names_a_port(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    after_host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty())
}

/// `host:port`.
fn place(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Reader<'static> = Reader { node: None, host_name: None, listen: Listen { address: None, port: 8001 } };

    fn keys(text: &str) -> Vec<String> {
        let Listed { targets, wrong, .. } = peers(text, &ALONE);
        assert_eq!(wrong, Vec::<String>::new());
        targets.iter().map(|target| target.spec.key.to_string()).collect()
    }

    #[test]
    fn accepted_forms() {
        assert_eq!(keys(""), Vec::<String>::new());
        assert_eq!(keys("http://localhost:8002,http://localhost:8003"), ["localhost:8002", "localhost:8003"]);
        assert_eq!(keys(" http://b:1 ,\n http://c/ ,"), ["b:1", "c:8001"]);
        assert_eq!(keys("http://b:80"), ["b:80"]);
        assert_eq!(keys("https://b:443,https://c,n=https://d:1"), ["b:443", "c:8001", "n"]);
        assert_eq!(keys("http://[::2]:8002"), ["[::2]:8002"]);
        assert_eq!(keys("node-2=http://node-2:8001"), ["node-2"]);
        assert_eq!(peers("http://b", &ALONE).targets[0].url.as_str(), "http://b:8001/");
        assert_eq!(peers("HTTP://B:9", &ALONE).targets[0].url.as_str(), "http://b:9/");
    }

    #[test]
    fn what_is_wrong_is_said_for_each_item() {
        for (item, expected) in [
            ("htp://node-2:8001", "has an unknown scheme \"htp\": http://node-2:8001?"),
            ("http//node-2:8001", "has no scheme: http://node-2:8001?"),
            ("node-2:8001", "has no scheme: http://node-2:8001?"),
            ("https://node-2:8001/x", "has something after the port: https://node-2:8001?"),
            ("dns+https://nodes/ping", "has something after the port: dns+https://nodes:8001?"),
            ("dns+https://10.0.0.7", "names an address, which needs no lookup: https://10.0.0.7:8001?"),
            ("dns+http://10.0.0.7", "names an address, which needs no lookup: http://10.0.0.7:8001?"),
            ("dns+http://[::7]:9", "names an address, which needs no lookup: http://[::7]:9?"),
            ("dns+http://nodes/ping", "has something after the port: dns+http://nodes:8001?"),
            ("dns+http://nodes:0", "has port 0, where no node can answer"),
            ("dns+http://", "is not a URL: empty host"),
            ("dns+nodes:8001", "has no scheme: dns+http://nodes:8001?"),
            ("dns://nodes", "has an unknown scheme \"dns\": http://nodes?"),
            ("n=dns+http://nodes", "pins one name to all nodes behind dns+http://nodes: dns+http://nodes?"),
            ("http://node-2:8001/ping", "has something after the port: http://node-2:8001?"),
            ("http://u:p@node-2:8001", "carries a user name or password, which peers do not ask for"),
            ("http://node-2:80000", "is not a URL: invalid port number"),
            ("http://node-2:0", "has port 0, where no node can answer"),
            ("http://", "is not a URL: empty host"),
            ("http://0.0.0.0:8001", "cannot be a node: 0.0.0.0 means this machine, or no address at all"),
            ("n=http://0:8001", "cannot be a node: 0.0.0.0 means this machine, or no address at all"),
            ("http://[::]:8001", "cannot be a node: :: means this machine, or no address at all"),
            ("http://224.0.0.1", "cannot be a node: 224.0.0.1 is a multicast address: it is no single machine"),
            (
                "http://[fe80::1%25eth0]:8001",
                "has a zone, and zones are not supported: use a global or unique local address, or a name",
            ),
            (
                "http://[fe80::1%eth0]",
                "has a zone, and zones are not supported: use a global or unique local address, or a name",
            ),
        ] {
            assert_eq!(peers(item, &ALONE).wrong, [format!("\"{}\" {expected}", quoted(item))]);
        }
    }

    #[test]
    fn a_peer_listed_twice_is_told() {
        let twice = |text| peers(text, &ALONE).wrong;
        assert_eq!(twice("http://b:1,http://b:1"), ["\"http://b:1\" is listed twice"]);
        assert_eq!(twice("http://b,http://b:8001/").len(), 1);
        assert_eq!(twice("http://b,https://b").len(), 1);
        assert_eq!(
            twice("dns+http://b,dns+https://b"),
            ["\"dns+https://b\" is listed with TLS and without: its nodes have one of the two"]
        );
        assert_eq!(twice("n=http://b:1,n=http://c:1").len(), 1);
        assert_eq!(twice("n=http://b:1,http://b:1").len(), 1);
    }

    #[test]
    fn oneself_is_left_out() {
        let me = NodeName::new("node-1").unwrap();
        let reader = Reader { node: Some(&me), host_name: Some("box"), listen: Listen { address: None, port: 8001 } };
        let text =
            "http://localhost:8001,http://[::1]:8001,http://Box:8001,node-1=http://far:8001,http://127.0.0.2:8001";
        let Listed { targets, wrong, .. } = peers(text, &reader);
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(targets.iter().map(|t| t.spec.key.to_string()).collect::<Vec<_>>(), ["127.0.0.2:8001"]);
    }

    #[test]
    fn names_to_look_up_stand_beside_peers() {
        let listed = peers("dns+http://nodes, http://b:1,DNS+http://Other.example.:9", &ALONE);
        let names: Vec<String> = listed.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["dns+http://nodes:8001", "dns+http://other.example.:9"]);
        assert_eq!((listed.targets.len(), listed.wrong.len()), (1, 0));
        assert_eq!(peers("dns+http://n,dns+http://N:8001", &ALONE).wrong, ["\"dns+http://N:8001\" is listed twice"]);
        let list: Vec<String> = (0..=NAMES_MAX).map(|n| format!("dns+http://n{n}")).collect();
        assert!(peers(&list.join(","), &ALONE).wrong[0].starts_with("it has 17 names to look up"));
    }

    #[test]
    fn too_many_peers_are_told_with_the_reason() {
        let list: Vec<String> = (0..=PEERS_MAX).map(|n| format!("http://n{n}")).collect();
        let wrong = peers(&list.join(","), &ALONE).wrong;
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("it names 1025 peers"));
    }
}
