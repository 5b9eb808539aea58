//! What a witness says of a peer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Text;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{BootId, Testimony};

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
    },
    /// The ping failed.
    Failed {
        /// How.
        evidence: Text<Evidence>,
    },
    /// The peer had said goodbye.
    Left,
}

impl TestimonyBody {
    /// The body of a testimony; `None` for [`Testimony::NoOpinion`], which is a 404 without one.
    pub fn from_testimony(testimony: Testimony) -> Option<TestimonyBody> {
        match testimony {
            Testimony::Answered { boot } => Some(TestimonyBody::Answered { boot: boot.into() }),
            Testimony::Failed { evidence } => Some(TestimonyBody::Failed { evidence: evidence.into() }),
            Testimony::Left => Some(TestimonyBody::Left),
            Testimony::NoOpinion => None,
        }
    }

    /// Reads a witness's answer. Anything that cannot be understood is no opinion.
    pub fn parse(bytes: &[u8]) -> Testimony {
        let body = serde_json::from_slice::<TestimonyBody>(bytes).ok();
        body.and_then(|body| body.known()).unwrap_or(Testimony::NoOpinion)
    }

    fn known(&self) -> Option<Testimony> {
        match self {
            TestimonyBody::Answered { boot } => Some(Testimony::Answered { boot: *boot.known()? }),
            TestimonyBody::Failed { evidence } => {
                let evidence = *evidence.known()?;
                // "Failed: answered" contradicts itself.
                (evidence != Evidence::Answered).then_some(Testimony::Failed { evidence })
            }
            TestimonyBody::Left => Some(Testimony::Left),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn testimonies_survive_the_wire() {
        let all = [
            Testimony::Answered { boot: BootId(3) },
            Testimony::Failed { evidence: Evidence::Refused },
            Testimony::Left,
        ];
        for testimony in all {
            let body = TestimonyBody::from_testimony(testimony).expect("has a body");
            let text = serde_json::to_string(&body).expect("serialises");
            assert_eq!(TestimonyBody::parse(text.as_bytes()), testimony, "{text}");
        }
        assert_eq!(TestimonyBody::from_testimony(Testimony::NoOpinion), None);
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
