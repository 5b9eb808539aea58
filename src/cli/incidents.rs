//! `heartbeat incidents`: open and past incidents, one line each.

use clap::Args;

use super::address::Reader;
use super::answer::{Answer, name, span_of, word};
use super::ask::good;
use super::events::count;
use super::exit::{Exit, Failure, Outcome};
use super::output::{Cell, Output, Paint, counted};
use crate::api::words::When;
use crate::api::{IncidentBody, IncidentsBody};
use crate::config::environment::Environment;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat incidents                        those that the node of this host remembers, open ones first
  heartbeat incidents --limit=5 --addr=:8002
  heartbeat incidents --json | jq '.incidents[] | select(.open)'

An incident lasts from the first bad verdict to the last recovery of what belongs together.
FROM names the peer that reported it; a dot is the node that was asked.
Exit codes: 0 shown, whether one is open or not, 69 the node cannot be reached.")]
pub(crate) struct Incidents {
    #[command(flatten)]
    pub reader: Reader,
    /// Maximum number of incidents
    #[arg(long, value_name = "COUNT", value_parser = count, default_value = "50")]
    pub limit: usize,
    /// Print the node's own JSON (`/api/v1/incidents`)
    #[arg(long)]
    pub json: bool,
}

/// Shows what a node remembers of incidents.
///
/// # Errors
/// When the node cannot be reached, or its version keeps no incidents.
pub(crate) async fn incidents(command: &Incidents, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.reader.place(environment)?;
    let reply = place.get(&format!("/api/v1/incidents?limit={}", command.limit)).await?;
    if reply.status == 404 {
        return Err(Failure::Failed(
            "this version of the node keeps no incidents; `heartbeat events` shows its events".into(),
        ));
    }
    let answer = Answer::new(good(reply)?, "a list of incidents")?;
    if command.json {
        output.line(&answer.body)?;
        return Ok(Exit::Success);
    }
    picture(&answer.into_shape()?, &output).iter().try_for_each(|line| output.line(line))?;
    Ok(Exit::Success)
}

fn picture(body: &IncidentsBody, output: &Output) -> Vec<String> {
    let name = output.paint(Paint::Strong, &name(&body.node));
    let rows: Vec<Vec<Cell>> = body.incidents.iter().map(row).collect();
    if rows.is_empty() {
        return vec![format!("{name} remembers no incidents")];
    }
    // The answer counts all of the node's own; the rows are limited, and include those that peers reported.
    let shown = body.incidents.iter().filter(|incident| incident.open).count();
    let open = usize::try_from(body.open).unwrap_or(0).max(shown);
    let open = if open == 0 { "none open".to_owned() } else { output.paint(Paint::Bad, &format!("{open} open")) };
    let heading = ["SINCE", "ENDED", "LASTED", "VERDICT", "FROM", "STORY"].map(str::to_owned).into();
    let mut lines = vec![format!("{name}: {} shown, {open}", counted(rows.len(), "incident"))];
    lines.extend(output.table_lines(heading, &rows));
    lines
}

fn row(incident: &IncidentBody) -> Vec<Cell> {
    let open = incident.open;
    let moment = |at: Option<&When>| at.map(|When(at)| moment(at)).unwrap_or_default();
    let ended = if open { Cell::new(Paint::Bad, "open") } else { Cell::plain(moment(incident.ended_at.as_ref())) };
    vec![
        Cell::plain(moment(Some(&incident.began_at))),
        ended,
        Cell::plain(span_of(incident.lasted_ms)),
        Cell::new(if open { Paint::Bad } else { Paint::Plain }, word(&incident.verdict)),
        Cell::plain(incident.from.as_ref().map_or_else(|| ".".to_owned(), name)),
        Cell::plain(&incident.story),
    ]
}

/// `2026-11-26T02:10:00.123Z` as `11-26 02:10:00Z`; what does not look like it, as a name.
pub(crate) fn moment(text: &str) -> String {
    let plain = text.len() >= 20 && text.is_ascii() && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    if plain {
        let (day, time) = (&text[5..10], &text[11..19]);
        return super::safe_text::shown(&format!("{day} {time}Z"));
    }
    crate::render::matrix::short(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"node":"node-1","open":1,"incidents":[
        {"id":3,"open":true,"verdict":"down","nodes":["node-3"],"sides":[],"observers":["node-1","node-2"],
         "began_at":"2026-11-26T02:10:00.123Z","began_ms":130000,"ended_at":null,"ended_ms":null,"lasted_ms":130000,
         "failures":1,"reason":"refused","from":null,
         "story":"node-3 was down for 2 min 10 s (refused); node-1 and node-2 agreed"},
        {"id":2,"open":false,"verdict":"one_way","nodes":["node-1","node-2"],"began_at":"2026-11-26T01:10:00.123Z",
         "ended_at":"2026-11-26T01:10:04Z","lasted_ms":4000,"from":"node-2","story":"odd\u001b[2J"},
        {"id":1,"lasted_ms":2000}]}"#;

    #[test]
    fn open_and_ended_ones_in_a_table() {
        let of = |text: &str| Answer::new(text.into(), "").unwrap().into_shape().unwrap();
        let lines = picture(&of(ANSWER), &Output::to(Box::new(std::io::sink()), false));
        assert_eq!(
            lines.join("\n"),
            "\
node-1: 3 incidents shown, 1 open
SINCE            ENDED            LASTED      VERDICT  FROM    STORY
11-26 02:10:00Z  open             2 min 10 s  down     .       node-3 was down for 2 min 10 s (refused); node-1 and node-2 agreed
11-26 01:10:00Z  11-26 01:10:04Z  4 s         one way  node-2  odd?[2J
                                  2 s                  ."
        );
        let told = of(&ANSWER.replace(r#""open":1,"#, r#""open":0,"#));
        let told = picture(&told, &Output::to(Box::new(std::io::sink()), false));
        assert_eq!(told[0], "node-1: 3 incidents shown, 1 open");
        let none = of(r#"{"node":"node-1","open":0,"incidents":[]}"#);
        assert_eq!(picture(&none, &Output::to(Box::new(std::io::sink()), false)), ["node-1 remembers no incidents"]);
    }
}
