//! One file for each scenario: what was reported and when, what each node believes at the end and why, and the mesh and
//! its incidents as two of the nodes report them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use heartbeat::api::RowBody;
use heartbeat::detector::peer::PeerState;
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::view::View;
use heartbeat::mesh::incident::{IncidentChange, Incidents};
use heartbeat::mesh::{self, Member, MeshView, NodeStatus, Row, RowFreshness};
use heartbeat::render::incident::story;
use heartbeat::render::mesh::summary;
use heartbeat::render::{explanation, matrix, span};
use heartbeat::sim::{self, Run, Scenario};

use super::situations::{SEED, all};
use super::{all_as_recorded, compare};

#[test]
fn every_scenario_is_as_recorded() {
    all_as_recorded(all().iter().map(|scenario| compare(&format!("scenarios/{}.txt", scenario.name), &told(scenario))));
}

/// Everything that is recorded of one scenario.
fn told(scenario: &Scenario) -> String {
    // The first node, and the last: the one that most scenarios do something to.
    let mut books: Vec<Book> = [0, scenario.nodes - 1].into_iter().map(Book::new).collect();
    let run = sim::run_observed(scenario, SEED, &mut |at, views| {
        books.iter_mut().for_each(|book| book.look(at, views));
    });
    let mut text = format!("{scenario}\n--- timeline, seed {SEED}\n");
    sim::print_timeline(&run, &mut text).expect("a string takes everything");
    text.push_str("\n--- what each node believes at the end\n");
    for (host, view) in run.views.iter().enumerate() {
        beliefs(host, view.as_ref(), &run, &mut text);
    }
    for book in &books {
        let _ = write!(text, "\n--- the mesh and its incidents, as node-{} reports them\n{}", book.host + 1, book.text);
        book.end(&mut text);
    }
    text
}

fn beliefs(host: usize, view: Option<&View>, run: &Run, text: &mut String) {
    let Some(view) = view else {
        let _ = writeln!(text, "node-{} does not run", host + 1);
        return;
    };
    let _ = writeln!(text, "{} is {}", view.node, view.state);
    for (peer, why) in view.peers.iter().zip(&run.whys[host]) {
        let words = [peer.verdict.map(|verdict| verdict.as_str()), peer.class.map(|class| class.as_str())];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let _ = writeln!(text, "  {}: {} {}", peer.peer.key, peer.peer.state, words.join(" "));
        let _ = writeln!(text, "    {}", explanation(why));
    }
}

/// The mesh as one node reports it, second by second.
pub struct Book {
    host: usize,
    /// The last row of each peer, and when it was given.
    rows: BTreeMap<usize, (Duration, Row)>,
    /// What was shown last.
    shown: Vec<String>,
    incidents: Incidents,
    now: Monotonic,
    text: String,
}

impl Book {
    pub fn new(host: usize) -> Book {
        Book {
            host,
            rows: BTreeMap::new(),
            shown: Vec::new(),
            incidents: Incidents::new(),
            now: Monotonic::default(),
            text: String::new(),
        }
    }

    fn look(&mut self, at: Duration, views: &[Option<View>]) {
        self.now = Monotonic(at);
        let Some((me, view)) = self.gather(at, views) else {
            return;
        };
        let key: Vec<String> = view.node_statuses.iter().zip(&view.rows).map(changes).collect();
        if key != self.shown {
            self.shown = key;
            let _ = write!(self.text, "at {}: {}", span(at), matrix::text(&view, &summary(&view), &me));
        }
        for change in self.incidents.observe(Monotonic(at), &me, &view) {
            let (word, told) = match &change {
                IncidentChange::Opened(told) => ("opened", told),
                IncidentChange::Closed(told) => ("closed", told),
            };
            let _ = writeln!(self.text, "at {}: incident {} {word}: {}", span(at), told.id, story(told));
        }
    }

    /// The rows as this node gets them: its own, those of the peers that answer it, and the last ones of all others.
    pub fn gather(&mut self, at: Duration, views: &[Option<View>]) -> Option<(Member, MeshView)> {
        let own = views[self.host].as_ref()?;
        let me = Member::from(&own.node);
        let mut rows = vec![row(own)];
        for peer in &own.peers {
            let Some(name) = &peer.peer.node else { continue };
            let host = host_of(name.as_str());
            let answers = matches!(peer.peer.state, PeerState::Alive | PeerState::Suspect);
            if let Some(view) = views[host].as_ref().filter(|_| answers) {
                self.rows.insert(host, (at, row(view)));
            }
            rows.push(match self.rows.get(&host) {
                Some((then, row)) if *then == at => row.clone(),
                Some((then, row)) => Row { freshness: RowFreshness::Before, ..row.aged(at - *then) },
                None => Row::never(Member::from(name)),
            });
        }
        Some((me, mesh::view(rows)))
    }

    fn end(&self, text: &mut String) {
        for told in &self.incidents.list(self.now) {
            let word = if told.is_open() { "open" } else { "over" };
            let _ =
                writeln!(text, "at the end: incident {} {word} ({}): {}", told.id, told.verdict.as_str(), story(told));
        }
    }
}

/// What makes a view worth showing again: not its ages.
fn changes((node_status, row): (&NodeStatus, &Row)) -> String {
    let cells: Vec<&str> = row.cells.iter().map(|cell| row.link_status(cell).as_str()).collect();
    format!("{} {} {} {}", node_status.member, node_status.verdict.as_str(), row.freshness.as_str(), cells.join(" "))
}

fn row(view: &View) -> Row {
    RowBody::from(view).into_row(|key| Member::from(host_name(key.as_str()))).expect("a row of its own making")
}

/// Keys are `node-2:8001` or `node-2`.
fn host_name(key: &str) -> &str {
    key.split(':').next().unwrap_or(key)
}

pub fn host_of(name: &str) -> usize {
    name.strip_prefix("node-").and_then(|number| number.parse::<usize>().ok()).expect("a simulated node") - 1
}
