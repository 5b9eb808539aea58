//! What nodes under attack are protected with, and how those who attack reach them then. Strangers have neither key nor
//! certificate; with mutual TLS they get in as readers, as a browser does. Who is on the way between two nodes has what is
//! worth most there without the key: a certificate of the mesh for their host, and the read token, where there is one.

// The suites that use it take their own parts.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::kit::certificates::{Authority, Folder, Valid};
use super::kit::client;
use super::kit::front::{back, front};
use super::support::{Case, Cluster, Need, Report, keygen, millis, seconds};

/// Levels to attack, separated by blanks, in the place of those that always are.
const LEVELS: &str = "HEARTBEAT_TEST_LEVELS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Nothing,
    Key,
    Tls,
    KeyAndTls,
    /// A key, and a read token that those who attack have as well.
    KeyAndToken,
}

/// What readers show, where nodes have a read token.
pub const TOKEN: &str = "staple-correct-horse";

impl Level {
    pub const ALL: [Level; 5] = [Level::Nothing, Level::Key, Level::Tls, Level::KeyAndTls, Level::KeyAndToken];

    /// As the variable and the names of cases have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Nothing => "nothing",
            Level::Key => "key",
            Level::Tls => "tls",
            Level::KeyAndTls => "key+tls",
            Level::KeyAndToken => "key+token",
        }
    }

    /// The levels of this run; `usual` if it is not told.
    fn asked(usual: &[Level]) -> Vec<Level> {
        let Ok(asked) = std::env::var(LEVELS) else { return usual.to_vec() };
        let known = |word: &str| Level::ALL.into_iter().find(|level| level.name() == word);
        asked.split_whitespace().map(|word| known(word).unwrap_or_else(|| panic!("{LEVELS}: {word}"))).collect()
    }

    pub fn has_key(self) -> bool {
        matches!(self, Level::Key | Level::KeyAndTls | Level::KeyAndToken)
    }

    pub fn has_tls(self) -> bool {
        matches!(self, Level::Tls | Level::KeyAndTls)
    }

    pub fn has_token(self) -> bool {
        self == Level::KeyAndToken
    }
}

/// A case, and the levels at which it says something that it does not say at another.
pub struct Leveled {
    pub name: &'static str,
    pub needs: &'static [&'static Need],
    pub levels: &'static [Level],
    /// As [`Level::ALL`].
    pub runs: [fn(&Report); 5],
}

macro_rules! leveled {
    ($function:path, $levels:expr $(, $need:expr)*) => {
        $crate::level::Leveled {
            name: stringify!($function),
            needs: &[$(&$need),*],
            levels: $levels,
            runs: [
                |report| $function(report, $crate::level::Level::Nothing),
                |report| $function(report, $crate::level::Level::Key),
                |report| $function(report, $crate::level::Level::Tls),
                |report| $function(report, $crate::level::Level::KeyAndTls),
                |report| $function(report, $crate::level::Level::KeyAndToken),
            ],
        }
    };
}
pub(crate) use leveled;

/// Each at every level that is asked for, `usual` if none is. At the first of `usual` it has its own name alone.
pub fn cases(all: &'static [Leveled], usual: &[Level]) -> Vec<Case> {
    let at = |case: &'static Leveled, level: Level| {
        let name = if level == usual[0] { case.name } else { String::leak(format!("{}@{}", case.name, level.name())) };
        Case { name, needs: case.needs, run: case.runs[level as usize] }
    };
    let of_level =
        |level: Level| all.iter().filter(move |case| case.levels.contains(&level)).map(move |case| at(case, level));
    Level::asked(usual).into_iter().flat_map(of_level).collect()
}

/// The keys and certificates of one mesh.
pub struct Guard {
    pub level: Level,
    authority: Authority,
    config: Arc<ClientConfig>,
    folder: Folder,
}

impl Guard {
    pub fn new(level: Level) -> Guard {
        let authority = Authority::new("mesh");
        let mut config = client::config(&authority.pem);
        // Each handshake is a whole one, and costs the node a signature.
        config.resumption = Resumption::disabled();
        static GUARDS: AtomicUsize = AtomicUsize::new(0);
        let folder = Folder::new(&format!("guard-{}", GUARDS.fetch_add(1, Ordering::Relaxed)));
        Guard { level, config: Arc::new(config), authority, folder }
    }

    /// Gives all nodes what the level asks for, before they are started. Peers are written as those without TLS.
    pub fn arm(&self, cluster: &mut Cluster) {
        self.arm_with(cluster, &self.folder.write("keys", &one_key()));
    }

    /// [Arms](Guard::arm) all nodes and starts them.
    pub fn start(&self, cluster: &mut Cluster) {
        self.arm(cluster);
        cluster.start_all();
    }

