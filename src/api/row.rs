//! One node's row of the matrix, as it travels between nodes.
//!
//! All times are ages in whole milliseconds at the moment of writing: only
//! the reader's clock is needed. A peer is named by the name that it
//! declares. Only one that has never answered goes by its key, for there is
//! no other name for it; what that key means to the reader is the
//! reader's business ([`RowBody::into_row`]).

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limit::{InvalidAnswer, SEQ_LIMIT, bounded, optional, self_state};
use super::number::{ms, thousandths};
use super::text::Text;
use crate::detector::evidence::Class;
use crate::detector::peer::{BootId, NodeName, PeerState, SelfState, Verdict};
use crate::detector::view::{PeerView, View};
use crate::mesh::{
    BLIND_SPOTS_MAX, BlindSpot, BlindSpotKind, Cell, MESH_KEYS_MAX, Member, MeshKeyId, Row, RowFreshness, blind_spots,
};

/// The most bytes of a row that are read: [`CELLS`] of them with names of 100 characters fit.
pub const ROW_BYTES: usize = 512 * 1024;
/// The most cells taken from one row; the rest is dropped. As many as a mesh view has members.
pub const CELLS: usize = crate::mesh::MEMBERS_MAX;

/// The most characters of a text about a blind spot that are read.
const BLIND_SPOT_CHARS: usize = 300;

/// This node's row of the matrix. Readers ignore fields that they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    /// Milliseconds since the detector began.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub seq: u64,
    pub state: Text<SelfState>,
    /// It was paused a moment ago and judges no peer until it has pinged it again.
    #[serde(default)]
    pub stalled: bool,
    #[serde(default)]
    pub maintenance: bool,
    #[serde(default, deserialize_with = "bounded::<_, _, CELLS>")]
    pub peers: Vec<CellBody>,
    /// What this node knows that it does not see.
    #[serde(default, deserialize_with = "bounded::<_, _, BLIND_SPOTS_MAX>", skip_serializing_if = "Vec::is_empty")]
    pub blind_spots: Vec<BlindSpotBody>,
    /// Its mesh keys, the one that signs first; absent where it has none.
    #[serde(default, deserialize_with = "bounded::<_, _, MESH_KEYS_MAX>", skip_serializing_if = "Vec::is_empty")]
    pub mesh_keys: Vec<Text<MeshKeyId>>,
}

/// Something that a node should see and does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlindSpotBody {
    pub kind: Text<BlindSpotKind>,
    /// The name, address or node that it is about.
    #[serde(default)]
    pub what: String,
    /// Why, in a few words.
    #[serde(default)]
    pub why: String,
}

/// One peer, as this node sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellBody {
    /// The name it declared; `null` when it has never answered.
    pub node: Option<Text<NodeName>>,
    /// Only of a peer that has never answered and so has no name.
    pub key: Option<Text<Member>>,
    pub boot: Option<Text<BootId>>,
    pub state: Text<PeerState>,
    #[serde(default)]
    pub verdict: Option<Text<Verdict>>,
    #[serde(default)]
    pub class: Option<Text<Class>>,
    /// Age of the state.
    pub state_age_ms: u64,
    /// Age of the last proof of life, an incoming ping included.
    #[serde(default)]
    pub last_proof_ms: Option<u64>,
    /// Age of the last answer to a ping of the observer.
    #[serde(default)]
    pub last_answer_ms: Option<u64>,
    /// How long the observer itself did not run since the last proof of life.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_ms: u64,
    /// The last round trip, in microseconds.
    #[serde(default)]
    pub rtt_us: Option<u64>,
    /// Microseconds.
    #[serde(default)]
    pub rtt_p99_us: Option<u64>,
    /// Failed of the last ten scheduled pings, 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub loss: Option<f64>,
    #[serde(default)]
    pub restarts: u64,
    /// Counts for alerts.
    #[serde(default)]
    pub expected: bool,
    #[serde(default)]
    pub degraded: bool,
    #[serde(default)]
    pub flapping: bool,
    #[serde(default)]
    pub maintenance: bool,
    /// Its pings arrive here.
    #[serde(default)]
    pub pings_me: bool,
}

