//! A door into a network namespace: a port on this machine behind which a node inside it answers, so that a case or a
//! browser outside can ask nodes that live in networks of their own.
//!
//! This program opens the port, and starts itself again inside the namespace with the listening socket as its
//! standard input: a socket stays in the network where it was made, whichever process accepts from it. Faults
//! of the network
//! lie between the nodes and do not touch the door.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::ports;

/// The first argument that makes this program the inner side.
const COMMAND: &str = "door-for-test";

pub struct Door {
    pub address: SocketAddr,
    inner: Child,
}

impl Door {
    /// A door to the process that listens on the address `inside` in a namespace, now or later.
    pub fn to(namespace: &str, inside: SocketAddr) -> Door {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let listener = TcpListener::bind(address).expect("the port was free");
        let program = std::env::current_exe().expect("this program has a path");
        let spawned = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(program)
            .args([COMMAND, &inside.to_string()])
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .spawn();
        Door { address, inner: spawned.expect("a process in a namespace") }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }
}

/// Is the inner side, if this process was started for that.
pub fn serve() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, command, inside] = &arguments[..] else { return };
    if command != COMMAND {
        return;
    }
    let inside: SocketAddr = inside.parse().expect("an address");
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned().expect("the listening socket"));
    std::thread::spawn(end_with_the_suite);
    for outer in listener.incoming().flatten() {
        std::thread::spawn(move || pass(&outer, inside));
    }
}

/// The children must end when a suite is killed, although they then have another parent.
fn end_with_the_suite() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        std::thread::sleep(Duration::from_secs(1));
    }
    std::process::exit(0);
}

fn pass(outer: &TcpStream, inside: SocketAddr) -> io::Result<()> {
    let inner = TcpStream::connect(inside)?;
    for stream in [outer, &inner] {
        stream.set_nodelay(true)?;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| one_way(outer, &inner));
        one_way(&inner, outer)
    })
}

/// Copies until one side ends, and closes the other.
fn one_way(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    copied.map(drop)
}
