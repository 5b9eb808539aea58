//! Packets and the effects that detectors ask for, in the encoding of the trace.

use super::Trace;
use crate::detector::maintenance::Announcement;
use crate::detector::peer::{Accusation, Answer, Caller, Testimony, WatchDelta, Watched};
use crate::detector::transmit::Transmit;
use crate::sim::network::{Packet, Request, Segment};

impl Trace {
    pub(super) fn segment(&mut self, segment: &Segment) {
        let Segment { conn, from, to, by_client, packet, sends, again, note: _ } = segment;
        let (slot, uses) = conn.numbers();
        self.numbers(&[slot, uses, *sends]);
        self.number(*from as u64);
        self.number(*to as u64);
        self.number(*by_client);
        self.time(*again);
        self.packet(packet);
    }

    fn packet(&mut self, packet: &Packet) {
        match packet {
            Packet::Open => self.text("open"),
            Packet::Opened { life } => {
                self.text("opened");
                self.number(*life);
            }
            Packet::Reset => self.text("reset"),
            Packet::End => self.text("end"),
            Packet::Request { life, request } => {
                self.text("request");
                self.number(*life);
                self.request(request);
            }
            Packet::Answer(answer) => {
                self.text("answer");
                self.answer(answer);
            }
            Packet::Testimony(testimony) => {
                self.text("testimony");
                self.testimony(*testimony);
            }
            Packet::StreamOpened => self.text("stream_opened"),
            Packet::News(news) => {
                self.text("news");
                self.maybe(news.as_deref(), Trace::answer);
            }
        }
    }

    fn request(&mut self, request: &Request) {
        match request {
            Request::Ping(caller) => {
                let Caller { node, boot, seq, state, known_rev, ack: _ } = caller;
                self.text("ping");
                self.node(node);
                self.boot(*boot);
                self.number(seq.0);
                self.text(state.as_str());
                self.number(*known_rev);
            }
            Request::Stream => self.text("stream"),
            Request::Question { node, boot } => {
                self.text("question");
                self.node(node);
                self.boot(*boot);
            }
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let Answer { node, boot, seq, state, version, accusations, watch, maintenance } = answer;
        self.node(node);
        self.boot(*boot);
        self.number(seq.0);
        self.text(state.as_str());
        self.text(version);
        self.list(accusations, |trace, Accusation { node, boot, class, silent_for }| {
            trace.node(node);
            trace.boot(*boot);
            trace.text(class.as_str());
            trace.time(*silent_for);
        });
        let WatchDelta { since, rev, peers } = watch;
        self.number(*since);
        self.number(*rev);
        self.list(peers, |trace, Watched { node, boot, state }| {
            trace.node(node);
            trace.boot(*boot);
            trace.maybe(*state, |trace, state| trace.text(state.as_str()));
        });
        self.maybe(maintenance.as_ref(), |trace, announcement| match announcement {
            Announcement::On(maintenance) => {
                trace.text("on");
                trace.maintenance(maintenance);
            }
            Announcement::Off => trace.text("off"),
        });
    }

    fn testimony(&mut self, testimony: Testimony) {
        match testimony {
            Testimony::Answered { boot } => {
                self.text("answered");
                self.boot(boot);
            }
            Testimony::Failed { evidence } => {
                self.text("failed");
                self.text(evidence.as_str());
            }
            Testimony::Left => self.text("left"),
            Testimony::NoOpinion => self.text("no_opinion"),
        }
    }

    pub(super) fn transmit(&mut self, transmit: &Transmit) {
        match transmit {
            Transmit::Ping { attempt, peer, purpose, known_rev } => {
                self.text("ping");
                self.number(attempt.0);
                self.number(peer.0);
                self.text(purpose.as_str());
                self.number(*known_rev);
            }
            Transmit::Cancel { attempt } => self.numbered("cancel", attempt.0),
            Transmit::Ask { question, witness, node, boot } => {
                self.numbered("ask", question.0);
                self.number(witness.0);
                self.node(node);
                self.boot(*boot);
            }
            Transmit::CancelQuestion { question } => self.numbered("cancel_question", question.0),
            Transmit::Testify { question, testimony } => {
                self.numbered("testify", question.0);
                self.testimony(*testimony);
            }
            Transmit::OpenStream { peer } => self.numbered("open_stream", peer.0),
            Transmit::CloseStream { peer } => self.numbered("close_stream", peer.0),
            Transmit::Goodbye { peer } => self.numbered("goodbye", peer.0),
            Transmit::PublishNews => self.text("publish_news"),
            Transmit::LookUp { id, name } => {
                self.numbered("look_up", id.0);
                self.text(&name.to_string());
            }
            Transmit::Probe { probe, address } => {
                self.numbered("probe", probe.0);
                self.text(&address.to_string());
            }
            Transmit::CancelProbe { probe } => self.numbered("cancel_probe", probe.0),
            Transmit::Locate { peer, address } => {
                self.numbered("locate", peer.0);
                self.text(&address.to_string());
            }
            Transmit::Forget { peer } => self.numbered("forget", peer.0),
        }
    }
}
