//! The network: what happens to a packet, and who holds which connection.
//!
//! The model is TCP as an application sees it, not TCP: a lost packet is sent
//! again after a timeout that doubles, so loss is delay or, before the
//! connection stands, no connection; a handshake needs both directions; a host
//! whose process is gone answers with a reset; packets to a host that is gone
//! are lost. Windows, congestion and acknowledgements are left out: pings are one
//! packet each way.

use std::collections::BTreeMap;
use std::time::Duration;

use super::delay::Delay;
use super::rng::Rng;
use super::scenario::{Action, Direction, HostAct, HostId, LinkAct, Scenario};
use crate::detector::event::Purpose;
use crate::detector::peer::{Answer, AttemptId, BootId, Caller, NodeName, PeerId, QuestionId, Testimony};

/// First wait before a packet of a node_status connection is sent again.
pub(super) const RETRANSMIT_FIRST: Duration = Duration::from_millis(250);
/// First wait before the opening packet is sent again, as the common kernels do it.
pub(super) const RETRANSMIT_CONNECT: Duration = Duration::from_secs(1);
/// A packet is sent this often at most: with doubling waits some 17 minutes, which is when kernels give up.
pub(super) const SENDS_MAX: u32 = 12;

/// Replies that a broken connection holds back. A stream's reader gives up
/// after 15 s without a packet, so only a reader that is frozen gets here.
pub(super) const HELD_MAX: usize = 256;

/// A connection. Never used twice: the second number counts the uses of the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnId(u32, u32);

impl ConnId {
    pub(super) fn numbers(self) -> (u32, u32) {
        (self.0, self.1)
    }
}

/// What a connection is for, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Ping {
        attempt: AttemptId,
        purpose: Purpose,
    },
    /// Idle, for the next scheduled ping.
    Kept,
    Stream {
        peer: PeerId,
    },
    Question {
        question: QuestionId,
    },
    Goodbye,
}

/// The client's end of a connection. Gone as soon as the client closes it.
#[derive(Debug)]
pub(super) struct Conn {
    pub client: usize,
    pub server: usize,
    pub purpose: Use,
    /// The process at the other end, once the handshake is done.
    pub server_life: Option<u32>,
    /// The client's process knows that the connection stands.
    pub known: bool,
    /// Sent when the connection stands.
    pub request: Option<Request>,
    /// Replies of the server arrive no earlier than this, so that they stay in order.
    pub in_order_after: Duration,
    /// Replies that wait behind a lost one, at most [`HELD_MAX`].
    pub held: Vec<Packet>,
    pub resending: bool,
    /// When the client last read anything from a stream.
    pub heard: Duration,
}

#[derive(Clone, Debug)]
pub(super) enum Request {
    Ping(Caller),
    Stream,
    Question { node: NodeName, boot: BootId },
}

#[derive(Clone, Debug)]
pub(super) enum Packet {
    Open,
    Opened {
        life: u32,
    },
    Reset,
    /// The server closed.
    End,
    Request {
        life: u32,
        request: Request,
    },
    Answer(Box<Answer>),
    Testimony(Testimony),
    StreamOpened,
    /// `None` is the comment that keeps a stream alive.
    News(Option<Box<Answer>>),
}

impl Packet {
    /// Part of the byte stream from the server, which arrives in order or not at all.
    pub(super) fn is_ordered_reply(&self) -> bool {
        match self {
            Packet::Open | Packet::Opened { .. } | Packet::Reset | Packet::Request { .. } => false,
            Packet::End | Packet::Answer(_) | Packet::Testimony(_) | Packet::StreamOpened | Packet::News(_) => true,
        }
    }
}

/// One packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub conn: ConnId,
    pub from: usize,
    pub to: usize,
    /// From the end that opened the connection.
    pub by_client: bool,
    pub packet: Packet,
    pub sends: u32,
    pub again: Duration,
    /// Its entry in the packet trace, where one is kept.
    pub note: Option<NoteId>,
}

