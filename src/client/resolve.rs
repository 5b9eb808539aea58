//! Names to addresses, kept away from the time it takes.
//!
//! A lookup may hang for seconds, and a name may disappear together with the
//! container that had it; neither says anything about whether the peer's
//! process lives. So a lookup runs once for all who wait for it, those who know
//! an older answer wait for it only a moment, and a lookup that fails leaves the
//! older answer in place: the check then goes to the address where the peer
//! was last, and shows what is really there. Only a name that never resolved is
//! a failure of the *name*.
//!
//! The system's resolver runs on the runtime's blocking threads. Turned down: a
//! resolver of our own in Rust, which would know DNS but not the hosts file,
//! nsswitch or a VPN's rules, and so disagree with every other tool.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;
use tokio::time;

use super::dial::Candidates;
use crate::config::unfit::unfit;

/// How long to wait for a fresh answer when an older one is known. A local
/// resolver answers in a few milliseconds; a check has only 250 ms.
const PATIENCE: Duration = Duration::from_millis(100);

/// Addresses in a warning.
const ADDRESSES_SHOWN: usize = 8;

/// A name did not resolve, now or ever.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name {host} does not resolve: {why}")]
pub(crate) struct NameFailure {
    host: String,
    /// In the words of the system.
    why: Arc<str>,
}

/// Where names are looked up: the system's resolver, or a table that a test holds.
#[derive(Clone)]
pub enum NameService {
    System,
    Table(Table),
}

/// Addresses by host name.
pub(super) type Table = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// Looks names up and remembers. Clones share their memory.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    /// One entry for each host name in the configuration, so no bound of its own.
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    limit: Duration,
    service: NameService,
}

#[derive(Debug, Default)]
struct Entry {
    /// The last good answer, best address first.
    known: Option<Arc<[IpAddr]>>,
    /// Why the last lookup gave nothing, if it did.
    failure: Option<Arc<str>>,
    /// The address that accepted a connection last. `localhost` has two, and a node may listen on one.
    preferred: Option<IpAddr>,
    /// A person was told that it has several addresses.
    is_told: bool,
    /// Closed when the lookup that is running has ended, even by a panic.
    running: Option<watch::Receiver<()>>,
}

impl Resolver {
    /// `limit`: how long a first lookup may take.
    pub(super) fn with(service: NameService, limit: Duration) -> Resolver {
        Resolver { entries: Arc::default(), limit, service }
    }

    /// What `host` leads to now, and nothing remembered. Waits for at most `limit`; a lookup that takes longer goes
    /// on, and the next call waits for the same one.
    ///
    /// # Errors
    /// Why there is no answer, in the words of the system.
    pub(super) async fn look_up_now(&self, host: &str, limit: Duration) -> Result<Vec<IpAddr>, Arc<str>> {
        let (mut ended, _) = self.begin(host);
        if time::timeout(limit, ended.changed()).await.is_err() {
            return Err(format!("no answer within {} s", limit.as_secs()).into());
        }
        let entries = self.lock();
        let entry = entries.get(host);
        match entry.and_then(|entry| entry.failure.clone()) {
            Some(failure) => Err(failure),
            None => Ok(entry.and_then(|entry| entry.known.as_deref()).unwrap_or_default().to_vec()),
        }
    }