impl RowBody {
    /// The same of a node with these mesh keys, of which its detector knows nothing.
    pub fn with_keys(self, mesh_keys: Vec<MeshKeyId>) -> RowBody {
        RowBody { mesh_keys: mesh_keys.into_iter().map(Text::from).collect(), ..self }
    }

    /// Reads a row from the bytes of a body.
    ///
    /// # Errors
    /// [`InvalidAnswer::Json`] when the bytes are not the JSON of a row.
    pub fn parse(bytes: &[u8]) -> Result<RowBody, InvalidAnswer> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The row as it was when it was written. `member` says what a peer that
    /// has never answered is called, from the observer's key for it. Entries
    /// with a word that is not known are dropped.
    ///
    /// # Errors
    /// [`InvalidAnswer::Field`] when what identifies the observer is not valid.
    pub fn into_row(self, member: impl Fn(&NodeName) -> Member) -> Result<Row, InvalidAnswer> {
        let field = |field| InvalidAnswer::Field { field };
        let node = self.node.known().ok_or(field("node"))?;
        if self.seq >= SEQ_LIMIT {
            return Err(field("seq"));
        }
        Ok(Row {
            observer: Member::from(node),
            freshness: RowFreshness::Now,
            as_of: Some(Duration::ZERO),
            boot: Some(*self.boot.known().ok_or(field("boot"))?),
            state: Some(self_state(&self.state)),
            stalled: self.stalled,
            maintenance: self.maintenance,
            up_for: Some(Duration::from_millis(self.seq)),
            cells: self.peers.iter().filter_map(|cell| cell.known(&member)).collect(),
            blind_spots: self.blind_spots.iter().filter_map(BlindSpotBody::known).collect(),
            mesh_keys: self.mesh_keys.iter().filter_map(|id| id.known().copied()).collect(),
        })
    }
}

impl From<&View> for RowBody {
    fn from(view: &View) -> RowBody {
        RowBody {
            node: Text::from(&view.node),
            boot: view.boot.into(),
            seq: view.seq.0,
            state: view.state.into(),
            stalled: view.stalled,
            maintenance: view.maintenance.is_some(),
            peers: view.peers.iter().map(|peer| CellBody::new(view, peer)).collect(),
            blind_spots: blind_spots(view).iter().map(BlindSpotBody::from).collect(),
            mesh_keys: Vec::new(),
        }
    }
}

impl From<&BlindSpot> for BlindSpotBody {
    fn from(spot: &BlindSpot) -> BlindSpotBody {
        BlindSpotBody { kind: spot.kind.into(), what: spot.what.to_string(), why: spot.why.to_string() }
    }
}

impl BlindSpotBody {
    /// The same, unless its kind is not known here. Its texts come from another node: what cannot be shown is replaced.
    fn known(&self) -> Option<BlindSpot> {
        let text = |text: &str| -> Arc<str> {
            let shown = |c: char| if c.is_control() { '?' } else { c };
            text.chars().take(BLIND_SPOT_CHARS).map(shown).collect::<String>().into()
        };
        Some(BlindSpot { kind: *self.kind.known()?, what: text(&self.what), why: text(&self.why) })
    }
}

impl CellBody {
    fn new(observer: &View, view: &PeerView) -> CellBody {
        let peer = &view.peer;
        // A peer of the same name as this node is told apart by its key alone.
        let name = peer.node.as_ref().filter(|name| **name != observer.node);
        CellBody {
            node: name.map(Text::from),
            key: name.is_none().then(|| Member::from(&peer.key).into()),
            boot: peer.boot.map(Text::from),
            state: peer.state.into(),
            verdict: view.verdict.map(Text::from),
            class: view.class.map(Text::from),
            state_age_ms: ms(view.state_age),
            last_proof_ms: view.last_proof.map(ms),
            last_answer_ms: view.last_answer.map(ms),
            lost_ms: ms(view.lost),
            rtt_us: view.rtt_last.map(us),
            rtt_p99_us: view.rtt_p99.map(us),
            loss: view.loss.map(thousandths),
            restarts: view.restarts,
            expected: view.expected,
            degraded: view.degraded,
            flapping: view.flapping,
            maintenance: view.maintenance.is_some(),
            pings_me: view.pings_me,
        }
    }
}

