//! Lines, texts and marks of a diagram, written as SVG.

use std::fmt::Write;
use std::time::Duration;

use super::window::Window;

/// A place in the picture.
pub(super) type Point = (f64, f64);

const WIDTH: f64 = 1200.0;
/// The names stand left of this.
pub(super) const LEFT: f64 = 120.0;
const RIGHT: f64 = WIDTH - 20.0;
/// A character of the words in strips and notes, about.
const CHARACTER: f64 = 6.2;

/// The colours have names by what they mean; each has a light and a dark value with enough contrast for its text. All
/// selectors begin with the class of the picture, so a page that includes it keeps its own look.
const STYLE: &str = "\
.hb{--bg:#fff;--fg:#1c1f23;--dim:#5c6670;--grid:#e6e9ec;--ping:#1f5fbf;--answer:#2e7d32;--witness:#8a3ab9;\
--late:#a85b00;--lost:#c62828;--conn:#9aa4ad;--alive:#cdebd2;--suspect:#ffe596;--unreachable:#ffc48a;\
--dead:#c62828;--on-dead:#fff;--left:#d8d3f0;--joining:#e3e6e9;\
font:12px system-ui,sans-serif;background:var(--bg)}\
@media(prefers-color-scheme:dark){.hb{--bg:#14171a;--fg:#e8eaed;--dim:#a3adb7;--grid:#2a2f35;--ping:#7db1ff;\
--answer:#7fd18a;--witness:#d3a1f2;--late:#ffb45c;--lost:#ff8a80;--conn:#68737d;--alive:#1f4a2a;--suspect:#6b5300;\
--unreachable:#7a4308;--dead:#b3261e;--on-dead:#fff;--left:#413a6b;--joining:#343a41}}\
.hb .bg{fill:var(--bg)}.hb text{fill:var(--fg)}.hb .title{font-size:15px;font-weight:600}.hb .name{font-weight:600}\
.hb .note,.hb .tick{fill:var(--dim);font-size:11px}.hb .tick{text-anchor:middle}.hb .pair{font-size:11px}.hb .step-text{font-size:11px;font-weight:600}\
.hb .grid{stroke:var(--grid)}.hb .step{stroke:var(--fg);stroke-dasharray:4 3}.hb path{fill:none;stroke-width:1.3}\
.hb .runs{stroke:var(--fg);stroke-width:2}.hb .ended{stroke:var(--grid);stroke-width:2}\
.hb .frozen{stroke:var(--ping);stroke-width:4;stroke-dasharray:10 6}\
.hb .starved{stroke:var(--late);stroke-width:4;stroke-dasharray:2 3}\
.hb .unplugged{stroke:var(--dim);stroke-width:2;stroke-dasharray:6 6}\
.hb .connection{stroke:var(--conn);stroke-width:.8}.hb .ping{stroke:var(--ping)}.hb .answer{stroke:var(--answer)}\
.hb .witness{stroke:var(--witness)}.hb .late{stroke:var(--late);stroke-dasharray:5 3}.hb .lost{stroke:var(--lost)}\
.hb .head{stroke:none}.hb .connection.head{fill:var(--conn)}.hb .ping.head{fill:var(--ping)}\
.hb .answer.head{fill:var(--answer)}.hb .witness.head{fill:var(--witness)}.hb .late.head{fill:var(--late)}\
.hb .s-joining{fill:var(--joining)}.hb .s-alive{fill:var(--alive)}.hb .s-suspect{fill:var(--suspect)}\
.hb .s-unreachable{fill:var(--unreachable)}.hb .s-dead{fill:var(--dead)}.hb .s-left{fill:var(--left)}\
.hb .word{font-size:11px}.hb .on-dead{fill:var(--on-dead)}.hb .mark{stroke:var(--fg);stroke-width:1.2}";

pub(super) struct Canvas {
    window: Window,
    height: f64,
    out: String,
}

impl Canvas {
    pub(super) fn new(window: Window, height: f64) -> Canvas {
        Canvas { window, height, out: String::new() }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// The x of a moment, if that is in the window.
    pub(super) fn place(&self, at: Duration) -> Option<f64> {
        self.window.has(at).then(|| self.place_or_edge(at))
    }

    /// The x of a moment, or of the edge nearest to it.
    pub(super) fn place_or_edge(&self, at: Duration) -> f64 {
        let Window { from, until } = self.window;
        let length = until.saturating_sub(from).as_secs_f64().max(1e-6);
        let part = at.clamp(from, until).saturating_sub(from).as_secs_f64() / length;
        LEFT + part * (RIGHT - LEFT)
    }

    /// Both ends of the part of a time that is in the window.
    pub(super) fn span(&self, from: Duration, until: Duration) -> Option<(f64, f64)> {
        let ends = (self.place_or_edge(from), self.place_or_edge(until));
        (ends.1 > ends.0).then_some(ends)
    }

    /// Writing into a string does not fail.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(element);
    }

