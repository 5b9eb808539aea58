//! Detection time against mistakes as a picture: the further left and down, the better.
//!
//! The points have numbers and the names stand beside the picture, because good detectors lie close together. Mistakes have
//! a logarithmic scale, as they differ by factors of thousands; a detector without any lies on the line at the bottom.

use std::fmt::Write;
use std::time::Duration;

use super::row::Row;
use crate::render::span;

/// The field of the points.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 470.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 340.0;
/// Mistakes of a pair in an hour: the decades of the scale.
const DECADES: std::ops::RangeInclusive<i32> = -2..=3;

const STYLE: &str = "svg{font:13px sans-serif;color:#1b1f24}\
@media(prefers-color-scheme:dark){svg{color:#e6e6e6}}\
text{fill:currentColor}line{stroke:currentColor;stroke-opacity:.3}\
.point{fill:#5a8fd8}.verdict{fill:#d0702c}";

/// A whole SVG file. `origin` says which runs these are.
pub(super) fn svg(rows: &[Row], origin: &str) -> String {
    let longest = rows.iter().filter_map(|row| row.quality.detection_mean()).max().unwrap_or_default();
    // A tenth more, so that the last point is inside.
    let seconds = longest.as_secs_f64().max(0.1) * 1.1;
    let height = (BOTTOM + 80.0).max(TOP + 20.0 * rows.len() as f64 + 40.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 {height}\" role=\"img\">\n\
         <title>Detection time against mistakes</title>\n<desc>{}</desc>\n<style>{STYLE}</style>\n",
        escaped(&described(rows, origin))
    );
    axes(seconds, &mut text);
    for (index, row) in rows.iter().enumerate() {
        let number = index + 1;
        let legend = format!("{number}  {} ({}): {}", row.title(), row.from, figures(row));
        let _ = writeln!(text, "<text x=\"500\" y=\"{}\">{}</text>", TOP + 20.0 * index as f64, escaped(&legend));
        let Some(took) = row.quality.detection_mean() else { continue };
        let x = LEFT + (RIGHT - LEFT) * took.as_secs_f64() / seconds;
        let y = height_of(an_hour(row));
        let _ = writeln!(
            text,
            "<circle class=\"point {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/><text x=\"{:.1}\" y=\"{:.1}\">{number}</text>",
            row.from,
            x + 7.0,
            y - 5.0
        );
    }
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"{}\">{}</text>\n</svg>", height - 12.0, escaped(origin));
    text
}

fn axes(seconds: f64, text: &mut String) {
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"20\">mistakes of a pair in an hour</text>");
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"{}\">T_D, mean</text>", BOTTOM + 42.0);
    for decade in DECADES {
        let y = height_of(10f64.powi(decade));
        let words = if decade == *DECADES.start() { "none".to_owned() } else { 10f64.powi(decade).to_string() };
        let _ = writeln!(text, "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let _ = writeln!(text, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{words}</text>", LEFT - 8.0, y + 4.0);
    }
    for fifth in 0..=5 {
        let part = f64::from(fifth) / 5.0;
        let (x, at) = (LEFT + (RIGHT - LEFT) * part, span(Duration::from_secs_f64(seconds * part)));
        let _ = writeln!(text, "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>");
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{at}</text>", BOTTOM + 20.0);
    }
}

/// The place of so many mistakes; fewer than the least of the scale are on its line.
fn height_of(mistakes: f64) -> f64 {
    let (least, most) = (f64::from(*DECADES.start()), f64::from(*DECADES.end()));
    let part = (mistakes.max(f64::MIN_POSITIVE).log10().clamp(least, most) - least) / (most - least);
    BOTTOM - (BOTTOM - TOP) * part
}

fn an_hour(row: &Row) -> f64 {
    let hours = row.quality.up.as_secs_f64() / 3600.0;
    if hours > 0.0 { row.quality.mistakes as f64 / hours } else { 0.0 }
}

fn figures(row: &Row) -> String {
    let took = row.quality.detection_mean().map_or_else(|| "no detection".to_owned(), span);
    format!("{took}, {} mistakes", row.quality.mistakes)
}

/// For those who do not see the picture.
fn described(rows: &[Row], origin: &str) -> String {
    let lines = rows.iter().map(|row| format!("{} ({}): {}", row.title(), row.from, figures(row)));
    format!("{}. {origin}", lines.collect::<Vec<_>>().join("; "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Quality;

    fn row(name: &str, detections: &[u64], mistakes: usize) -> Row {
        let detections = detections.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let up = Duration::from_secs(3600);
        let quality = Quality { detections, mistakes, up, ..Quality::default() };
        Row { case: String::new(), name: name.into(), from: "suspicion", quality, load: 0.0 }
    }

    fn circle(text: &str, number: usize) -> (f64, f64) {
        let line = text.lines().filter(|line| line.starts_with("<circle")).nth(number).expect("a point");
        let value = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.parse().ok();
        (value("cx").expect("cx"), value("cy").expect("cy"))
    }

    #[test]
    fn later_is_further_right_and_more_mistakes_are_higher() {
        let rows = [row("a", &[500], 0), row("b", &[1000], 10), row("c", &[2000], 1000), row("d", &[], 3)];
        let text = svg(&rows, "a <file> & seeds");
        let [a, b, c] = [0, 1, 2].map(|number| circle(&text, number));
        assert!(a.0 < b.0 && b.0 < c.0 && c.0 < RIGHT, "{a:?} {b:?} {c:?}");
        assert!(a.1 > b.1 && b.1 > c.1, "{a:?} {b:?} {c:?}");
        assert_eq!((a.1, c.1), (BOTTOM, TOP), "none at the bottom, the most at the top");
        assert_eq!(text.matches("<circle").count(), 3, "what detected nothing has no point");
        assert!(text.contains("4  d (suspicion): no detection, 3 mistakes"), "{text}");
        assert!(text.contains("a &lt;file&gt; &amp; seeds") && !text.contains("<file>"), "{text}");
    }

    #[test]
    fn runs_in_which_nothing_fails_have_a_picture() {
        for rows in [vec![], vec![row("a", &[], 0)]] {
            let text = svg(&rows, "none");
            assert!(text.ends_with("</svg>\n") && !text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