    /// The addresses of `host`, which may be one itself.
    ///
    /// # Errors
    /// When it does not resolve and never did.
    pub(super) async fn candidates(&self, host: &str, port: u16) -> Result<Candidates, NameFailure> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Candidates { addresses: vec![SocketAddr::new(address, port)], first_is_proven: true });
        }
        let found = self.look_up(host).await?;
        self.warn_of_many(host, port, &found);
        let preferred = self.lock().get(host).and_then(|entry| entry.preferred);
        Ok(Candidates {
            addresses: found.iter().map(|address| SocketAddr::new(*address, port)).collect(),
            first_is_proven: preferred.is_some() && found.first().copied() == preferred,
        })
    }

    /// One warning for a host that has several addresses of one family: it is taken for one node, and may be several.
    fn warn_of_many(&self, host: &str, port: u16, found: &[IpAddr]) {
        let several = |family: fn(&IpAddr) -> bool| found.iter().filter(|address| family(address)).count() > 1;
        if !several(IpAddr::is_ipv4) && !several(IpAddr::is_ipv6) {
            return;
        }
        let mut entries = self.lock();
        let is_told = entries.get_mut(host).is_none_or(|entry| std::mem::replace(&mut entry.is_told, true));
        drop(entries);
        if !is_told {
            let mut shown: Vec<String> = found.iter().map(ToString::to_string).collect();
            shown.sort();
            tracing::warn!(
                event = "name_has_many_addresses",
                name = host,
                sentence = many_addresses(host, port, &shown),
                "A peer's name has several addresses"
            );
        }
    }

    /// `address` of `host` accepted a connection: it is now tried first.
    pub(super) fn prefer(&self, host: &str, address: IpAddr) {
        if let Some(entry) = self.lock().get_mut(host) {
            entry.preferred = Some(address);
            if let Some(known) = entry.known.take() {
                entry.known = Some(best_first(known.to_vec(), entry.preferred));
            }
        }
    }

    /// Whether some name led to this address when it was looked up last.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.lock().values().filter_map(|entry| entry.known.as_deref()).any(|known| known.contains(&address))
    }

    /// Whether this name led to this address when it was looked up last.
    pub(super) fn leads_to(&self, host: &str, address: IpAddr) -> bool {
        let entries = self.lock();
        let known = entries.get(host).and_then(|entry| entry.known.as_deref());
        known.is_some_and(|known| known.iter().any(|own| is_same(*own, address)))
    }

    async fn look_up(&self, host: &str) -> Result<Arc<[IpAddr]>, NameFailure> {
        let (mut ended, knows_already) = self.begin(host);
        let patience = if knows_already { PATIENCE } else { self.limit };
        // However the lookup ends, what is known afterwards is the answer.
        let _ = time::timeout(patience, ended.changed()).await;
        let entries = self.lock();
        let entry = entries.get(host);
        entry.and_then(|entry| entry.known.clone()).ok_or_else(|| NameFailure {
            host: host.to_owned(),
            why: entry
                .and_then(|entry| entry.failure.clone())
                .unwrap_or_else(|| "no answer from the resolver yet".into()),
        })
    }

    /// Starts a lookup, or joins the one that is running. The receiver closes when it has ended.
    fn begin(&self, host: &str) -> (watch::Receiver<()>, bool) {
        let mut entries = self.lock();
        let entry = entries.entry(host.to_owned()).or_default();
        let knows_already = entry.known.is_some();
        if let Some(running) = entry.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return (running.clone(), knows_already);
        }
        let (ends, ended) = watch::channel(());
        entry.running = Some(ended.clone());
        tokio::spawn(self.clone().run(host.to_owned(), ends));
        (ended, knows_already)
    }

    /// One lookup. Dropping `ends` wakes all callers that wait.
    async fn run(self, host: String, ends: watch::Sender<()>) {
        let found = self.service.addresses(&host).await;
        let mut entries = self.lock();
        let entry = entries.entry(host).or_default();
        entry.failure = match found.map(usable) {
            Ok(Ok(found)) => {
                entry.known = Some(best_first(found, entry.preferred));
                None
            }
            Ok(Err(why)) => Some(why.into()),
            Err(error) => Some(plain(&error).into()),
        };
        drop(entries);
        drop(ends);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // The map is only ever replaced entry by entry: sound even after a panic elsewhere.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a person should know of a name with several addresses.
fn many_addresses(host: &str, port: u16, addresses: &[String]) -> String {
    let shown = addresses.iter().take(ADDRESSES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = addresses.len().saturating_sub(ADDRESSES_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!(
        "the name {host} has {} addresses ({shown}{more}) and is watched as one node; if they are several nodes, \
         write dns+http://{host}:{port} in --peers",
        addresses.len()
    )
}

/// Without the addresses at which no node can be.
///
/// # Errors
/// Why there is none left.
fn usable(found: Vec<IpAddr>) -> Result<Vec<IpAddr>, String> {
    let refused = found.iter().find_map(|address| Some((*address, unfit(*address)?)));
    let usable: Vec<IpAddr> = found.into_iter().filter(|address| unfit(*address).is_none()).collect();
    match refused {
        _ if !usable.is_empty() => Ok(usable),
        Some((address, why)) => Err(format!("its address {address} {why}")),
        None => Err("the name has no addresses".to_owned()),
    }
}

impl NameService {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match self {
            NameService::System => {
                let found = tokio::net::lookup_host((host, 0)).await?;
                Ok(found.map(|address| address.ip().to_canonical()).collect())
            }
            NameService::Table(table) => table(host),
        }
    }
}

impl fmt::Debug for NameService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameService::System => "System",
            NameService::Table(_) => "Table",
        })
    }
}