impl Segment {
    /// A packet that has not been sent yet; `again` is the first wait before it is sent again.
    pub(super) fn new(
        conn: ConnId,
        (from, to): (usize, usize),
        by_client: bool,
        packet: Packet,
        again: Duration,
    ) -> Segment {
        Segment { conn, from, to, by_client, packet, sends: 0, again, note: None }
    }
}

/// An entry of the packet trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoteId(pub u32);

/// All connections. At most a few for each link: the core bounds its attempts,
/// questions and streams.
pub(super) struct Conns {
    slots: Vec<(u32, Option<Conn>)>,
    free: Vec<u32>,
}

impl Conns {
    pub(super) fn new() -> Conns {
        Conns { slots: Vec::new(), free: Vec::new() }
    }

    pub(super) fn open(&mut self, conn: Conn) -> ConnId {
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.slots[slot as usize];
            *entry = (entry.0 + 1, Some(conn));
            return ConnId(slot, entry.0);
        }
        self.slots.push((0, Some(conn)));
        ConnId((self.slots.len() - 1) as u32, 0)
    }

    pub(super) fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.slots.get_mut(id.0 as usize).filter(|entry| entry.0 == id.1)?.1.as_mut()
    }

    pub(super) fn close(&mut self, id: ConnId) -> Option<Conn> {
        let conn = self.slots.get_mut(id.0 as usize).filter(|entry| entry.0 == id.1)?.1.take();
        if conn.is_some() {
            self.free.push(id.0);
        }
        conn
    }

    pub(super) fn matching(&self, wanted: impl Fn(&Conn) -> bool) -> Vec<ConnId> {
        let entries = self.slots.iter().enumerate();
        entries
            .filter(|(_, (_, conn))| conn.as_ref().is_some_and(&wanted))
            .map(|(slot, (uses, _))| ConnId(slot as u32, *uses))
            .collect()
    }
}

/// What is wrong with one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    vanish: bool,
    block: bool,
    reject: bool,
    loss: u8,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives(Duration),
    Lost,
    Rejected,
}

/// The state of all links.
pub(super) struct Network {
    faults: BTreeMap<(usize, usize), Faults>,
    /// Loss on all links, besides that of single links and hosts: a packet has to survive each.
    loss_all: u8,
    loss_from: Vec<u8>,
    loss_to: Vec<u8>,
    groups: Vec<Option<usize>>,
    unplugged: Vec<bool>,
    /// Hosts without power or network, until they are started.
    dark: Vec<bool>,
    latency: Delay,
}

impl Network {
    pub(super) fn new(scenario: &Scenario) -> Network {
        Network {
            faults: BTreeMap::new(),
            loss_all: 0,
            loss_from: vec![0; scenario.nodes],
            loss_to: vec![0; scenario.nodes],
            groups: vec![None; scenario.nodes],
            unplugged: vec![false; scenario.nodes],
            dark: vec![false; scenario.nodes],
            latency: scenario.latency.clone(),
        }
    }

    pub(super) fn latency(&self, dice: &mut Rng) -> Duration {
        self.latency.draw(dice)
    }

    pub(super) fn fate(&self, dice: &mut Rng, from: usize, to: usize, by_client: bool) -> Fate {
        if self.severed(from, to) || self.losses(from, to).into_iter().any(|percent| dice.percent(percent)) {
            return Fate::Lost;
        }
        if let Some(faults) = self.faults.get(&(from, to)) {
            if faults.vanish || (faults.block && by_client) || dice.percent(faults.loss) {
                return Fate::Lost;
            }
            if faults.reject {
                return Fate::Rejected;
            }
        }
        Fate::Arrives(self.latency(dice))
    }

