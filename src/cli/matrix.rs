//! `heartbeat matrix`: which node reaches which, as one node collects it.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;

use super::address::Reader;
use super::answer::{fine, name};
use super::ask::Place;
use super::exit::{Exit, Failure, Outcome, until_asked, usual_end};
use super::layout::folds;
use super::live::Live;
use super::output::{Cell, Output, Paint};
use super::watch::{LOOK_EVERY, Update, contact, watch};
use crate::api::text::Text;
use crate::api::{MatrixBody, MatrixCellBody, MatrixRowBody};
use crate::config::environment::Environment;
use crate::mesh::{LinkStatus, Member, RowFreshness};
use crate::render::matrix::{COLUMNS_MAX, Entry, Measurement, said};

const PATH: &str = "/api/v1/matrix";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat matrix                         which node reaches which, with the last round trip
  heartbeat matrix --rtt --watch           the last and the 99th percentile, once a second
  heartbeat matrix --loss --addr=:8002     failed of the last ten pings, asked of another node
  heartbeat matrix --json | jq -r .sentence

A row is what one node reports about its links. In brackets: last known, not current; the node did not
answer, so its row counts neither as good nor as bad.
With --watch a pipe gets a new block, or with --json a new line, when something other than a
figure has changed, and when the node stops answering (contact_lost) or answers again
(contact_restored); Ctrl-C ends it.
`heartbeat verify` gives a verdict on it.
Exit codes: 0 shown, 69 the node cannot be reached.")]
pub(crate) struct Matrix {
    #[command(flatten)]
    pub reader: Reader,
    /// Show the last round trip and the 99th percentile
    #[arg(long, conflicts_with = "loss")]
    pub rtt: bool,
    /// Show how many of the last ten pings failed
    #[arg(long)]
    pub loss: bool,
    /// Look again every second, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// Print the node's own JSON (`/api/v1/matrix`)
    #[arg(long)]
    pub json: bool,
}

/// Shows the matrix once, or again and again.
///
/// # Errors
/// When the node cannot be reached, or not at first.
pub(crate) async fn matrix(command: &Matrix, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.reader.place(environment)?;
    if command.watch {
        return until_asked(watch_matrix(command, &place, Live::new(output, command.json)), usual_end).await;
    }
    picture(command, &ask(&place).await?, &output).iter().try_for_each(|line| output.line(line))?;
    Ok(Exit::Success)
}

/// What the node answered: as it came, and in its shape.
struct Seen {
    text: String,
    matrix: MatrixBody,
}

async fn ask(place: &Place) -> Result<Seen, Failure> {
    let mut answer = place.ask(PATH, "a matrix").await?;
    Ok(Seen { text: std::mem::take(&mut answer.body), matrix: answer.into_shape()? })
}

async fn watch_matrix(command: &Matrix, place: &Place, mut live: Live) -> Outcome {
    let mut last: Option<Seen> = None;
    watch(
        async || ask(place).await,
        || LOOK_EVERY,
        None,
        |update| {
            let note = match update {
                Update::Answer { answer, silence } => {
                    last = Some(answer);
                    silence.map(|silence| (Paint::Good, contact::restored(place, silence, None, command.json)))
                }
                Update::NoAnswer { why, .. } if last.is_none() => return Err(why),
                Update::NoAnswer { why, silence, .. } => {
                    Some((Paint::Bad, contact::lost(place, silence, &why, command.json)))
                }
                Update::Event(_) | Update::EventsLost(_) | Update::EventsRestored => return Ok(None),
            };
            if let Some(seen) = &last {
                redraw(command, seen, note, &mut live)?;
            }
            Ok(None)
        },
    )
    .await
}

/// The matrix and, above it, that the node is silent or back.
fn redraw(command: &Matrix, seen: &Seen, note: Option<(Paint, String)>, live: &mut Live) -> std::io::Result<()> {
    let mut lines = picture(command, seen, &live.output);
    let mut about = about(&seen.matrix);
    if let Some((paint, note)) = note {
        let is_silent = paint == Paint::Bad;
        about.push_str(if is_silent { "silent" } else { "back" });
        // The old picture is not current, and only a screen has to be drawn again.
        if !live.in_place() && is_silent {
            lines.clear();
        }
        lines.insert(0, if command.json { note } else { live.output.paint(paint, &note) });
    }
    if !live.in_place() && !command.json {
        lines.push(String::new());
    }
    live.show(lines, about)
}

