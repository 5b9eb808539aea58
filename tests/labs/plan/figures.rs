//! What a run measured, as the file beside the page holds it and as the page shows it.
//!
//! A page shows its figures between `<!-- figures -->` and `<!-- /figures -->`.
//! The file is written by a run, the page from the file, and a test compares the two.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

pub const BEGIN: &str = "<!-- figures -->\n";
pub const END: &str = "<!-- /figures -->";

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    pub machine: String,
    /// The day, as YYYY-MM-DD.
    pub date: String,
    pub commit: String,
    pub figures: Vec<Measurement>,
    /// What the nodes said that the lab waited for, one line each.
    pub said: Vec<Sentence>,
    /// What fired in Prometheus.
    pub alerts: Vec<String>,
    /// The notifications that were sent.
    pub notifications: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    pub what: String,
    pub seconds: f64,
    /// The deadline that the lab sets, in words.
    pub within: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    pub node: String,
    pub sentence: String,
}

impl Figures {
    /// The block of the page, without its marks.
    pub fn block(&self) -> String {
        let mut text = String::new();
        if !self.figures.is_empty() {
            text.push_str("| What | Measured | Deadline of the lab |\n| --- | --- | --- |\n");
            for figure in &self.figures {
                let _ = writeln!(text, "| {} | {} | {} |", figure.what, seconds(figure.seconds), figure.within);
            }
            text.push('\n');
        }
        if !self.said.is_empty() {
            let width = self.said.iter().map(|said| said.node.len()).max().unwrap_or(0);
            for said in &self.said {
                let _ = writeln!(text, "    {:width$}  {}", said.node, said.sentence);
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "Alerts that fired: {}. Notifications: {}.\n",
            list(&self.alerts),
            list(&self.notifications)
        );
        let _ = writeln!(text, "One run, {}, commit {}, on {}.", self.date, self.commit, self.machine);
        text
    }

    /// The page with its block replaced, or what is missing.
    pub fn fill(&self, page: &str) -> Result<String, String> {
        let start = page.find(BEGIN).ok_or_else(|| format!("the page has no {}", BEGIN.trim_end()))? + BEGIN.len();
        let length = page[start..].find(END).ok_or_else(|| format!("the page has no {END}"))?;
        Ok(format!("{}{}{}", &page[..start], self.block(), &page[start + length..]))
    }
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

/// Hundredths below ten seconds, where they tell detectors apart; tenths above.
pub fn seconds(seconds: f64) -> String {
    if seconds < 9.995 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            machine: "2 cores".into(),
            date: "2026-11-25".into(),
            commit: "abc".into(),
            figures: vec![Measurement { what: "said by both".into(), seconds: 0.481, within: "5 s".into() }],
            said: vec![Sentence { node: "node-1".into(), sentence: "node-3 is down".into() }],
            alerts: vec!["HeartbeatPeerDown{peer=node-3}".into()],
            notifications: vec![],
        }
    }

    #[test]
    fn a_page_shows_its_figures_and_is_filled_again_without_a_change() {
        let page = format!("# Crash\n\n{BEGIN}old{END}\nafter\n");
        let filled = figures().fill(&page).unwrap();
        for piece in
            ["| said by both | 0.48 s | 5 s |", "    node-1  node-3 is down\n", "Notifications: none.", "\nafter\n"]
        {
            assert!(filled.contains(piece), "{piece:?} in {filled}");
        }
        assert_eq!(figures().fill(&filled).unwrap(), filled);
        assert!(figures().fill("# Crash\n").unwrap_err().contains("<!-- figures -->"));
    }

    #[test]
    fn figures_are_the_same_after_writing_and_reading() {
        let text = serde_json::to_string_pretty(&figures()).unwrap();
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), figures());
    }

    #[test]
    fn times_have_the_digits_that_matter() {
        for (given, said) in [(0.4812, "0.48 s"), (9.994, "9.99 s"), (12.34, "12.3 s")] {
            assert_eq!(seconds(given), said);
        }
    }
}