    /// What an action does to the network. What it does to a process is not done here.
    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::Host(HostAct::Unplug, HostId(host)) => self.plug(*host, false),
            Action::Host(HostAct::Plug, HostId(host)) => self.plug(*host, true),
            Action::Host(..) => {}
            Action::Link(act, HostId(a), HostId(b)) => self.link(*act, *a, *b),
            Action::HostLoss(direction, HostId(host), percent) => self.lose_at(*direction, *host, *percent),
            Action::AllLoss(percent) => self.lose_all(*percent),
            Action::Split(groups) => self.split(groups),
            Action::Heal => self.heal(),
        }
    }

    fn severed(&self, a: usize, b: usize) -> bool {
        let apart = matches!((self.groups[a], self.groups[b]), (Some(x), Some(y)) if x != y);
        apart || [a, b].into_iter().any(|host| self.unplugged[host] || self.dark[host])
    }

    /// What a packet has to survive besides the faults of its own link.
    fn losses(&self, from: usize, to: usize) -> [u8; 3] {
        [self.loss_all, self.loss_from[from], self.loss_to[to]]
    }

    fn lose_all(&mut self, percent: u8) {
        self.loss_all = percent;
    }

    fn lose_at(&mut self, direction: Direction, host: usize, percent: u8) {
        if direction != Direction::To {
            self.loss_from[host] = percent;
        }
        if direction != Direction::From {
            self.loss_to[host] = percent;
        }
    }

    pub(super) fn link(&mut self, act: LinkAct, a: usize, b: usize) {
        let whole = Faults::default();
        let (there, back) = match act {
            LinkAct::Cut => (Faults { vanish: true, ..whole }, Faults { vanish: true, ..whole }),
            LinkAct::Drop => (Faults { vanish: true, ..whole }, whole),
            LinkAct::Block => (Faults { block: true, ..whole }, whole),
            LinkAct::Reject => (Faults { reject: true, ..whole }, Faults { reject: true, ..whole }),
            LinkAct::Loss(loss) => (Faults { loss, ..whole }, Faults { loss, ..whole }),
            LinkAct::LossOneWay(loss) => {
                let back = self.faults.get(&(b, a)).copied().unwrap_or_default();
                (Faults { loss, ..whole }, back)
            }
            LinkAct::Mend => (whole, whole),
        };
        for (pair, faults) in [((a, b), there), ((b, a), back)] {
            if faults == whole {
                self.faults.remove(&pair);
            } else {
                self.faults.insert(pair, faults);
            }
        }
    }

    fn split(&mut self, groups: &[Vec<HostId>]) {
        self.groups.fill(None);
        for (number, group) in groups.iter().enumerate() {
            for host in group {
                self.groups[host.0] = Some(number);
            }
        }
    }

    fn heal(&mut self) {
        self.faults.clear();
        self.loss_all = 0;
        self.loss_from.fill(0);
        self.loss_to.fill(0);
        self.groups.fill(None);
        self.unplugged.fill(false);
    }

    pub(super) fn plug(&mut self, host: usize, plugged: bool) {
        self.unplugged[host] = !plugged;
    }

    pub(super) fn darken(&mut self, host: usize, dark: bool) {
        self.dark[host] = dark;
    }

    pub(super) fn is_dark(&self, host: usize) -> bool {
        self.dark[host]
    }

    /// Nothing is wrong with the link in either direction.
    pub(super) fn is_clean(&self, a: usize, b: usize) -> bool {
        let whole = |a, b| !self.faults.contains_key(&(a, b)) && self.losses(a, b) == [0; 3];
        !self.severed(a, b) && whole(a, b) && whole(b, a)
    }

    /// A connection opened by either can stand: each could hear something of the other.
    pub(super) fn is_open(&self, a: usize, b: usize) -> bool {
        self.is_open_from(a, b) || self.is_open_from(b, a)
    }

    fn is_open_from(&self, a: usize, b: usize) -> bool {
        self.passes(a, b, true) && self.passes(b, a, false)
    }

    /// Packets of connections that stood before arrive in this direction.
    pub(super) fn is_arriving(&self, from: usize, to: usize) -> bool {
        self.passes(from, to, true) || self.passes(from, to, false)
    }

    fn passes(&self, from: usize, to: usize, by_client: bool) -> bool {
        if self.severed(from, to) || self.losses(from, to).contains(&100) {
            return false;
        }
        let Some(faults) = self.faults.get(&(from, to)) else { return true };
        !faults.vanish && (!faults.block || !by_client) && faults.loss < 100
    }

    /// A fault on the link pretends to be a crash.
    pub(super) fn is_rejecting(&self, a: usize, b: usize) -> bool {
        self.faults.get(&(a, b)).is_some_and(|faults| faults.reject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a thousand packets from the first host to the second, this many arrive.
    fn arrive(network: &Network, from: usize, to: usize) -> usize {
        let mut dice = Rng::new(1);
        let arrives = |_: &usize| matches!(network.fate(&mut dice, from, to, true), Fate::Arrives(_));
        (0..1000).filter(arrives).count()
    }

    fn network(wrong: impl Fn(&mut Network)) -> Network {
        let mut network = Network::new(&Scenario::new("loss", 3));
        wrong(&mut network);
        network
    }

    #[test]
    fn loss_takes_the_share_of_the_packets_that_it_says() {
        type Wrong = fn(&mut Network);
        // How many of a thousand arrive from 0 to 1, 1 to 0, 0 to 2 and 1 to 2.
        let cases: [(Wrong, [usize; 4]); 7] = [
            (|n| n.link(LinkAct::Loss(60), 0, 1), [400, 400, 1000, 1000]),
            (|n| n.link(LinkAct::LossOneWay(60), 0, 1), [400, 1000, 1000, 1000]),
            (|n| n.lose_at(Direction::Both, 0, 60), [400, 400, 400, 1000]),
            (|n| n.lose_at(Direction::From, 0, 60), [400, 1000, 400, 1000]),
            (|n| n.lose_at(Direction::To, 0, 60), [1000, 400, 1000, 1000]),
            (|n| n.lose_all(5), [950; 4]),
            (
                |n| {
                    n.lose_all(50);
                    n.lose_at(Direction::From, 0, 50);
                    n.link(LinkAct::LossOneWay(50), 0, 1);
                },
                [125, 500, 250, 500],
            ),
        ];
        for (number, (wrong, wanted)) in cases.into_iter().enumerate() {
            let network = network(wrong);
            let found = [(0, 1), (1, 0), (0, 2), (1, 2)].map(|(from, to)| arrive(&network, from, to));
            let near = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= 40);
            assert!(near, "case {number}: {found:?}, not {wanted:?}");
            assert!(!network.is_clean(0, 1) && !network.is_clean(1, 0), "case {number}");
            assert!(network.is_open(0, 1), "case {number}: something gets through");
        }
    }

    #[test]
    fn a_loss_ends_by_itself_or_by_heal() {
        type Wrong = fn(&mut Network);
        let ends: [Wrong; 4] = [
            |n| {
                n.lose_all(0);
                n.lose_at(Direction::Both, 0, 0);
                n.link(LinkAct::LossOneWay(0), 0, 1);
            },
            Network::heal,
            |n| {
                n.lose_all(0);
                n.lose_at(Direction::From, 0, 0);
                n.lose_at(Direction::To, 0, 0);
                n.link(LinkAct::Mend, 1, 0);
            },
            |n| {
                n.heal();
                n.lose_all(0);
            },
        ];
        for end in ends {
            let mut network = network(|n| {
                n.lose_all(100);
                n.lose_at(Direction::Both, 0, 100);
                n.link(LinkAct::LossOneWay(100), 0, 1);
            });
            assert!(!network.is_open(0, 1) && !network.is_open(1, 2));
            end(&mut network);
            assert!(network.is_clean(0, 1) && network.is_clean(1, 2));
            assert_eq!(arrive(&network, 0, 1), 1000);
        }
    }

    #[test]
    fn loss_one_way_leaves_the_other_direction_as_it_is() {
        let network = network(|n| {
            n.link(LinkAct::Loss(100), 0, 1);
            n.link(LinkAct::LossOneWay(0), 0, 1);
        });
        assert_eq!([arrive(&network, 0, 1), arrive(&network, 1, 0)], [1000, 0]);
    }
}
