//! What one request of ours does, from its start to its end: one task each.
//!
//! A task reports its end as its result, so there is no way to end without the
//! driver learning of it: not by an error, not by a panic. What comes before
//! the end (a check's connection, a stream's news) goes through the driver's queue.
//! Aborting a task drops its connection and reports nothing, which is exactly
//! what the detector means by "cancel".

use tokio::sync::mpsc;

use super::handle::{Input, StreamPart};
use crate::client::{Client, Failed, StreamEnd, Target};
use crate::detector::discovery::{Found, NameId, ProbeId};
use crate::detector::event::Purpose;
use crate::detector::peer::{Answer, AttemptId, BootId, Caller, NodeName, PeerId, QuestionId, Testimony};

/// How a request of ours ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// `renew` is what to do next for the connection that carried it.
    Ping {
        attempt: AttemptId,
        result: Result<Answer, Failed>,
        renew: Option<Box<PingOrder>>,
    },
    Renewed,
    Question {
        question: QuestionId,
        testimony: Testimony,
    },
    Stream {
        peer: PeerId,
        stream: u64,
        /// Too much came on it.
        flooded: bool,
    },
    Goodbye,
    LookUp {
        id: NameId,
        found: Found,
    },
    Probe {
        probe: ProbeId,
        result: Result<Answer, Failed>,
    },
}

/// What every request of ours needs.
#[derive(Clone, Debug)]
pub(crate) struct PingOrder {
    pub client: Client,
    pub target: Target,
    pub caller: Caller,
}

impl PingOrder {
    /// A ping: scheduled ones on the kept connection, all others on a new one.
    pub(crate) async fn ping(self, attempt: AttemptId, purpose: Purpose, inputs: mpsc::Sender<Input>) -> Ended {
        if purpose != Purpose::Scheduled {
            // Apart, because it is larger than a scheduled ping, and there are many of those.
            return Ended::Ping { attempt, result: Box::pin(self.check(attempt, inputs)).await, renew: None };
        }
        match self.client.ping(&self.target, &self.caller).await {
            Ok((answer, worn)) => Ended::Ping { attempt, result: Ok(answer), renew: worn.then(|| Box::new(self)) },
            Err(failed) => Ended::Ping { attempt, result: Err(failed), renew: None },
        }
    }

    /// Opens a new connection for the pings to come.
    pub(crate) async fn renew(self) -> Ended {
        self.client.renew(&self.target).await;
        Ended::Renewed
    }

    /// Asks a witness.
    pub(crate) async fn ask(
        self,
        question: QuestionId,
        node: NodeName,
        boot: BootId,
        witness: Option<(NodeName, BootId)>,
    ) -> Ended {
        let testimony = self.client.ask(&self.target, &self.caller, (&node, boot), witness.as_ref()).await;
        Ended::Question { question, testimony }
    }

    /// Holds an event stream until it ends.
    pub(crate) async fn stream(self, peer: PeerId, stream: u64, inputs: mpsc::Sender<Input>) -> Ended {
        let ended = |flooded| Ended::Stream { peer, stream, flooded };
        // Apart, because a stream is open for days and opening it takes most of the room.
        let opened = Box::pin(self.client.open_stream(&self.target, &self.caller)).await;
        let Some(mut news) = opened else { return ended(false) };
        let mut part = StreamPart::Opened;
        loop {
            if inputs.send(Input::Stream { peer, stream, part }).await.is_err() {
                return ended(false);
            }
            part = match news.next().await {
                Ok(answer) => StreamPart::News(Box::new(answer)),
                Err(end) => return ended(matches!(end, StreamEnd::Flooded)),
            };
        }
    }

    /// Says goodbye.
    pub(crate) async fn goodbye(self) -> Ended {
        self.client.goodbye(&self.target, &self.caller).await;
        Ended::Goodbye
    }

    async fn check(&self, attempt: AttemptId, inputs: mpsc::Sender<Input>) -> Result<Answer, Failed> {
        let connection = self.client.connect(&self.target).await?;
        // A driver that is gone needs no report; the ping then ends with it.
        let _ = inputs.send(Input::Connected { attempt }).await;
        connection.ping(&self.caller).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::ClientSettings;
    use crate::detector::peer::{SelfState, Seq};

    fn order(port: u16) -> PingOrder {
        let second = Duration::from_secs(1);
        let node = NodeName::new("me").expect("valid");
        PingOrder {
            client: Client::new(ClientSettings { connect_timeout: second, question_timeout: second })
                .expect("a client"),
            target: Target::new(&format!("http://127.0.0.1:{port}").parse().expect("a URL")).expect("valid"),
            caller: Caller { node, boot: BootId(1), seq: Seq(1), state: SelfState::Ready, known_rev: 0, ack: None },
        }
    }

    /// What "cancel" means to the detector, for each kind of ping: the connection is closed, and nothing is reported.
    #[tokio::test]
    async fn a_cancelled_ping_closes_its_connection() {
        for purpose in [Purpose::Scheduled, Purpose::Check] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let port = listener.local_addr().expect("bound").port();
            let (inputs, mut reports) = mpsc::channel(8);
            let ping = tokio::spawn(order(port).ping(AttemptId(1), purpose, inputs));
            let (mut stream, _) = listener.accept().await.expect("accepts");
            stream.read_u8().await.expect("a request begins");
            if purpose == Purpose::Check {
                assert!(matches!(reports.recv().await, Some(Input::Connected { attempt: AttemptId(1) })));
            }
            ping.abort();
            assert!(ping.await.expect_err("no result").is_cancelled());
            let mut rest = Vec::new();
            // Closed or reset: either way it has ended.
            let _ = stream.read_to_end(&mut rest).await;
            assert!(reports.recv().await.is_none(), "{purpose:?}");
        }
    }
}
