//! A name that leads where a test wants: a network namespace with a hosts file
//! of its own, which the system's resolver reads for every lookup. All nodes
//! live in it, each on a loopback address of its own and all on one port, as
//! containers and pods do.
//!
//! `ip netns exec` puts the files of `/etc/netns/NAMESPACE` over those of `/etc`
//! for the process it starts, and for no other.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::node::Host;

/// The name behind which the nodes are.
pub const NAME: &str = "nodes.test";
const PREFIX: &str = "hbt";
/// The hosts file never changes its length, so that no process reads half of a new one.
const HOSTS_BYTES: usize = 1024;

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Names {
    namespace: String,
    hosts: Mutex<File>,
}

impl Names {
    /// What is missing here, or `None`.
    pub fn missing() -> Option<String> {
        let probe = format!("{PREFIX}-{}-names", std::process::id());
        delete_left_over();
        let made = run(&["netns", "add", &probe]);
        let _ = run(&["netns", "del", &probe]);
        made.err().map(|problem| format!("root and iproute2 ({problem})"))
    }

    /// A namespace in which the name leads to these addresses.
    pub fn new(listed: &[u8]) -> Names {
        let namespace = format!("{PREFIX}-{}-names{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = folder(&namespace);
        fs::create_dir_all(&folder).expect("root may write to /etc/netns");
        fs::write(folder.join("nsswitch.conf"), "hosts: files\n").expect("just made");
        let mut open = OpenOptions::new();
        let hosts = open.create(true).write(true).truncate(true).open(folder.join("hosts")).expect("just made");
        let names = Names { namespace, hosts: Mutex::new(hosts) };
        names.lead_to(listed);
        run(&["netns", "add", &names.namespace]).unwrap_or_else(|problem| panic!("{problem}"));
        run(&["-n", &names.namespace, "link", "set", "lo", "up"]).unwrap_or_else(|problem| panic!("{problem}"));
        names
    }

    /// Makes the name lead to the addresses 127.0.0.N, or nowhere.
    pub fn lead_to(&self, listed: &[u8]) {
        self.call(listed.iter().map(|number| (*number, NAME.to_owned())));
    }

    /// Gives the addresses 127.0.0.N these names, and takes away those that were.
    pub fn call(&self, names: impl IntoIterator<Item = (u8, String)>) {
        let mut text = String::from("127.0.0.1 localhost\n");
        for (number, name) in names {
            writeln!(text, "{} {name}", ip(number)).expect("writing to a string");
        }
        assert!(text.len() < HOSTS_BYTES, "a handful of addresses");
        let padded = format!("{text:\n<HOSTS_BYTES$}");
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.seek(SeekFrom::Start(0)).and_then(|_| hosts.write_all(padded.as_bytes())).expect("still there");
    }

    pub fn host(&self, name: &str, number: u8) -> Host {
        Host {
            name: name.to_owned(),
            address: SocketAddr::from((ip(number), 8001)),
            metrics_port: 9100,
            namespace: Some(self.namespace.clone()),
        }
    }
}

pub fn ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

fn folder(namespace: &str) -> PathBuf {
    Path::new("/etc/netns").join(namespace)
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = run(&["netns", "del", &self.namespace]);
        let _ = fs::remove_dir_all(folder(&self.namespace));
        // Only if no other process has anything there.
        let _ = fs::remove_dir("/etc/netns");
    }
}

/// Folders of runs that were killed before they could tidy up; the namespaces are deleted with all others.
fn delete_left_over() {
    for entry in fs::read_dir("/etc/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        if parts.next() == Some(PREFIX)
            && let Some(owner) = parts.next()
            && !Path::new("/proc").join(owner).exists()
        {
            let _ = run(&["netns", "del", &name]);
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let order = format!("ip {}", arguments.join(" "));
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("{order}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{order}: {said}")) }
}
