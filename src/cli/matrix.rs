//! `heartbeat matrix`: which node reaches which, as one node collects it.

use clap::Args;

use super::address::Address;
use super::answer::{Answer, Part};
use super::ask::Place;
use super::exit::{Exit, Failure, Outcome, until_asked, usual_end};
use super::live::Live;
use super::output::{Cell, Output, Paint};
use super::watch::{LOOK_EVERY, Update, contact, watch};
use crate::config::environment::Environment;
use crate::mesh::{LinkStatus, RowFreshness};
use crate::render::matrix::{COLUMNS_MAX, Entry, Measurement, said, short};

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
    pub address: Address,
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
    let place = command.address.place(environment)?;
    if command.watch {
        return until_asked(watch_matrix(command, &place, Live::new(output, command.json)), usual_end).await;
    }
    let answer = ask(&place).await?;
    picture(command, answer.root(), &answer.body, &output).iter().try_for_each(|line| output.line(line))?;
    Ok(Exit::Success)
}

async fn ask(place: &Place) -> Result<Answer, Failure> {
    place.ask(PATH, "a matrix").await
}

async fn watch_matrix(command: &Matrix, place: &Place, mut live: Live) -> Outcome {
    let mut last: Option<Answer> = None;
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
            if let Some(matrix) = &last {
                redraw(command, matrix, note, &mut live)?;
            }
            Ok(None)
        },
    )
    .await
}

/// The matrix and, above it, that the node is silent or back.
fn redraw(command: &Matrix, matrix: &Answer, note: Option<(Paint, String)>, live: &mut Live) -> std::io::Result<()> {
    let mut lines = picture(command, matrix.root(), &matrix.body, &live.output);
    let mut about = about(matrix.root());
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

fn picture(command: &Matrix, matrix: Part<'_>, body: &str, output: &Output) -> Vec<String> {
    if command.json {
        return vec![body.to_owned()];
    }
    let paint = if matrix.flag("whole") { Paint::Good } else { Paint::Bad };
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
    let mut lines = vec![output.paint(paint, matrix.text("sentence")), String::new()];
    lines.push(format!("as reported by {}{shows}:", matrix.name("node")));
    let members: Vec<&str> = matrix.parts("members").filter_map(|member| member.0.as_str()).collect();
    if members.len() > COLUMNS_MAX {
        lines.extend(list(matrix, output));
        return lines;
    }
    let heading = ["OBSERVER", "REPORTED"].into_iter().map(str::to_owned).chain(members.iter().map(|name| short(name)));
    let rows: Vec<Vec<Cell>> = matrix.parts("rows").map(|row| table_row(row, &members, figure)).collect();
    lines.extend(output.table_lines(heading.collect(), &rows));
    if matrix.parts("rows").any(|row| row.text("heard") == RowFreshness::Before.as_str()) {
        lines.push(output.paint(Paint::Faint, "(in brackets: last known, not current)"));
    }
    lines
}

fn table_row(row: Part<'_>, members: &[&str], figure: Measurement) -> Vec<Cell> {
    let observer = row.text("observer");
    let heard = heard(row);
    let cells = members.iter().map(|member| {
        let cell = row.parts("cells").find(|cell| cell.text("peer") == *member);
        match cell {
            _ if *member == observer => Cell::new(Paint::Faint, "."),
            Some(cell) => table_cell(cell, figure),
            None => Cell::new(Paint::Faint, if heard == RowFreshness::Never { "?" } else { "-" }),
        }
    });
    observer_cells(row).into_iter().chain(cells).collect()
}

fn observer_cells(row: Part<'_>) -> Vec<Cell> {
    let (heard, stalled) = (heard(row), row.flag("stalled"));
    let paint = if heard == RowFreshness::Now && !stalled { Paint::Plain } else { Paint::Doubtful };
    vec![Cell::plain(row.name("observer")), Cell::new(paint, said(heard, stalled, row.span("as_of_ms")))]
}

fn table_cell(cell: Part<'_>, figure: Measurement) -> Cell {
    let reading = reading(cell);
    let loss = cell.number("loss").map(|loss| (loss.clamp(0.0, 1.0) * 1000.0).round() as u16);
    let entry = Entry {
        reading,
        state: cell.text("state"),
        verdict: Some(cell.text("verdict")).filter(|verdict| !verdict.is_empty()),
        rtt: cell.span("rtt_ms"),
        rtt_p99: cell.span("rtt_p99_ms"),
        loss,
    };
    let paint = match reading {
        LinkStatus::Good => Paint::Good,
        LinkStatus::Doubt => Paint::Doubtful,
        LinkStatus::Bad => Paint::Bad,
        LinkStatus::Waiting | LinkStatus::Left | LinkStatus::Unknown => Paint::Faint,
    };
    Cell::new(paint, entry.text(figure))
}

/// A mesh that is too large for a table: one line an observer.
fn list(matrix: Part<'_>, output: &Output) -> Vec<String> {
    let count = |row: Part<'_>, of: &[LinkStatus]| {
        let count = row.parts("cells").filter(|cell| of.contains(&reading(*cell))).count();
        Cell::plain(count.to_string())
    };
    let rows: Vec<Vec<Cell>> = matrix
        .parts("rows")
        .map(|row| {
            let mut cells = observer_cells(row);
            cells.push(count(row, &[LinkStatus::Good, LinkStatus::Doubt]));
            cells.push(count(row, &[LinkStatus::Bad]));
            cells
        })
        .collect();
    output.table_lines(["OBSERVER", "REPORTED", "REACHES", "MISSES"].map(str::to_owned).into(), &rows)
}