fn picture(command: &Matrix, seen: &Seen, output: &Output) -> Vec<String> {
    let Seen { text, matrix } = seen;
    if command.json {
        return vec![text.clone()];
    }
    let paint = if matrix.whole { Paint::Good } else { Paint::Bad };
    let figure = match (command.rtt, command.loss) {
        (true, _) => Measurement::RoundTrips,
        (_, true) => Measurement::Loss,
        _ => Measurement::Last,
    };
    let shows = match figure {
        Measurement::Last => "",
        Measurement::RoundTrips => ", round trips: last / 99th percentile",
        Measurement::Loss => ", loss: failed of the last ten pings",
    };
    let mut lines = output.prose(paint, "", 0, &matrix.sentence);
    lines.push(String::new());
    lines.extend(output.prose(Paint::Plain, "", 0, &format!("as reported by {}{shows}:", name(&matrix.node))));
    if matrix.members.len() > COLUMNS_MAX {
        lines.extend(list(matrix, output));
        return lines;
    }
    let (mut heading, mut rows) = table(matrix, &matrix.members, figure);
    let folds = folds(&heading, &rows, output.width());
    if folds {
        // What one looks for is in the first block.
        (heading, rows) = table(matrix, &troubled_first(matrix), figure);
    }
    lines.extend(output.table_lines(heading, &rows));
    if matrix.rows.iter().any(|row| heard(row) == RowFreshness::Before) {
        lines.extend(output.prose(Paint::Faint, "", 0, "(in brackets: last known, not current)"));
    }
    if folds && !command.watch {
        // The first lines may have left the screen.
        lines.push(String::new());
        lines.extend(output.prose(paint, "", 0, &matrix.sentence));
    }
    lines
}

/// Heading and rows with these members as columns.
fn table(matrix: &MatrixBody, members: &[Text<Member>], figure: Measurement) -> (Vec<String>, Vec<Vec<Cell>>) {
    let heading = ["OBSERVER", "REPORTED"].into_iter().map(str::to_owned).chain(members.iter().map(name));
    (heading.collect(), matrix.rows.iter().map(|row| table_row(row, members, figure)).collect())
}

/// The members that some observer does not reach, then those in doubt, then the others, each in their order.
fn troubled_first(matrix: &MatrixBody) -> Vec<Text<Member>> {
    let rank = |member: &Text<Member>| {
        let cells = matrix.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.peer == *member);
        let ranks = cells.map(|cell| match link_status(cell) {
            LinkStatus::Bad => 0,
            LinkStatus::Doubt => 1,
            LinkStatus::Good | LinkStatus::Waiting | LinkStatus::Left | LinkStatus::Unknown => 2,
        });
        ranks.min().unwrap_or(2)
    };
    let mut members = matrix.members.clone();
    members.sort_by_cached_key(rank);
    members
}

fn table_row(row: &MatrixRowBody, members: &[Text<Member>], figure: Measurement) -> Vec<Cell> {
    let cells = members.iter().map(|member| {
        let cell = row.cells.iter().find(|cell| cell.peer == *member);
        match cell {
            _ if *member == row.observer => Cell::new(Paint::Faint, "."),
            Some(cell) => table_cell(cell, figure),
            None => Cell::new(Paint::Faint, if heard(row) == RowFreshness::Never { "?" } else { "-" }),
        }
    });
    observer_cells(row).into_iter().chain(cells).collect()
}

fn observer_cells(row: &MatrixRowBody) -> Vec<Cell> {
    let heard = heard(row);
    let paint = if heard == RowFreshness::Now && !row.stalled { Paint::Plain } else { Paint::Doubtful };
    let as_of = row.as_of_ms.map(Duration::from_millis);
    vec![Cell::plain(name(&row.observer)), Cell::new(paint, said(heard, row.stalled, as_of))]
}

