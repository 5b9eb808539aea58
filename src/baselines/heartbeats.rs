//! A detector that sends a heartbeat to all and judges by the arrivals of theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arrivals::Arrivals;
use super::member::{Member, Opinion};
use super::message::{Baseline, Message};

struct Peer<A> {
    life: u32,
    number: u64,
    arrivals: A,
    /// It was overdue when that was last looked at.
    suspected: bool,
}

/// One process of it.
pub struct Heartbeats<A> {
    life: u32,
    peers: Vec<Member>,
    interval: Duration,
    next: Duration,
    number: u64,
    /// Makes the memory for a process that is heard for the first time.
    make: Box<dyn Fn() -> A>,
    heard: BTreeMap<Member, Peer<A>>,
    sends: Vec<(Member, Message)>,
}

impl<A: Arrivals> Heartbeats<A> {
    /// The process number `life` of its host, which sends its first heartbeat at `start`.
    pub fn new(
        life: u32,
        peers: Vec<Member>,
        start: Duration,
        interval: Duration,
        make: impl Fn() -> A + 'static,
    ) -> Heartbeats<A> {
        let make = Box::new(make);
        Heartbeats { life, peers, interval, next: start, number: 0, make, heard: BTreeMap::new(), sends: Vec::new() }
    }
}

impl<A: Arrivals> Baseline for Heartbeats<A> {
    fn receive(&mut self, now: Duration, from: Member, message: Message) {
        let Message::Heartbeat { life, number } = message else { return };
        let make = &self.make;
        let new = || Peer { life, number, arrivals: make(), suspected: false };
        let peer = self.heard.entry(from).or_insert_with(new);
        let is_first = peer.life == life && peer.number == number;
        if life > peer.life {
            *peer = new();
        } else if life < peer.life || (number <= peer.number && !is_first) {
            // Overtaken by a later one.
            return;
        }
        peer.number = number;
        peer.arrivals.arrived(now, number);
        peer.suspected = peer.arrivals.overdue().is_some_and(|at| at <= now);
    }

    fn wake(&mut self, now: Duration) {
        for peer in self.heard.values_mut() {
            peer.suspected |= peer.arrivals.overdue().is_some_and(|at| at <= now);
        }
        if self.next <= now {
            let message = Message::Heartbeat { life: self.life, number: self.number };
            self.sends.extend(self.peers.iter().map(|peer| (*peer, message.clone())));
            // After a pause the missed ones are left out: their numbers say when they should have been sent.
            while self.next <= now {
                self.next += self.interval;
                self.number += 1;
            }
        }
    }

    fn deadline(&self) -> Duration {
        let open = self.heard.values().filter(|peer| !peer.suspected).filter_map(|peer| peer.arrivals.overdue());
        open.min().map_or(self.next, |overdue| overdue.min(self.next))
    }

    fn take_sends(&mut self) -> Vec<(Member, Message)> {
        std::mem::take(&mut self.sends)
    }

    fn opinion(&self, peer: Member) -> Opinion {
        let suspected = self.heard.get(&peer).is_some_and(|peer| peer.suspected);
        if suspected { Opinion::Suspected } else { Opinion::Trusted }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrivals::Fixed;
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn process() -> Heartbeats<Fixed> {
        Heartbeats::new(1, vec![1, 2], ms(100), ms(1000), || Fixed::new(ms(1500)))
    }

    #[test]
    fn a_heartbeat_goes_to_all_each_interval() {
        let mut process = process();
        assert_eq!(process.deadline(), ms(100));
        process.wake(ms(100));
        let heartbeat = |number| Message::Heartbeat { life: 1, number };
        assert_eq!(process.take_sends(), [(1, heartbeat(0)), (2, heartbeat(0))]);
        assert_eq!(process.deadline(), ms(1100));
        process.wake(ms(4200));
        assert_eq!(process.take_sends(), [(1, heartbeat(1)), (2, heartbeat(1))], "one, not four, after a pause");
        assert_eq!(process.deadline(), ms(5100));
        process.wake(ms(5100));
        assert_eq!(process.take_sends(), [(1, heartbeat(5)), (2, heartbeat(5))]);
    }

    #[test]
    fn silence_is_a_suspicion_and_a_heartbeat_ends_it() {
        let mut process = process();
        let heard = |process: &mut Heartbeats<Fixed>, at, life, number| {
            process.receive(ms(at), 1, Message::Heartbeat { life, number });
            process.opinion(1)
        };
        assert_eq!(process.opinion(1), Opinion::Trusted, "what was never heard is not judged");
        assert_eq!(heard(&mut process, 200, 1, 0), Opinion::Trusted);
        process.wake(ms(1699));
        assert_eq!(process.opinion(1), Opinion::Trusted);
        process.wake(ms(1700));
        assert_eq!(process.opinion(1), Opinion::Suspected);
        assert_eq!(heard(&mut process, 2000, 1, 3), Opinion::Trusted);
        process.wake(ms(3500));
        assert_eq!(heard(&mut process, 3600, 1, 2), Opinion::Suspected, "an overtaken one is no news");
        assert_eq!(heard(&mut process, 3700, 2, 0), Opinion::Trusted, "a new process");
        assert_eq!(heard(&mut process, 3800, 1, 9), Opinion::Trusted, "the one before is gone");
    }
}
