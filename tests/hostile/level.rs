//! What the nodes of a siege are protected with, and how strangers reach them then. Strangers have neither key nor
//! certificate; with mutual TLS they get in as readers, as a browser does.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::kit::certificates::{Authority, Folder, Valid};
use super::kit::client;
use super::kit::front::front;
use super::support::{Cluster, millis, seconds};

/// Levels to attack, separated by blanks, in the place of those that always are.
const LEVELS: &str = "HEARTBEAT_TEST_LEVELS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Nothing,
    Key,
    Tls,
    KeyAndTls,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Nothing, Level::Key, Level::Tls, Level::KeyAndTls];

    /// As the variable and the names of cases have it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Nothing => "nothing",
            Level::Key => "key",
            Level::Tls => "tls",
            Level::KeyAndTls => "key+tls",
        }
    }

    /// The levels of this run.
    pub fn asked() -> Vec<Level> {
        let Ok(asked) = std::env::var(LEVELS) else { return vec![Level::Nothing, Level::KeyAndTls] };
        let known = |word: &str| Level::ALL.into_iter().find(|level| level.name() == word);
        asked.split_whitespace().map(|word| known(word).unwrap_or_else(|| panic!("{LEVELS}: {word}"))).collect()
    }

    pub fn has_key(self) -> bool {
        matches!(self, Level::Key | Level::KeyAndTls)
    }

    pub fn has_tls(self) -> bool {
        matches!(self, Level::Tls | Level::KeyAndTls)
    }
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
        Guard { level, config: Arc::new(config), authority, folder: Folder::new("hostile") }
    }

    /// Gives all nodes what the level asks for, before they are started.
    pub fn arm(&self, cluster: &mut Cluster) {
        for number in cluster.numbers() {
            let node = cluster.node_mut(number);
            if self.level.has_key() {
                node.add_arguments(&["--mesh-key-file", &self.folder.write("keys", &keygen())]);
            }
            if self.level.has_tls() {
                let ip = node.host.address.ip();
                let ca = self.folder.write("ca.crt", &self.authority.pem);
                let certificate = self.authority.certificate(&[&ip.to_string()], Valid::Now);
                let identity = self.folder.identity(&node.host.name, &certificate);
                node.add_arguments(&identity.each_ref().map(String::as_str));
                node.add_arguments(&["--tls-ca-file", &ca, "--tls-client-ca-file", &ca]);
                let peers = node.peers().replace("=http://", "=https://").replace("dns+http://", "dns+https://");
                node.replace_peers(&peers);
                let entrance = client::door_to(node.reached_at(), ip, &self.authority.pem);
                node.set_entrance(entrance);
            }
        }
    }

    /// A program of ours that speaks plain HTTP, as nodes of this level reach it. It has a certificate of the mesh, for
    /// loopback, and no key.
    pub fn front(&self, inside: SocketAddr) -> SocketAddr {
        if !self.level.has_tls() {
            return inside;
        }
        front(inside, &self.authority.certificate(&["127.0.0.1", "localhost"], Valid::Now))
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
fn keygen() -> String {
    static KEY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let make = || {
        let output = Command::new(env!("CARGO_BIN_EXE_heartbeat")).arg("keygen").output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    KEY.get_or_init(make).clone()
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