fn table_cell(cell: &MatrixCellBody, figure: Measurement) -> Cell {
    let link_status = link_status(cell);
    let verdict = cell.verdict.as_ref().map(Text::as_str);
    let entry = Entry {
        link_status,
        state: &cell.state.as_str(),
        verdict: verdict.as_deref().filter(|verdict| !verdict.is_empty()),
        rtt: cell.rtt_ms.and_then(fine),
        rtt_p99: cell.rtt_p99_ms.and_then(fine),
        loss: cell.loss.map(|loss| (loss.clamp(0.0, 1.0) * 1000.0).round() as u16),
    };
    let paint = match link_status {
        LinkStatus::Good => Paint::Good,
        LinkStatus::Doubt => Paint::Doubtful,
        LinkStatus::Bad => Paint::Bad,
        LinkStatus::Waiting | LinkStatus::Left | LinkStatus::Unknown => Paint::Faint,
    };
    Cell::new(paint, entry.text(figure))
}

/// A mesh that is too large for a table: one line an observer.
fn list(matrix: &MatrixBody, output: &Output) -> Vec<String> {
    let count = |row: &MatrixRowBody, of: &[LinkStatus]| {
        let count = row.cells.iter().filter(|cell| of.contains(&link_status(cell))).count();
        Cell::plain(count.to_string())
    };
    let line = |row: &MatrixRowBody| {
        let mut cells = observer_cells(row);
        cells.push(count(row, &[LinkStatus::Good, LinkStatus::Doubt]));
        cells.push(count(row, &[LinkStatus::Bad]));
        cells
    };
    let rows: Vec<Vec<Cell>> = matrix.rows.iter().map(line).collect();
    output.table_lines(["OBSERVER", "REPORTED", "REACHES", "MISSES"].map(str::to_owned).into(), &rows)
}

/// A word that is not known here is no news.
fn link_status(cell: &MatrixCellBody) -> LinkStatus {
    cell.reading.known().copied().unwrap_or(LinkStatus::Unknown)
}

fn heard(row: &MatrixRowBody) -> RowFreshness {
    row.heard.known().copied().unwrap_or(RowFreshness::Never)
}