impl CellBody {
    /// The cell, unless a word of it is not known here.
    fn known(&self, member: &impl Fn(&NodeName) -> Member) -> Option<Cell> {
        let peer = match (&self.node, &self.key) {
            (Some(node), _) => Member::from(node.known()?),
            // What is no name cannot be shown to people or compared either.
            (None, Some(key)) => member(&NodeName::new(&key.as_str()).ok()?),
            (None, None) => return None,
        };
        Some(Cell {
            peer,
            boot: optional(&self.boot)?,
            state: *self.state.known()?,
            verdict: optional(&self.verdict)?,
            class: optional(&self.class)?,
            state_age: Duration::from_millis(self.state_age_ms),
            last_proof: self.last_proof_ms.map(Duration::from_millis),
            last_answer: self.last_answer_ms.map(Duration::from_millis),
            lost: Duration::from_millis(self.lost_ms),
            rtt: self.rtt_us.map(Duration::from_micros),
            rtt_p99: self.rtt_p99_us.map(Duration::from_micros),
            // A share beyond its bounds is brought back into them; what is not a number becomes zero.
            loss: self.loss.map(|loss| (loss.clamp(0.0, 1.0) * 1000.0).round() as u16),
            restarts: self.restarts,
            expected: self.expected,
            degraded: self.degraded,
            flapping: self.flapping,
            maintenance: self.maintenance,
            pings_me: self.pings_me,
            of_ended_boot: false,
        })
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the first release that had rows writes it.
    const RELEASED: &str = r#"{"node":"node-1","boot":"0123456789abcdef","seq":1234,"state":"cut_off","stalled":true,"maintenance":false,"peers":[
        {"node":"node-2","key":null,"boot":"00000000000000ff","state":"dead","verdict":"down","class":"gone","state_age_ms":900,"last_proof_ms":1200,"last_answer_ms":1300,"rtt_us":846,"rtt_p99_us":2000,"loss":0.4,"restarts":1,"expected":true,"degraded":true,"flapping":true,"maintenance":true,"pings_me":true},
        {"node":null,"key":"localhost:8003","boot":null,"state":"joining","verdict":null,"class":null,"state_age_ms":5,"last_proof_ms":null,"last_answer_ms":null,"rtt_us":null,"rtt_p99_us":null,"loss":null,"restarts":0,"expected":false,"degraded":false,"flapping":false,"maintenance":false,"pings_me":false}]}"#;

    fn read(text: &str) -> Result<Row, InvalidAnswer> {
        RowBody::parse(text.as_bytes())?.into_row(|key| Member::from(&*format!("key:{key}")))
    }

    /// A row with one cell of these fields besides those that must be there.
    fn cells(fields: &str) -> Vec<Cell> {
        let text = format!(
            r#"{{"node":"a","boot":"0000000000000001","seq":1,"state":"ready","peers":[{{"state_age_ms":1,{fields}}}]}}"#
        );
        read(&text).expect("a row").cells
    }

    #[test]
    fn the_released_form_is_read_and_written() {
        let body = RowBody::parse(RELEASED.as_bytes()).expect("a row");
        let written = serde_json::to_string(&body).expect("JSON");
        assert_eq!(RowBody::parse(written.as_bytes()).expect("a row"), body);
        let compact: String = RELEASED.lines().map(str::trim).collect();
        assert_eq!(written, compact);

        let row = read(RELEASED).expect("a row");
        assert_eq!((row.observer.as_str(), row.boot), ("node-1", Some(BootId(0x0123_4567_89ab_cdef))));
        assert_eq!((row.state, row.stalled, row.freshness), (Some(SelfState::CutOff), true, RowFreshness::Now));
        assert_eq!(row.up_for, Some(Duration::from_millis(1234)));
        let cell = &row.cells[0];
        assert_eq!((cell.state, cell.verdict, cell.class), (PeerState::Dead, Some(Verdict::Down), Some(Class::Gone)));
        assert_eq!((cell.rtt, cell.loss), (Some(Duration::from_micros(846)), Some(400)));
        assert_eq!(row.cells[1].peer.as_str(), "key:localhost:8003");
    }

    #[test]
    fn what_is_not_known_is_ignored_or_costs_its_entry() {
        assert_eq!(cells(r#""node":"b","state":"alive","aura":"blue""#).len(), 1);
        for fields in [
            r#""node":"b","state":"enchanted""#,
            r#""node":"b","state":"dead","verdict":"vanished""#,
            r#""node":"b","state":"dead","class":"other""#,
            r#""node":"b","boot":"7","state":"alive""#,
            r#""node":"b c","state":"alive""#,
            r#""node":null,"key":"<b>","state":"joining""#,
            r#""node":null,"key":null,"state":"joining""#,
        ] {
            assert_eq!(cells(fields), [], "{fields}");
        }
        for (loss, kept) in [("7.5", 1000), ("-1", 0), ("0.25", 250)] {
            assert_eq!(cells(&format!(r#""node":"b","state":"alive","loss":{loss}"#))[0].loss, Some(kept));
        }
    }

    #[test]
    fn what_an_observer_does_not_see_travels_with_its_row() {
        let text = r#"{"node":"a","boot":"0000000000000001","seq":1,"state":"ready","blind_spots":[
            {"kind":"lookup_fails","what":"dns+http://nodes:8001","why":"no\u001b such name"},{"kind":"dreams"},{"kind":"found_nobody"}]}"#;
        let spots = read(text).expect("a row").blind_spots;
        let told: Vec<(BlindSpotKind, &str, &str)> =
            spots.iter().map(|spot| (spot.kind, &*spot.what, &*spot.why)).collect();
        assert_eq!(
            told,
            [
                (BlindSpotKind::LookupFails, "dns+http://nodes:8001", "no? such name"),
                (BlindSpotKind::FoundNobody, "", "")
            ]
        );
    }

    #[test]
    fn an_observer_without_an_identity_gives_no_row() {
        for text in [
            "",
            "[]",
            r#"{"node":"a b","boot":"0000000000000001","seq":1,"state":"ready"}"#,
            r#"{"node":"a","boot":"1","seq":1,"state":"ready"}"#,
            r#"{"node":"a","boot":"0000000000000001","seq":9007199254740992,"state":"ready"}"#,
            r#"{"node":"a","boot":"0000000000000001","seq":-1,"state":"ready"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(r#"{"node":"a","boot":"0000000000000001","seq":1,"state":"dancing"}"#).is_ok());
    }

    #[test]
    fn a_row_is_cut_off_while_it_is_read() {
        let cell = r#"{"node":"b","state":"alive","state_age_ms":1}"#;
        let many = vec![cell; CELLS + 10].join(",");
        let text = format!(r#"{{"node":"a","boot":"0000000000000001","seq":1,"state":"ready","peers":[{many}]}}"#);
        assert_eq!(read(&text).expect("a row").cells.len(), CELLS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_row_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..RELEASED.len(), by in any::<u8>()) {
            let parse = |bytes: &[u8]| RowBody::parse(bytes).and_then(|body| body.into_row(|key| Member::from(key)));
            // Only that it returns is asked.
            let _ = parse(&bytes);
            let mut damaged = RELEASED.as_bytes().to_vec();
            damaged[at] = by;
            let _ = parse(&damaged);
        }
    }
}