/// The system's words without the preamble that the standard library puts before them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map_or(text.clone(), str::to_owned)
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str()).await?;
            // The port is in the URL.
            let addresses: Vec<SocketAddr> = found.iter().map(|address| SocketAddr::new(*address, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether two addresses mean one host: the same address in either form, or both this machine.
pub(super) fn is_same(one: IpAddr, other: IpAddr) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    one == other || (one.is_loopback() && other.is_loopback())
}

/// Each address once, the preferred one first, the rest in the resolver's order.
fn best_first(found: Vec<IpAddr>, preferred: Option<IpAddr>) -> Arc<[IpAddr]> {
    let mut ordered: Vec<IpAddr> = Vec::with_capacity(found.len());
    for address in found {
        if !ordered.contains(&address) {
            ordered.push(address);
        }
    }
    // A stable sort: `false` before `true`.
    ordered.sort_by_key(|address| Some(*address) != preferred);
    ordered.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn an_address_needs_no_lookup() {
        let resolver = Resolver::with(NameService::System, Duration::ZERO);
        let found = resolver.candidates("::1", 80).await.expect("an address");
        assert_eq!(found.addresses, [SocketAddr::new(ip("::1"), 80)]);
        assert!(resolver.lock().is_empty());
    }

    #[test]
    fn addresses_of_no_node_are_left_out() {
        let of = |texts: &[&str]| usable(texts.iter().map(|text| ip(text)).collect());
        assert_eq!(of(&["0.0.0.0", "10.0.0.7", "fe80::1"]), Ok(vec![ip("10.0.0.7")]));
        assert_eq!(of(&["0.0.0.0"]), Err("its address 0.0.0.0 means this machine, or no address at all".to_owned()));
        assert_eq!(of(&[]), Err("the name has no addresses".to_owned()));
    }

    #[tokio::test]
    async fn a_host_with_several_addresses_of_one_family_is_told_once() {
        for (addresses, is_told) in [
            (&["10.0.0.1", "10.0.0.2"][..], true),
            (&["fd00::1", "fd00::2", "10.0.0.1"], true),
            (&["fd00::1", "10.0.0.1"], false),
            (&["10.0.0.1"], false),
        ] {
            let found: Vec<IpAddr> = addresses.iter().map(|text| ip(text)).collect();
            let table: Table = Arc::new(move |_| Ok(found.clone()));
            let resolver = Resolver::with(NameService::Table(table), Duration::from_secs(10));
            resolver.candidates("mesh", 80).await.expect("it resolves");
            assert_eq!(resolver.lock()["mesh"].is_told, is_told, "{addresses:?}");
            // Behind dns+http:// each address is a node of its own, which is as it should be.
            resolver.look_up_now("nodes", Duration::from_secs(10)).await.expect("it resolves");
            assert!(!resolver.lock()["nodes"].is_told);
        }
        let told = many_addresses("mesh", 8001, &["10.0.0.1".into(), "10.0.0.2".into()]);
        assert_eq!(
            told,
            "the name mesh has 2 addresses (10.0.0.1, 10.0.0.2) and is watched as one node; if they are several nodes, \
             write dns+http://mesh:8001 in --peers"
        );
    }

    #[tokio::test]
    async fn localhost_resolves_and_keeps_its_preferred_address() {
        let resolver = Resolver::with(NameService::System, Duration::from_secs(10));
        let first = resolver.candidates("localhost", 80).await.expect("localhost resolves");
        let last = first.addresses[first.addresses.len() - 1].ip();
        resolver.prefer("localhost", last);
        let again = resolver.candidates("localhost", 80).await.expect("localhost resolves");
        assert_eq!(again.addresses[0].ip(), last);
        assert_eq!(again.addresses.len(), first.addresses.len());
        assert_eq!((first.first_is_proven, again.first_is_proven), (false, true));
    }

    #[tokio::test]
    async fn a_name_leads_to_what_its_last_lookup_found() {
        let table: Table = Arc::new(|host| match host {
            "peer" => Ok(vec![ip("10.0.0.1"), ip("fd00::1")]),
            _ => Ok(vec![ip("127.0.0.1")]),
        });
        let resolver = Resolver::with(NameService::Table(table), Duration::from_secs(10));
        assert!(!resolver.leads_to("peer", ip("10.0.0.1")), "not looked up yet");
        for host in ["peer", "here"] {
            resolver.candidates(host, 80).await.expect("it resolves");
        }
        for (host, address, leads) in [
            ("peer", "10.0.0.1", true),
            ("peer", "::ffff:10.0.0.1", true),
            ("peer", "fd00::1", true),
            ("peer", "10.0.0.2", false),
            ("peer", "127.0.0.1", false),
            ("here", "127.0.1.1", true),
            ("here", "::1", true),
            ("here", "10.0.0.1", false),
            ("another", "10.0.0.1", false),
        ] {
            assert_eq!(resolver.leads_to(host, ip(address)), leads, "{host}, {address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_never_resolved_is_a_failure() {
        let resolver = Resolver::with(NameService::System, Duration::from_secs(10));
        let failure = resolver.candidates("no-such-host.invalid", 80).await.expect_err("there is no such name");
        assert!(failure.to_string().starts_with("the name no-such-host.invalid does not resolve: "), "{failure}");
    }

    #[tokio::test]
    async fn a_name_that_vanished_keeps_its_address() {
        let resolver = Resolver::with(NameService::System, Duration::from_secs(10));
        let gone = Entry { known: Some(vec![ip("192.0.2.7")].into()), ..Entry::default() };
        resolver.lock().insert("no-such-host.invalid".to_owned(), gone);
        let found = resolver.candidates("no-such-host.invalid", 80).await.expect("remembered");
        assert_eq!(found.addresses, [SocketAddr::new(ip("192.0.2.7"), 80)]);
    }

    #[test]
    fn each_address_once_and_the_preferred_first() {
        let found = vec![ip("::1"), ip("127.0.0.1"), ip("::1"), ip("127.0.0.2")];
        assert_eq!(&*best_first(found.clone(), None), [ip("::1"), ip("127.0.0.1"), ip("127.0.0.2")]);
        assert_eq!(&*best_first(found, Some(ip("127.0.0.2"))), [ip("127.0.0.2"), ip("::1"), ip("127.0.0.1")]);
    }

    #[test]
    fn addresses_that_no_node_has_are_left_out() {
        let of = |texts: &[&str]| usable(texts.iter().map(|text| text.parse().expect("an address")).collect());
        let good = ["10.0.0.1", "127.0.0.1", "fd00::1", "::1"];
        let bad = ["169.254.169.254", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "fe80::1", "ff02::1"];
        assert_eq!(of(&good).expect("hosts").len(), 4);
        for address in bad {
            assert!(of(&[address]).unwrap_err().starts_with(&format!("its address {address} ")));
            assert_eq!(of(&[address, "10.0.0.1"]).expect("one is left").len(), 1);
        }
        assert!(of(&[]).is_err());
    }
}