/// Everything of a matrix that is not a figure: when this changes, something happened.
fn about(matrix: &MatrixBody) -> String {
    let mut about = matrix.whole.to_string();
    for MatrixRowBody { observer, heard, state, stalled, cells, .. } in &matrix.rows {
        let _ = write!(about, "\n{observer}\n{heard}\n{}", state.clone().unwrap_or_default());
        about.push_str(if *stalled { " stalled" } else { "" });
        for MatrixCellBody { peer, reading, state, verdict, .. } in cells {
            let _ = write!(about, "\t{peer}\t{reading}\t{state}\t{}", verdict.clone().unwrap_or_default());
        }
    }
    about
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::answer::Answer;

    const ANSWER: &str = r#"{"node":"node-1","age_ms":3,"sentence":"node-3 is down for 3 s","whole":false,
        "members":["node-1","node-2","node-3"],"rows":[
        {"observer":"node-1","heard":"now","as_of_ms":0,"state":"ready","stalled":false,"cells":[
            {"peer":"node-2","reading":"good","state":"alive","verdict":null,"rtt_ms":0.846,"rtt_p99_ms":2.5,"loss":0.1},
            {"peer":"node-3","reading":"bad","state":"dead","verdict":"down","rtt_ms":1,"rtt_p99_ms":1,"loss":1}]},
        {"observer":"node-2","heard":"before","as_of_ms":131000,"state":"ready","stalled":false,"cells":[
            {"peer":"node-1","reading":"unknown","state":"alive","verdict":null,"rtt_ms":0.5,"rtt_p99_ms":2,"loss":0},
            {"peer":"node-3","reading":"hopeful","state":"improving","verdict":null}]},
        {"observer":"node-3","heard":"never","as_of_ms":null,"state":null,"stalled":false,"cells":[]}]}"#;

    fn seen(text: &str) -> Seen {
        let matrix = Answer::new(text.into(), "a matrix").unwrap().into_shape().unwrap();
        Seen { text: text.into(), matrix }
    }

    fn show(figure: Measurement, text: &str, terminal: bool) -> String {
        let command = Matrix {
            reader: Reader::default(),
            rtt: figure == Measurement::RoundTrips,
            loss: figure == Measurement::Loss,
            watch: false,
            json: false,
        };
        picture(&command, &seen(text), &Output::to(Box::new(std::io::sink()), terminal)).join("\n")
    }

    #[test]
    fn a_row_from_before_is_never_shown_as_good() {
        let expected = "\
node-3 is down for 3 s

as reported by node-1:
OBSERVER  REPORTED     node-1   node-2   node-3
node-1    now          .        0.84 ms  down
node-2    2 min 11 s ago  (alive)  .        (improving)
node-3    never        ?        ?        .
(in brackets: last known, not current)";
        let squeezed = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(squeezed(&show(Measurement::Last, ANSWER, false)), squeezed(expected));
        assert!(show(Measurement::RoundTrips, ANSWER, false).contains(".        0.84 / 2.50 ms  down"));
        assert!(show(Measurement::Loss, ANSWER, false).contains(".        10 %    down"));
        assert!(!show(Measurement::Last, ANSWER, false).contains('\x1b'));
        assert!(show(Measurement::Last, ANSWER, true).contains("\x1b[31mdown\x1b[0m"));
    }

    #[test]
    fn names_cannot_break_the_table() {
        let name = "x\\u001b[2J\\u202e|<b>\\n".repeat(1000);
        for terminal in [false, true] {
            let text = show(Measurement::Last, &ANSWER.replace("node-2", &name).replace("improving", &name), terminal);
            assert_eq!(text.lines().count(), 8, "{text}");
            assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
            assert!(!text.contains("\x1b[2J") && !text.contains('\u{202e}'), "{text}");
        }
    }

    #[test]
    fn a_matrix_that_folds_begins_with_what_is_wrong() {
        let command = Matrix { reader: Reader::default(), rtt: false, loss: false, watch: false, json: false };
        let names: Vec<String> = (1..=32).map(|number| format!("node-{number}")).collect();
        let cell = |peer: &String| match &**peer {
            "node-31" => r#"{"peer":"node-31","reading":"bad","state":"dead","verdict":"down"}"#.to_owned(),
            _ => format!(r#"{{"peer":"{peer}","reading":"good","state":"alive","rtt_ms":0.4}}"#),
        };
        let row = |observer: &String| {
            let cells: Vec<String> = names.iter().filter(|peer| *peer != observer).map(cell).collect();
            format!(r#"{{"observer":"{observer}","heard":"now","as_of_ms":0,"cells":[{}]}}"#, cells.join(","))
        };
        let rows: Vec<String> = names.iter().map(row).collect();
        let text = format!(
            r#"{{"node":"node-1","sentence":"node-31 has been down for 3 s; node-1 and 30 others agree","members":{},"rows":[{}]}}"#,
            serde_json::to_string(&names).unwrap(),
            rows.join(",")
        );
        for width in [40, 60, 80, 200] {
            let lines = picture(&command, &seen(&text), &Output::of_size(width, 24));
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:#?}");
            let first = lines.iter().find(|line| line.starts_with("OBSERVER")).unwrap();
            assert!(first.split_whitespace().nth(2) == Some("node-31"), "{width}: {first}");
            let sentence = lines.last().unwrap();
            assert!(sentence.ends_with("agree"), "{width}: {sentence}");
        }
        let piped = picture(&command, &seen(&text), &Output::to(Box::new(std::io::sink()), false));
        assert!(piped[3].starts_with("OBSERVER  REPORTED  node-1   node-2   node-3"), "{}", piped[3]);
        assert_eq!(piped.len(), 3 + 33);
    }

    #[test]
    fn figures_are_no_change() {
        let about = |text: &str| super::about(&seen(text).matrix);
        let other = ANSWER.replace("0.846", "0.9").replace("131000", "132000").replace("for 3 s", "for 4 s");
        assert_eq!(about(ANSWER), about(&other));
        assert_ne!(about(ANSWER), about(&ANSWER.replace("\"now\"", "\"before\"")));
        assert_ne!(about(ANSWER), about(&ANSWER.replace("\"down\"", "\"unconfirmed\"")));
    }

    #[test]
    fn a_large_mesh_is_listed() {
        let members: Vec<String> = (0..40).map(|number| format!("\"node-{number}\"")).collect();
        let text =
            show(Measurement::Last, &ANSWER.replace("\"node-1\",\"node-2\",\"node-3\"", &members.join(",")), false);
        assert!(
            text.contains("OBSERVER  REPORTED        REACHES  MISSES\nnode-1    now             1        1"),
            "{text}"
        );
    }
}