    /// What a screen reader says.
    pub(super) fn words(&mut self, title: &str, told: &str) {
        let (title, told) = (escaped(title), escaped(told));
        self.put(format_args!("<title id=\"hb-title\">{title}</title>\n<desc id=\"hb-desc\">{told}</desc>\n"));
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        if !text.is_empty() {
            let text = escaped(text);
            self.put(format_args!("<text class=\"{class}\" x=\"{}\" y=\"{}\">{text}</text>\n", px(x), px(y)));
        }
    }

    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        let (x1, y1, x2, y2) = (px(from.0), px(from.1), px(to.0), px(to.1));
        self.put(format_args!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>\n"));
    }

    pub(super) fn path(&mut self, class: &str, data: &str) {
        if !data.is_empty() {
            self.put(format_args!("<path class=\"{class}\" d=\"{data}\"/>\n"));
        }
    }

    /// A verdict: a diamond, with its sentence for who points at it.
    pub(super) fn mark(&mut self, state: &str, (x, y): Point, told: &str) {
        let (x, y, told) = (px(x), px(y), escaped(told));
        self.put(format_args!(
            "<path class=\"mark s-{state}\" d=\"M{x} {y}m-7 0l7-7l7 7l-7 7z\"><title>{told}</title></path>\n"
        ));
    }

    /// A state over a time, with its word where that has room.
    pub(super) fn strip(&mut self, state: &str, y: f64, from: Duration, until: Duration) {
        let Some((left, right)) = self.span(from, until) else { return };
        let (x, width) = (px(left), px((right - left).max(0.5)));
        self.put(format_args!(
            "<rect class=\"s-{state}\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"14\"><title>{state}</title></rect>\n",
            px(y)
        ));
        if right - left > CHARACTER * state.len() as f64 + 6.0 {
            let class = if state == "dead" { "word on-dead" } else { "word" };
            self.text(left + 3.0, y + 11.0, class, state);
        }
    }

    /// Vertical lines at round times, and the times below.
    pub(super) fn axis(&mut self, top: f64, bottom: f64) {
        let Window { from, until } = self.window;
        let length = until.saturating_sub(from).as_micros();
        // 1, 2 or 5 times a power of ten, at most twelve of them.
        let steps = (0..8).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u128.pow(power)));
        let Some(step) = steps.into_iter().find(|step| length / step <= 12) else { return };
        let mut at = from.as_micros().div_ceil(step) * step;
        while at <= until.as_micros() {
            let seconds = at as f64 / 1e6;
            if let Some(x) = self.place(Duration::from_micros(at as u64)) {
                self.line("grid", (x, top), (x, bottom));
                let text = if step >= 1_000_000 { format!("{seconds:.0} s") } else { format!("{seconds} s") };
                self.text(x, bottom + 15.0, "tick", &text);
            }
            at += step;
        }
    }

    /// What the lines and marks mean.
    pub(super) fn legend(&mut self, y: f64) {
        let mut x = 8.0;
        let kinds = ["ping", "answer", "witness", "late", "lost", "connection"];
        let words = ["ping", "answer", "question to a witness, its ping and answer", "read late", "lost or rejected"];
        for (class, word) in kinds.into_iter().zip(words.into_iter().chain(["handshake, reset, news"])) {
            self.line(class, (x, y), (x + 26.0, y));
            if class == "lost" {
                self.path(class, &format!("M{} {}m-3-3l6 6m0-6l-6 6", px(x + 26.0), px(y)));
            }
            self.text(x + 34.0, y + 4.0, "note", word);
            x += 34.0 + CHARACTER * word.len() as f64 + 18.0;
        }
        for (state, word) in [("dead", "down"), ("unreachable", "unreachable"), ("alive", "recovered")] {
            self.mark(state, (x + 8.0, y), word);
            self.text(x + 20.0, y + 4.0, "note", word);
            x += 20.0 + CHARACTER * word.len() as f64 + 16.0;
        }
        self.text(8.0, y + 24.0, "note", "A ping and its answer have a head at each end. Time goes to the right.");
    }

    pub(super) fn finish(self) -> String {
        let height = px(self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hb\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"hb-title hb-desc\">\n<style>{STYLE}</style>\n{}</svg>\n",
            self.out
        )
    }
}

/// A tenth of a unit is less than a screen shows.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Text in SVG; what XML cannot hold at all becomes a question mark.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}