    /// As [`Guard::arm`], with the keys in this file.
    pub fn arm_with(&self, cluster: &mut Cluster, keys: &str) {
        for number in cluster.numbers() {
            let node = cluster.node_mut(number);
            if self.level.has_key() {
                node.add_arguments(&["--mesh-key-file", keys]);
            }
            if self.level.has_token() {
                node.add_arguments(&["--read-token-file", &self.folder.write("token", TOKEN)]);
                node.read_with(TOKEN);
            }
            if self.level.has_tls() {
                let ip = node.host.address.ip();
                let ca = self.folder.write("ca.crt", &self.authority.pem);
                let certificate = self.authority.certificate(&[&ip.to_string()], Valid::Now);
                let identity = self.folder.identity(&node.host.name, &certificate);
                node.add_arguments(&identity.each_ref().map(String::as_str));
                node.add_arguments(&["--tls-ca-file", &ca, "--tls-client-ca-file", &ca]);
                let peers = node.peers().replace("http://", "https://");
                node.replace_peers(&peers);
                let entrance = client::door_to(node.reached_at(), ip, &self.authority.pem);
                node.set_entrance(entrance);
            }
        }
    }

    /// A new certificate of the mesh for a node, and its key, as PEM.
    pub fn certificate(&self, cluster: &Cluster, number: usize) -> (String, String) {
        let ip = cluster.node(number).host.address.ip();
        self.authority.certificate(&[&ip.to_string()], Valid::Now)
    }

    /// Where a node has its certificate (`crt`) or the key of it (`key`).
    pub fn file_of(&self, cluster: &Cluster, number: usize, end: &str) -> PathBuf {
        self.folder.path(&format!("{}.{end}", cluster.node(number).host.name))
    }

    /// Gives a node a certificate and a key, which it reads by itself.
    pub fn renew(&self, cluster: &Cluster, number: usize, identity: &(String, String)) {
        self.folder.identity(&cluster.node(number).host.name, identity);
    }

    /// The key that [`Guard::arm`] gives, where nodes have one.
    pub fn key(&self) -> Option<String> {
        self.level.has_key().then(|| one_key().trim().to_owned())
    }

    /// A program of ours that speaks plain HTTP, as nodes of this level reach it. It has a certificate of the mesh, for
    /// loopback, and no key.
    pub fn front(&self, inside: SocketAddr) -> SocketAddr {
        if !self.level.has_tls() {
            return inside;
        }
        front(inside, &self.authority.certificate(&["127.0.0.1", "localhost"], Valid::Now))
    }

    /// How somebody on the way who speaks plain HTTP reaches a node: with a certificate of the mesh.
    pub fn back(&self, node: SocketAddr) -> SocketAddr {
        if !self.level.has_tls() {
            return node;
        }
        let identity = self.authority.certificate(&[&node.ip().to_string()], Valid::Now);
        back(node, client::member(&self.authority.pem, &identity))
    }

    /// What a command is told to ask a node at this level.
    pub fn asking(&self, node: SocketAddr) -> Vec<String> {
        if !self.level.has_tls() {
            return vec![format!("--addr={node}")];
        }
        let ca = self.folder.write("ca-of-commands.crt", &self.authority.pem);
        vec![format!("--addr=https://{node}"), format!("--tls-ca-file={ca}")]
    }

    /// What those who attack add to the head of a request.
    pub fn shown(&self) -> String {
        if self.level.has_token() { format!("authorization: Bearer {TOKEN}\r\n") } else { String::new() }
    }

    /// A node that strangers reach at `address` and whose certificate is for `host`.
    pub fn target(&self, address: SocketAddr, host: IpAddr) -> Target {
        let tls = self.level.has_tls().then(|| (Arc::clone(&self.config), ServerName::IpAddress(host.into())));
        Target { address, tls }
    }

    /// How a stranger's handshake begins.
    pub fn hello(&self, host: IpAddr) -> Vec<u8> {
        let name = ServerName::IpAddress(host.into());
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name).expect("a handshake");
        let mut hello = Vec::new();
        connection.write_tls(&mut hello).expect("there is room");
        hello
    }
}

/// One key for all nodes of this program's life.
fn one_key() -> String {
    static KEY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    KEY.get_or_init(|| keygen() + "\n").clone()
}

/// Where an attack goes.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Target {
    /// Without TLS, whatever the node speaks.
    pub fn raw(address: SocketAddr) -> Target {
        Target { address, tls: None }
    }

    pub fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection on which HTTP can be spoken.
    pub fn connect(&self) -> io::Result<Wire> {
        let tcp = TcpStream::connect_timeout(&self.address, millis(500))?;
        let Some((config, name)) = &self.tls else { return Ok(Wire::Plain(tcp)) };
        tcp.set_read_timeout(Some(seconds(2)))?;
        let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Wire::Tls(Box::new(stream)))
    }
}

pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Wire::Plain(tcp) => tcp,
            Wire::Tls(stream) => &stream.sock,
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        if let Wire::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.conn.complete_io(&mut stream.sock);
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(tcp) => tcp.read(buffer),
            Wire::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(tcp) => tcp.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(tcp) => tcp.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}
