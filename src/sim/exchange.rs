//! What processes say to each other: the simulator's stand-in for client and server.

use std::time::Duration;

use super::network::{Conn, ConnId, Packet, RETRANSMIT_CONNECT, RETRANSMIT_FIRST, Request, Segment, Use};
use super::process::{Input, Timer};
use super::queue::Turn;
use super::world::{Due, World};
use crate::detector::event::Purpose;
use crate::detector::evidence::Evidence;
use crate::detector::limits::{STREAM_COMMENT, STREAM_SILENCE};
use crate::detector::peer::{Answer, BootId, Caller, NodeName, PeerId, PingSource, QuestionId, SelfState, Testimony};
use crate::detector::transmit::Transmit;

impl World<'_> {
    pub(super) fn transmit(&mut self, host: usize, transmit: Transmit) {
        self.trace.effect(self.now, host, &transmit);
        match transmit {
            Transmit::Ping { attempt, peer, purpose, known_rev } => {
                let kept = purpose == Purpose::Scheduled;
                self.ping(host, peer, Use::Ping { attempt, purpose }, known_rev, kept);
            }
            Transmit::Goodbye { peer } => {
                if let Some(process) = &mut self.hosts[host].process {
                    process.goodbyes_open += 1;
                }
                self.ping(host, peer, Use::Goodbye, 0, true);
            }
            Transmit::Cancel { attempt } => {
                let conn = self.hosts[host].process.as_mut().and_then(|process| process.attempts.remove(&attempt));
                conn.map(|conn| self.conns.close(conn));
            }
            Transmit::Ask { question, witness, node, boot } => self.ask(host, question, witness, node, boot),
            Transmit::CancelQuestion { question } => {
                let conn = self.hosts[host].process.as_mut().and_then(|process| process.questions.remove(&question));
                conn.map(|conn| self.conns.close(conn));
            }
            Transmit::Testify { question, testimony } => {
                let conn = self.hosts[host].process.as_mut().and_then(|process| process.asked.remove(&question));
                if let Some(conn) = conn {
                    self.reply(conn, Packet::Testimony(testimony));
                }
            }
            Transmit::OpenStream { peer } => {
                self.close_stream(host, peer);
                let conn = self.open(host, peer, Use::Stream { peer }, Request::Stream);
                if let (Some(conn), Some(process)) = (conn, &mut self.hosts[host].process) {
                    process.streams.insert(peer, conn);
                }
            }
            Transmit::CloseStream { peer } => self.close_stream(host, peer),
            Transmit::PublishNews => self.publish(host),
            // Every peer of a scenario is listed, so no peer is looked for, and none is forgotten.
            Transmit::LookUp { .. }
            | Transmit::Probe { .. }
            | Transmit::CancelProbe { .. }
            | Transmit::Locate { .. }
            | Transmit::Forget { .. } => {}
        }
    }

    fn ping(&mut self, host: usize, peer: PeerId, purpose: Use, known_rev: u64, may_use_kept: bool) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let state = if purpose == Use::Goodbye { SelfState::Leaving } else { process.node.state() };
        let (node, boot, seq) = (process.name.clone(), process.boot, process.seq(now));
        let caller = Caller { node, boot, seq, state, known_rev, ack: None };
        let kept = process.host_of(peer).filter(|_| may_use_kept).and_then(|server| process.kept.remove(&server));
        let conn = match kept {
            Some(id) => self.reuse(id, purpose, caller),
            None => self.open(host, peer, purpose, Request::Ping(caller)),
        };
        if let (Some(conn), Use::Ping { attempt, .. }, Some(process)) = (conn, purpose, &mut self.hosts[host].process) {
            process.attempts.insert(attempt, conn);
        }
    }

    fn reuse(&mut self, id: ConnId, purpose: Use, caller: Caller) -> Option<ConnId> {
        let conn = self.conns.get(id)?;
        conn.purpose = purpose;
        let (from, to, life) = (conn.client, conn.server, conn.server_life?);
        let packet = Packet::Request { life, request: Request::Ping(caller) };
        self.send(Segment::new(id, (from, to), true, packet, RETRANSMIT_FIRST));
        Some(id)
    }

    /// A new connection; `request` follows when it stands.
    fn open(&mut self, host: usize, peer: PeerId, purpose: Use, request: Request) -> Option<ConnId> {
        let process = self.hosts[host].process.as_ref()?;
        let (life, server) = (process.life, process.host_of(peer)?);
        let id = self.conns.open(Conn {
            client: host,
            server,
            purpose,
            server_life: None,
            known: false,
            request: Some(request),
            in_order_after: Duration::ZERO,
            held: Vec::new(),
            resending: false,
            heard: self.now,
        });
        let limit = self.now + self.config.connect_timeout;
        self.queue.push(limit, Turn::First, Due::Timer { host, life, timer: Timer::Connect(id) });
        self.send(Segment::new(id, (host, server), true, Packet::Open, RETRANSMIT_CONNECT));
        Some(id)
    }

    fn ask(&mut self, host: usize, question: QuestionId, witness: PeerId, node: NodeName, boot: BootId) {
        let conn = self.open(host, witness, Use::Question { question }, Request::Question { node, boot });
        if let (Some(conn), Some(process)) = (conn, &mut self.hosts[host].process) {
            process.questions.insert(question, conn);
            let (life, timer) = (process.life, Timer::Question(conn));
            self.queue.push(self.now + self.config.question_limit(), Turn::First, Due::Timer { host, life, timer });
        }
    }

    fn close_stream(&mut self, host: usize, peer: PeerId) {
        let conn = self.hosts[host].process.as_mut().and_then(|process| process.streams.remove(&peer));
        conn.map(|conn| self.conns.close(conn));
    }

    fn publish(&mut self, host: usize) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let news = process.node.news(process.clock(now));
        process.subscribers.retain(|conn| self.conns.get(*conn).is_some());
        for conn in process.subscribers.clone() {
            self.reply(conn, Packet::News(Some(Box::new(news.clone()))));
        }
    }

    /// The process reads one thing, and everything that follows from it is done.
    pub(super) fn hand_in(&mut self, host: usize, input: Input) {
        match input {
            Input::Request { conn, request } => self.serve(host, conn, request),
            Input::Reply { conn, packet } => self.read_reply(host, conn, packet),
        }
        self.drain(host);
    }

    fn serve(&mut self, host: usize, conn: ConnId, request: Request) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let clock = process.clock(now);
        match request {
            Request::Ping(caller) => {
                let answer = process.node.handle_ping(clock, Some(caller.clone()), PingSource::PeerAddress);
                if let Some((answer, conn)) = process.held.hold(&process.node, Some(caller), answer, conn) {
                    self.reply(conn, Packet::Answer(Box::new(answer)));
                }
            }
            Request::Stream => {
                process.subscribers.retain(|conn| self.conns.get(*conn).is_some());
                process.subscribers.push(conn);
                let life = process.life;
                self.reply(conn, Packet::StreamOpened);
                let timer = Timer::Comment(conn);
                self.queue.push(now + STREAM_COMMENT, Turn::First, Due::Timer { host, life, timer });
            }
            Request::Question { node, boot } => {
                process.asked_so_far += 1;
                let question = QuestionId(process.asked_so_far);
                process.asked.insert(question, conn);
                process.node.handle_question(clock, question, node, boot);
            }
        }
    }

    fn read_reply(&mut self, host: usize, id: ConnId, packet: Packet) {
        let now = self.now;
        let Some(conn) = self.conns.get(id) else { return };
        match packet {
            Packet::Opened { life } => self.connected(host, id, life),
            Packet::Reset | Packet::End => self.closed(host, id, Evidence::Refused),
            Packet::Answer(answer) => self.answered(host, id, *answer),
            Packet::Testimony(testimony) => {
                if let Use::Question { question } = conn.purpose {
                    self.conns.close(id);
                    self.testimony(host, question, testimony);
                }
            }
            Packet::StreamOpened => {
                conn.heard = now;
                let Use::Stream { peer } = conn.purpose else { return };
                let Some(process) = &mut self.hosts[host].process else { return };
                process.node.handle_stream_opened(process.clock(now), peer);
                let (life, timer) = (process.life, Timer::StreamRead(id));
                self.queue.push(now + STREAM_SILENCE, Turn::First, Due::Timer { host, life, timer });
            }
            Packet::News(news) => {
                conn.heard = now;
                if let (Use::Stream { peer }, Some(news)) = (conn.purpose, news) {
                    self.news(host, peer, *news);
                }
            }
            Packet::Open | Packet::Request { .. } => {}
        }
    }

    fn connected(&mut self, host: usize, id: ConnId, life: u32) {
        let now = self.now;
        let Some(conn) = self.conns.get(id) else { return };
        conn.server_life = Some(life);
        conn.known = true;
        let (from, to, purpose, request) = (conn.client, conn.server, conn.purpose, conn.request.take());
        if let (Use::Ping { attempt, purpose }, Some(process)) = (purpose, &mut self.hosts[host].process)
            && purpose != Purpose::Scheduled
        {
            process.node.handle_connected(process.clock(now), attempt);
        }
        if let Some(request) = request {
            let packet = Packet::Request { life, request };
            self.send(Segment::new(id, (from, to), true, packet, RETRANSMIT_FIRST));
        }
    }

    fn answered(&mut self, host: usize, id: ConnId, answer: Answer) {
        let now = self.now;
        let Some(conn) = self.conns.get(id) else { return };
        let server = conn.server;
        let Use::Ping { attempt, purpose } = conn.purpose else {
            self.closed(host, id, Evidence::Answered);
            return;
        };
        let Some(process) = &mut self.hosts[host].process else { return };
        process.attempts.remove(&attempt);
        if purpose == Purpose::Scheduled {
            conn.purpose = Use::Kept;
            process.kept.insert(server, id);
        } else {
            self.conns.close(id);
        }
        let clock = process.clock(now);
        let boot = answer.boot;
        process.node.handle_answer(clock, attempt, answer);
        // A node that is leaving judges no peer any more.
        if !process.leaving
            && let Some(checks) = &mut self.checks
            && checks.doubts(&self.truth, host, server, boot)
        {
            let view = process.node.view(clock);
            let subjects: Vec<_> = view.peers.iter().map(|peer| process.host_of(peer.peer.id)).collect();
            checks.proof_of_boot(&self.truth, host, server, boot, &view, &subjects);
        }
    }

    fn testimony(&mut self, host: usize, question: QuestionId, testimony: Testimony) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        process.questions.remove(&question);
        let clock = process.clock(now);
        let before = self.checks.is_some().then(|| process.node.view(clock));
        process.node.handle_testimony(clock, question, testimony);
        if let (Some(checks), Some(before)) = (&mut self.checks, before) {
            checks.hearsay(&self.truth, host, "a testimony", &before, &process.node.view(clock));
        }
    }

    fn news(&mut self, host: usize, peer: PeerId, news: Answer) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let clock = process.clock(now);
        let before = self.checks.is_some().then(|| process.node.view(clock));
        process.node.handle_stream_news(clock, peer, news);
        if let (Some(checks), Some(before)) = (&mut self.checks, before) {
            checks.hearsay(&self.truth, host, "news on a stream", &before, &process.node.view(clock));
        }
    }

    /// The connection has ended at the client.
    fn closed(&mut self, host: usize, id: ConnId, evidence: Evidence) {
        let now = self.now;
        let Some(conn) = self.conns.close(id) else { return };
        let Some(process) = &mut self.hosts[host].process else { return };
        match conn.purpose {
            Use::Ping { attempt, .. } => {
                process.attempts.remove(&attempt);
                process.node.handle_failure(process.clock(now), attempt, evidence);
            }
            Use::Kept => {
                process.kept.remove(&conn.server);
            }
            Use::Stream { peer } => {
                process.streams.remove(&peer);
                process.node.handle_stream_ended(process.clock(now), peer);
            }
            Use::Question { question } => self.testimony(host, question, Testimony::NoOpinion),
            Use::Goodbye => process.goodbyes_open = process.goodbyes_open.saturating_sub(1),
        }
    }

    pub(super) fn timer(&mut self, host: usize, timer: Timer) {
        let now = self.now;
        let Some(life) = self.hosts[host].process.as_ref().map(|process| process.life) else { return };
        match timer {
            Timer::Connect(id) => {
                if self.conns.get(id).is_some_and(|conn| !conn.known) {
                    self.closed(host, id, Evidence::Silent);
                }
            }
            Timer::Question(id) => self.closed(host, id, Evidence::Stalled),
            Timer::StreamRead(id) => {
                let Some(heard) = self.conns.get(id).map(|conn| conn.heard) else { return };
                if now.saturating_sub(heard) >= STREAM_SILENCE {
                    self.closed(host, id, Evidence::Silent);
                } else {
                    self.queue.push(heard + STREAM_SILENCE, Turn::First, Due::Timer { host, life, timer });
                }
            }
            Timer::Comment(id) => {
                if self.conns.get(id).is_some() {
                    self.reply(id, Packet::News(None));
                    self.queue.push(now + STREAM_COMMENT, Turn::First, Due::Timer { host, life, timer });
                }
            }
            Timer::LeaveEnd => self.end_process(host, true),
        }
    }
}
