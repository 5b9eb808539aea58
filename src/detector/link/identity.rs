//! Who a peer says it is, and who it was before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::detector::flaw::Flaw;
use crate::detector::gray::Lines;
use crate::detector::peer::{Ack, BootId, NodeName, Seq};
use crate::detector::time::{Monotonic, ObserverTime};

/// After the last answer of another node at the address of a peer.
const RIVAL_KEPT: Duration = Duration::from_secs(60);

/// Boots that ended, kept to recognise one that returns. Eight crash loops back is far enough.
const ENDED_BOOTS: usize = 8;

/// How far the clocks of two machines drift apart: crystals by 0.01 %, a virtual machine's in a bad hour by 1 %.
const DRIFT: f64 = 0.01;
/// An answer may have been on its way this much longer than the first one of that boot was.
const DELAY_DIFFERENCE: Duration = Duration::from_secs(5);

/// The name and boot of a peer, and how far it has been heard.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pinned: Option<NodeName>,
    known: Option<(NodeName, BootId)>,
    ended: VecDeque<BootId>,
    reported_conflict: Option<BootId>,
    conflict_lines: Lines,
    goodbye: Option<Seq>,
    /// The headers of a ping said goodbye in its name, and it has not answered since.
    goodbye_hinted: bool,
    /// The highest time of the present boot that was heard, as far as that is plausible here.
    last_seq: Seq,
    /// The highest time of its answers, as it says it itself.
    acknowledged: Seq,
    /// Another node that answered at its address, and when last.
    rival: Option<(NodeName, ObserverTime)>,
    /// What was wrong with its last answer. Nothing is decided by it.
    flaw: Option<Flaw>,
    /// What the present boot said first, and when.
    first: (Seq, Monotonic),
    /// When the present boot said what was heard last.
    last_at: Monotonic,
    /// The newest ping of a boot that counted as a sign of life. Only where a mesh key is required.
    counted: Option<(BootId, Seq)>,
}

impl Identity {
    pub(super) fn new(pinned: Option<NodeName>) -> Identity {
        Identity {
            pinned,
            known: None,
            ended: VecDeque::new(),
            reported_conflict: None,
            conflict_lines: Lines::default(),
            goodbye: None,
            goodbye_hinted: false,
            last_seq: Seq(0),
            acknowledged: Seq(0),
            rival: None,
            flaw: None,
            first: (Seq(0), Monotonic::default()),
            last_at: Monotonic::default(),
            counted: None,
        }
    }

    /// The name that it must declare.
    pub(crate) fn pinned(&self) -> Option<&NodeName> {
        self.pinned.as_ref()
    }

    /// The name and boot of its last answer.
    pub(crate) fn known(&self) -> Option<&(NodeName, BootId)> {
        self.known.as_ref()
    }

    /// A first or new identity. Returns the one before.
    pub(crate) fn learn(
        &mut self,
        node: NodeName,
        boot: BootId,
        first: (Seq, Monotonic),
    ) -> Option<(NodeName, BootId)> {
        let before = self.known.replace((node, boot));
        if let Some((_, ended)) = &before {
            if self.ended.len() == ENDED_BOOTS {
                self.ended.pop_front();
            }
            self.ended.push_back(*ended);
        }
        self.last_seq = Seq(0);
        self.acknowledged = Seq(0);
        self.goodbye = None;
        self.goodbye_hinted = false;
        self.first = first;
        self.last_at = first.1;
        before
    }

