//! Meshes for pictures: the same to the last byte each time, so that a picture can say of what it was made.

use std::time::Duration;

use heartbeat::detector::peer::{BootId, PeerState, SelfState, Verdict};
use heartbeat::mesh::{self, Cell, Member, Row, RowFreshness};
use heartbeat::testing::http::{Happening, IncidentRow, Me, Page};
use heartbeat::testing::mesh_service::{Mark, Run};

/// A mesh, told by its first node.
pub struct Scene {
    pub names: Vec<String>,
    /// Nodes that are down, by place.
    pub dead: Vec<usize>,
    /// Nodes whose report does not arrive: they are on the other side of a split.
    pub unheard: Vec<usize>,
    /// Links that are broken, and how: from, to, verdict.
    pub broken: Vec<(usize, usize, Verdict)>,
    /// Nodes that the others suspect.
    pub suspect: Vec<usize>,
    pub degraded: Vec<(usize, usize)>,
    pub only_bad: bool,
}

impl Scene {
    /// `count` nodes that all reach each other.
    pub fn whole(count: usize) -> Scene {
        let names = (1..=count).map(|number| format!("node-{number}")).collect();
        Scene {
            names,
            dead: vec![],
            unheard: vec![],
            broken: vec![],
            suspect: vec![],
            degraded: vec![],
            only_bad: false,
        }
    }

    pub fn with_dead(self, dead: &[usize]) -> Scene {
        Scene { dead: dead.to_vec(), ..self }
    }

    /// Broken in both directions.
    pub fn with_broken(mut self, links: &[(usize, usize)]) -> Scene {
        for &(one, other) in links {
            self.broken.push((one, other, Verdict::LinkBroken));
            self.broken.push((other, one, Verdict::LinkBroken));
        }
        self
    }

    /// Two sides that do not hear each other, as the first one sees it.
    pub fn with_split(mut self, side: &[usize]) -> Scene {
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..self.names.len()).partition(|at| side.contains(at));
        self.broken =
            inside.iter().flat_map(|&from| outside.iter().map(move |&to| (from, to, Verdict::CutOff))).collect();
        Scene { unheard: outside, ..self }
    }

    fn cell(&self, from: usize, to: usize) -> Cell {
        let broken = self.broken.iter().find(|link| (link.0, link.1) == (from, to)).map(|link| link.2);
        let (state, verdict) = match (self.dead.contains(&to), broken, self.suspect.contains(&to)) {
            (true, ..) => (PeerState::Dead, Some(Verdict::Down)),
            (_, Some(verdict), _) => (PeerState::Unreachable, Some(verdict)),
            (_, _, true) => (PeerState::Suspect, None),
            _ => (PeerState::Alive, None),
        };
        let heard = Some(Duration::from_millis(if state == PeerState::Alive { 400 } else { 42_000 }));
        // Round trips that differ a little, as they do.
        let rtt = 240 + (from * 37 + to * 53) % 190;
        Cell {
            verdict,
            boot: Some(BootId(7)),
            last_proof: heard,
            last_answer: heard,
            state_age: Duration::from_secs(40),
            rtt: Some(Duration::from_micros(u64::try_from(rtt).expect("small"))),
            degraded: self.degraded.contains(&(from, to)),
            pings_me: broken == Some(Verdict::OneWay),
            ..Cell::new(Member::from(&*self.names[to]), state)
        }
    }

    fn row(&self, from: usize) -> Row {
        let is_unheard = self.dead.contains(&from) || self.unheard.contains(&from);
        let alive = |to: usize| {
            let peer = Member::from(&*self.names[to]);
            Cell { boot: Some(BootId(7)), ..Cell::new(peer, PeerState::Alive) }
        };
        let others = (0..self.names.len()).filter(|to| *to != from);
        Row {
            freshness: if is_unheard { RowFreshness::Before } else { RowFreshness::Now },
            as_of: Some(Duration::from_secs(if is_unheard { 42 } else { 0 })),
            boot: Some(BootId(7)),
            state: Some(SelfState::Ready),
            up_for: Some(Duration::from_secs(7_530)),
            cells: others.map(|to| if is_unheard { alive(to) } else { self.cell(from, to) }).collect(),
            ..Row::never(Member::from(&*self.names[from]))
        }
    }

    fn strip(&self, member: &str) -> Vec<Run> {
        let at = self.names.iter().position(|name| name == member).expect("one of them");
        let run = |mark, slots| Run { mark, slots };
        let has_broken = self.broken.iter().any(|link| link.1 == at);
        match (self.dead.contains(&at), has_broken, at % 7) {
            (true, ..) => vec![run(Mark::Up, 85), run(Mark::Partly, 1), run(Mark::Down, 4)],
            (_, true, _) => vec![run(Mark::Up, 86), run(Mark::Partly, 4)],
            (_, _, 3) => vec![run(Mark::Up, 40), run(Mark::Partly, 5), run(Mark::Up, 45)],
            _ => vec![run(Mark::Up, 90)],
        }
    }

    /// The page of its first node.
    pub fn html(&self) -> String {
        let view = mesh::view((0..self.names.len()).map(|from| self.row(from)).collect());
        let summary = heartbeat::render::mesh::summary(&view);
        let (began, now) = ("2026-01-01T10:46:08.000Z", "2026-01-01T10:46:52.000Z");
        let incident = IncidentRow {
            open: true,
            began: began.to_owned(),
            began_age: Duration::from_secs(44),
            ended_age: None,
            verdict: "down".to_owned(),
            story: summary.findings.first().map(|finding| finding.text.clone()).unwrap_or_default(),
            from: None,
        };
        let happening = Happening {
            at: began.to_owned(),
            grave: true,
            event: "incident_opened".to_owned(),
            sentence: format!("incident 1 opened: {}", incident.story),
        };
        let is_bad = !view.whole;
        let page = Page {
            me: Me {
                node: &self.names[0],
                boot: Some(BootId(0x5eed)),
                state: Some(SelfState::Ready),
                version: "x",
                revision: "x",
                started: "2026-01-01T08:41:22.000Z".to_owned(),
                up_for: Duration::from_secs(7_530),
                tolerated_pause: Duration::from_millis(8_900),
            },
            summary: &summary,
            age: Duration::ZERO,
            asked: self.names.len() - 1,
            answered: self.names.len() - 1 - (self.dead.len() + self.unheard.len()),
            now: now.to_owned(),
            strips: view.rows.iter().map(|row| self.strip(row.observer.as_str())).collect(),
            incidents: is_bad.then_some(incident).into_iter().collect(),
            happenings: is_bad.then_some(happening).into_iter().collect(),
            only_bad: self.only_bad,
            mesh: &view,
        };
        page.html()
    }
}

/// Hosts of several kinds, as a large mesh has them.
pub fn hundred() -> Scene {
    let names = ["db", "cache", "web", "worker"].iter().zip([12, 8, 40, 40]);
    let names = names.flat_map(|(kind, count)| (1..=count).map(move |number| format!("{kind}-{number}"))).collect();
    Scene { names, ..Scene::whole(1) }
}
