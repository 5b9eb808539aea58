//! Random faults from a seed; after each all nodes must agree again and hold no more than before.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Outcome;
use super::fleet::Fleet;
use super::resources::{Book, Held};

/// A stalled wait, a witness's time and the load of a small machine.
const AGREEMENT: Duration = Duration::from_secs(60);

/// The node whose process is never ended, so that its growth can be seen.
const LIVES_ON: usize = 0;

pub fn seed_of_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs())
}

/// The generator of numerical recipes: enough to choose faults, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Stop,
    Freeze,
    Restart,
    Loss(u64),
}

pub fn soak(program: &Path, seconds: u64, count: usize, seed: u64) -> Outcome {
    let packets = own_network();
    println!("soak: {count} nodes for {seconds} s, --seed={seed}");
    if !packets {
        println!("no loss of packets: that needs root, iptables, and a network of its own; `just soak` makes one");
    }
    let mut fleet = Fleet::new(count)?;
    let ended = rounds(&mut fleet, program, Duration::from_secs(seconds), &mut Chance(seed), packets);
    match ended {
        Ok(()) => {
            fleet.remove_logs();
            Ok(())
        }
        Err(problem) => Err(format!("{problem}\nreplay with --seed={seed}; {}", fleet.keep_logs())),
    }
}

fn rounds(fleet: &mut Fleet, program: &Path, span: Duration, chance: &mut Chance, packets: bool) -> Outcome {
    let began = Instant::now();
    for node in &mut fleet.nodes {
        node.start(program)?;
    }
    let took = fleet.agree(AGREEMENT)?;
    println!("{:>7.1} s  all agree after {:.1} s", began.elapsed().as_secs_f64(), took.as_secs_f64());
    let count = fleet.nodes.len();
    let mut book = Book::new(count);
    let mut round = 0;
    while began.elapsed() < span {
        round += 1;
        let node = chance.below(count as u64) as usize;
        let lasting = Duration::from_millis(200 + chance.below(14_000));
        let fault = match chance.below(if packets { 5 } else { 4 }) {
            0 if node != LIVES_ON => Fault::Kill,
            1 if node != LIVES_ON => Fault::Stop,
            2 if node != LIVES_ON => Fault::Restart,
            4 => Fault::Loss(20 + 10 * chance.below(6)),
            _ => Fault::Freeze,
        };
        disturb(fleet, program, node, fault, lasting)?;
        let took = fleet.agree(AGREEMENT)?;
        let mut most = Held::default();
        for (index, node) in fleet.nodes.iter_mut().enumerate() {
            if node.died() {
                return Err(format!("{} ended by itself", node.name));
            }
            let held = Held::of(node.process().ok_or("a node does not run")?)?;
            book.add(index, held)?;
            most.memory_kib = most.memory_kib.max(held.memory_kib);
            most.descriptors = most.descriptors.max(held.descriptors);
            most.threads = most.threads.max(held.threads);
        }
        println!(
            "{:>7.1} s  round {round}: {fault:?} of node-{} for {:.1} s; all agree {:.1} s later; at most {} KiB, {} descriptors, {} threads",
            began.elapsed().as_secs_f64(),
            node + 1,
            lasting.as_secs_f64(),
            took.as_secs_f64(),
            most.memory_kib,
            most.descriptors,
            most.threads,
        );
    }
    println!("{}", book.has_not_grown(LIVES_ON)?);
    println!("soak: {round} rounds in {:.0} s; all held", began.elapsed().as_secs_f64());
    Ok(())
}

fn disturb(fleet: &mut Fleet, program: &Path, index: usize, fault: Fault, lasting: Duration) -> Outcome {
    let node = &mut fleet.nodes[index];
    match fault {
        Fault::Kill => {
            node.kill();
            sleep(lasting);
            node.start(program)
        }
        Fault::Stop => {
            node.stop(Duration::from_secs(20))?;
            sleep(lasting);
            node.start(program)
        }
        Fault::Restart => {
            node.kill();
            node.start(program)
        }
        Fault::Freeze => {
            node.signal("-STOP")?;
            sleep(lasting);
            node.signal("-CONT")
        }
        Fault::Loss(percent) => {
            let port = node.port.to_string();
            for end in ["--dport", "--sport"] {
                iptables("-A", end, &port, percent)?;
            }
            sleep(lasting);
            ["--dport", "--sport"].iter().try_for_each(|end| iptables("-D", end, &port, percent))
        }
    }
}

/// Loses so many percent of the packets to (`--dport`) or from (`--sport`) a node.
fn iptables(act: &str, end: &str, port: &str, percent: u64) -> Outcome {
    let probability = format!("{}", percent as f64 / 100.0);
    let rule = [act, "INPUT", "-i", "lo", "-p", "tcp", end, port, "-m", "statistic", "--mode", "random"];
    let status = Command::new("iptables").args(rule).args(["--probability", &probability, "-j", "DROP"]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("iptables {act} for port {port}: {other:?}")),
    }
}

/// The network has nothing but its loopback, so that a rule harms no one else, and rules can be made.
fn own_network() -> bool {
    let devices = std::fs::read_dir("/sys/class/net").map_or(0, Iterator::count);
    let listed = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let alone = devices == 1 || listed.lines().filter(|line| line.contains(':')).count() == 1;
    let rules = Command::new("iptables").args(["-S", "INPUT"]).output();
    alone && rules.is_ok_and(|output| output.status.success())
}
