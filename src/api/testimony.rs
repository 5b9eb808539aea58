//! What a witness says of a peer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Text;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{BootId, NodeName, Testimony};

/// The most bytes of a witness's answer that are read: one short line.
pub const TESTIMONY_BYTES: usize = 4 * 1024;

/// What a witness says of a boot after a ping that began with the question. Its silence (`NoOpinion`) is a 404 or 429
/// without this body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "testimony", rename_all = "snake_case")]
pub enum TestimonyBody {
    /// The peer answered.
    Answered {
        /// The boot that answered, which may be newer than the one asked about.
        boot: Text<BootId>,
        /// Who says it: an answer can be led astray, and one witness must not count as two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness: Option<Text<NodeName>>,
        /// The boot that says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness_boot: Option<Text<BootId>>,
    },
    /// The ping failed.
    Failed {
        /// How.
        evidence: Text<Evidence>,
        /// Who says it: an answer can be led astray, and one witness must not count as two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness: Option<Text<NodeName>>,
        /// The boot that says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness_boot: Option<Text<BootId>>,
    },
    /// The peer had said goodbye.
    Left {
        /// Who says it: an answer can be led astray, and one witness must not count as two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness: Option<Text<NodeName>>,
        /// The boot that says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness_boot: Option<Text<BootId>>,
    },
}

impl TestimonyBody {
    /// The body of a testimony of this node, as far as its boot is known; `None` for [`Testimony::NoOpinion`], which is a
    /// 404 without one.
    pub fn from_testimony(testimony: Testimony, witness: &NodeName, boot: Option<BootId>) -> Option<TestimonyBody> {
        let (witness, witness_boot) = (Some(Text::from(witness)), boot.map(Into::into));
        match testimony {
            Testimony::Answered { boot } => Some(TestimonyBody::Answered { boot: boot.into(), witness, witness_boot }),
            Testimony::Failed { evidence } => {
                Some(TestimonyBody::Failed { evidence: evidence.into(), witness, witness_boot })
            }
            Testimony::Left => Some(TestimonyBody::Left { witness, witness_boot }),
            Testimony::NoOpinion => None,
        }
    }

    /// Reads a witness's answer.
    pub fn read(bytes: &[u8]) -> Option<TestimonyBody> {
        serde_json::from_slice(bytes).ok()
    }

    /// Reads what a witness's answer says. Anything that cannot be understood is no opinion.
    pub fn parse(bytes: &[u8]) -> Testimony {
        TestimonyBody::read(bytes).map_or(Testimony::NoOpinion, |body| body.testimony())
    }

    /// Whether this node and boot says it.
    pub fn is_of(&self, node: &NodeName, boot: BootId) -> bool {
        let (TestimonyBody::Answered { witness, witness_boot, .. }
        | TestimonyBody::Failed { witness, witness_boot, .. }
        | TestimonyBody::Left { witness, witness_boot }) = self;
        witness.as_ref().and_then(Text::known) == Some(node)
            && witness_boot.as_ref().and_then(Text::known) == Some(&boot)
    }

    /// What it says, as far as it can be understood.
    pub fn testimony(&self) -> Testimony {
        self.known().unwrap_or(Testimony::NoOpinion)
    }

    fn known(&self) -> Option<Testimony> {
        match self {
            TestimonyBody::Answered { boot, .. } => Some(Testimony::Answered { boot: *boot.known()? }),
            TestimonyBody::Failed { evidence, .. } => {
                let evidence = *evidence.known()?;
                // "Failed: answered" contradicts itself.
                (evidence != Evidence::Answered).then_some(Testimony::Failed { evidence })
            }
            TestimonyBody::Left { .. } => Some(Testimony::Left),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn testimonies_survive_the_wire() {
        let me = NodeName::new("node-2").expect("valid");
        let all = [
            Testimony::Answered { boot: BootId(3) },
            Testimony::Failed { evidence: Evidence::Refused },
            Testimony::Left,
        ];
        for testimony in all {
            let body = TestimonyBody::from_testimony(testimony, &me, Some(BootId(9))).expect("has a body");
            assert!(body.is_of(&me, BootId(9)) && !body.is_of(&me, BootId(8)));
            let text = serde_json::to_string(&body).expect("serialises");
            assert_eq!(TestimonyBody::parse(text.as_bytes()), testimony, "{text}");
        }
        assert_eq!(TestimonyBody::from_testimony(Testimony::NoOpinion, &me, None), None);
        for odd in [
            "",
            "{}",
            r#"{"testimony":"shrug"}"#,
            r#"{"testimony":"answered"}"#,
            r#"{"testimony":"failed","evidence":"answered"}"#,
        ] {
            assert_eq!(TestimonyBody::parse(odd.as_bytes()), Testimony::NoOpinion, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = TestimonyBody::parse(&bytes);
        }
    }
}