    /// `seq`, or the highest that the present boot can have reached by `at`. One answer from the far future would else
    /// make all later ones look old. It is cut and not refused, because a machine that was suspended has missed time
    /// that its peers counted. The clock is the raw one: a peer goes on counting while this process stands still.
    pub(crate) fn plausible(&self, seq: Seq, at: Monotonic) -> Seq {
        let (first, since) = self.first;
        let span = (at - since).mul_f64(1.0 + DRIFT) + DELAY_DIFFERENCE;
        seq.min(Seq(first.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))))
    }

    /// One of the last boots before the present one.
    pub(crate) fn has_ended(&self, boot: BootId) -> bool {
        self.ended.contains(&boot)
    }

    /// True once for each boot that contradicts, not for each of its answers.
    pub(crate) fn is_new_conflict(&mut self, boot: BootId, now: ObserverTime) -> bool {
        self.reported_conflict.replace(boot) != Some(boot) && self.conflict_lines.take(now)
    }

    pub(crate) fn said_goodbye(&mut self, seq: Seq) {
        self.goodbye = self.goodbye.max(Some(seq));
    }

    /// Headers said goodbye in its name, or its own answer showed that it is still there.
    pub(crate) fn hint_goodbye(&mut self, hinted: bool) {
        self.goodbye_hinted = hinted;
    }

    /// Headers said goodbye in its name, and it has not answered since.
    pub(crate) fn goodbye_hinted(&self) -> bool {
        self.goodbye_hinted
    }

    pub(crate) fn goodbye(&self) -> Option<Seq> {
        self.goodbye
    }

    /// Whether what it said at `seq` came after its goodbye.
    pub(crate) fn is_after_goodbye(&self, seq: Seq) -> bool {
        self.goodbye.is_none_or(|goodbye| seq > goodbye)
    }

    /// Takes note of what the present boot said at `seq`; false when that is older than what was heard last, or another
    /// boot said it.
    pub(crate) fn hears(&mut self, boot: BootId, seq: Seq, at: Monotonic) -> bool {
        let is_news = seq >= self.last_seq && self.known.as_ref().is_some_and(|(_, known)| *known == boot);
        if is_news {
            self.last_seq = seq;
            self.last_at = at;
        }
        is_news
    }

    /// The present boot answered at `seq`, as it says itself.
    pub(crate) fn answered_at(&mut self, seq: Seq) {
        self.acknowledged = self.acknowledged.max(seq);
    }

    /// The present boot and the highest time of its answers, as it said it: what is [plausible](Identity::plausible) to
    /// this node lags behind after this host was suspended, and the peer would take it for an old copy.
    pub(crate) fn heard(&self) -> Option<Ack> {
        let (_, boot) = self.known.as_ref()?;
        (self.acknowledged > Seq(0)).then_some(Ack { boot: *boot, seq: self.acknowledged })
    }

    /// How far `seq`, heard at `at`, is behind what was heard last and the time since.
    pub(crate) fn behind(&self, seq: Seq, at: Monotonic) -> Duration {
        let passed = u64::try_from((at - self.last_at).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.last_seq.0.saturating_add(passed).saturating_sub(seq.0))
    }

    /// Takes note of a ping of this boot that is to count; false when this or a newer one has counted: it is a copy.
    pub(crate) fn counts(&mut self, boot: BootId, seq: Seq) -> bool {
        let is_new = self.counted.is_none_or(|(counted, last)| counted != boot || last < seq);
        if is_new {
            self.counted = Some((boot, seq));
        }
        is_new
    }

    /// Another node answers at its address. False while that has been so already: it comes with every other answer.
    pub(crate) fn is_new_rival(&mut self, node: NodeName, now: ObserverTime) -> bool {
        let known = self.rival(now).is_some();
        self.rival = Some((node, now));
        !known
    }

    /// The other node that answers at its address.
    pub(crate) fn rival(&self, now: ObserverTime) -> Option<&NodeName> {
        self.rival.as_ref().filter(|(_, at)| now.since(*at) < RIVAL_KEPT).map(|(node, _)| node)
    }

    /// What was wrong with its last answer, if that was not one of a node.
    pub(crate) fn flaw(&self) -> Option<&Flaw> {
        self.flaw.as_ref()
    }

    pub(crate) fn set_flaw(&mut self, flaw: Option<Flaw>) {
        self.flaw = flaw;
    }
}