/// A word that is not known here is no news.
fn reading(cell: Part<'_>) -> LinkStatus {
    let word = cell.text("reading");
    LinkStatus::ALL.into_iter().find(|reading| reading.as_str() == word).unwrap_or(LinkStatus::Unknown)
}

fn heard(row: Part<'_>) -> RowFreshness {
    let word = row.text("heard");
    RowFreshness::ALL.into_iter().find(|heard| heard.as_str() == word).unwrap_or(RowFreshness::Never)
}

/// Everything of a matrix that is not a figure: when this changes, something happened.
fn about(matrix: Part<'_>) -> String {
    let mut about = matrix.flag("whole").to_string();
    for row in matrix.parts("rows") {
        about.extend(["observer", "heard", "state"].map(|key| format!("\n{}", row.text(key))));
        about.push_str(if row.flag("stalled") { " stalled" } else { "" });
        for cell in row.parts("cells") {
            about.extend(["peer", "reading", "state", "verdict"].map(|key| format!("\t{}", cell.text(key))));
        }
    }
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"node":"node-1","age_ms":3,"sentence":"node-3 is down for 3 s","whole":false,
        "members":["node-1","node-2","node-3"],"rows":[
        {"observer":"node-1","heard":"now","as_of_ms":0,"state":"ready","stalled":false,"cells":[
            {"peer":"node-2","reading":"good","state":"alive","verdict":null,"rtt_ms":0.846,"rtt_p99_ms":2.5,"loss":0.1},
            {"peer":"node-3","reading":"bad","state":"dead","verdict":"down","rtt_ms":1,"rtt_p99_ms":1,"loss":1}]},
        {"observer":"node-2","heard":"before","as_of_ms":131000,"state":"ready","stalled":false,"cells":[
            {"peer":"node-1","reading":"unknown","state":"alive","verdict":null,"rtt_ms":0.5,"rtt_p99_ms":2,"loss":0},
            {"peer":"node-3","reading":"hopeful","state":"improving","verdict":null}]},
        {"observer":"node-3","heard":"never","as_of_ms":null,"state":null,"stalled":false,"cells":[]}]}"#;

    fn show(figure: Measurement, text: &str, terminal: bool) -> String {
        let command = Matrix {
            address: Address::default(),
            rtt: figure == Measurement::RoundTrips,
            loss: figure == Measurement::Loss,
            watch: false,
            json: false,
        };
        let answer = Answer::new(text.into(), "a matrix").unwrap();
        picture(&command, answer.root(), "", &Output::to(Box::new(std::io::sink()), terminal)).join("\n")
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
    fn figures_are_no_change() {
        let about = |text: &str| super::about(Answer::new(text.into(), "").unwrap().root());
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
