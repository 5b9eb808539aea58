//! Ports that no other process takes.
//!
//! A killed node's port stays empty for seconds, and an unknown process that took it
//! would look like a restarted node. So ports come from below the range that
//! the kernel gives to outgoing connections, each is used once in the life of
//! a test process, and a process owns a whole block of them by listening on the
//! block's first port until it ends.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;

const FIRST: u16 = 10_000;
/// Outgoing connections start at 32768 on Linux.
const BLOCKS: u16 = 110;
const BLOCK: u16 = 200;

struct Block {
    /// Holding it is owning the block.
    _claim: TcpListener,
    ports: std::ops::Range<u16>,
}

static OWNED: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// A port that is free now and that this process has not had before.
pub fn free() -> u16 {
    let mut owned = OWNED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    loop {
        if let Some(block) = owned.last_mut()
            && let Some(port) = block.ports.find(|port| is_free(*port))
        {
            return port;
        }
        owned.push(claim_block());
    }
}

/// The first of `count` such ports in a row.
pub fn free_in_a_row(count: u16) -> u16 {
    // Another thread may take one in between; then these are used up and the next are tried.
    loop {
        let first = free();
        if (1..count).all(|step| free() == first + step) {
            return first;
        }
    }
}

fn claim_block() -> Block {
    let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("below the number of blocks");
    for step in 0..BLOCKS {
        let base = FIRST + (start + step) % BLOCKS * BLOCK;
        if let Ok(claim) = TcpListener::bind((Ipv4Addr::LOCALHOST, base)) {
            return Block { _claim: claim, ports: base + 1..base + BLOCK };
        }
    }
    panic!("every block of test ports from {FIRST} on is taken");
}

/// No process answers there. Asked by knocking and not by listening for a moment: a
/// process that another thread starts in that moment inherits the listener
/// until it becomes its own program, and the port is taken for as long.
fn is_free(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}
