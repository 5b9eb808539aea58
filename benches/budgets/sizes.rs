//! Cost by the number of nodes: everybody pings everybody on this one machine.

use std::fmt::Write as _;

use super::figure::{self, Measurement};
use super::machine::{self, Usage};
use super::support::metrics::Scrape;
use super::support::{Cluster, Plan, hold, seconds};

const SIZES: [usize; 5] = [3, 8, 15, 32, 64];

/// What one size costs.
struct Cost {
    nodes: usize,
    /// Of one ping, both ends.
    cpu_us: f64,
    wake_ups: f64,
    /// Of one node, on average: at rest, and once its metrics were read.
    resident_mib: f64,
    scraped_mib: f64,
    median_ms: f64,
    p99_ms: f64,
}

/// Measures all sizes. The graph of them is written where the table is.
pub fn figures() -> Vec<Measurement> {
    let costs: Vec<Cost> = SIZES.into_iter().map(cost).collect();
    figure::keep_graph(graph(&costs));
    costs.iter().flat_map(rows).collect()
}

fn rows(cost: &Cost) -> [Measurement; 5] {
    let what = |text: &str| format!("{} nodes at 1 s: {text}", cost.nodes);
    let limit = |of_fifteen: f64| (cost.nodes == 15).then_some(of_fifteen);
    [
        Measurement::new(what("CPU time of one ping, both ends"), "us", cost.cpu_us, limit(190.0)),
        Measurement::new(what("wake-ups for one ping, both ends"), "", cost.wake_ups, limit(2.2)),
        Measurement::new(what("resident memory of one node at rest"), "MiB", cost.resident_mib, limit(6.5)),
        Measurement::new(what("the same once its metrics were read"), "MiB", cost.scraped_mib, None),
        Measurement::new(what("round trip as shown, median"), "ms", cost.median_ms, None)
            .note(format!("p99 {:.2} ms", cost.p99_ms)),
    ]
}

fn cost(nodes: usize) -> Cost {
    let cluster = Plan::loopback(nodes).start();
    // Pings gather in trains, and connections are renewed for the first time.
    hold(seconds(60));
    // Before the pings are counted, which is done by the metrics: reading them runs through code that is not run otherwise.
    let resident_mib = resident(&cluster, nodes);
    let (counted, before) = (Counted::of(&cluster, nodes), usage(&cluster, nodes));
    hold(seconds(20));
    let (after, now) = (usage(&cluster, nodes), Counted::of(&cluster, nodes));
    let pings = now.pings - counted.pings;
    let used: Vec<_> = after.iter().zip(&before).map(|(after, before)| after.since(before)).collect();
    Cost {
        nodes,
        cpu_us: used.iter().map(|used| used.cpu.as_secs_f64()).sum::<f64>() * 1e6 / pings,
        wake_ups: used.iter().map(|used| used.wake_ups as f64).sum::<f64>() / pings,
        resident_mib,
        scraped_mib: resident(&cluster, nodes),
        median_ms: now.quantile(&counted, 0.5),
        p99_ms: now.quantile(&counted, 0.99),
    }
}

fn resident(cluster: &Cluster, nodes: usize) -> f64 {
    (1..=nodes).map(|node| machine::resident_mib(cluster.node(node).process_id())).sum::<f64>() / nodes as f64
}

fn usage(cluster: &Cluster, nodes: usize) -> Vec<Usage> {
    (1..=nodes).map(|node| Usage::of(cluster.node(node).process_id())).collect()
}

/// Pings and round trips of all nodes so far.
struct Counted {
    pings: f64,
    /// Upper bound in seconds, and how many were not longer.
    buckets: Vec<(f64, f64)>,
}

impl Counted {
    fn of(cluster: &Cluster, nodes: usize) -> Counted {
        let (mut pings, mut buckets) = (0.0, Vec::<(f64, f64)>::new());
        for node in (1..=nodes).map(|node| cluster.node(node)) {
            let text = node.get("/metrics").expect("metrics").body;
            pings += Scrape::parse(&text).sum("heartbeat_pings_total");
            for line in text.lines().filter(|line| line.starts_with("heartbeat_ping_duration_seconds_bucket")) {
                let Some((_, rest)) = line.split_once("le=\"") else { continue };
                let (Some((bound, _)), Some((_, count))) = (rest.split_once('"'), line.rsplit_once(' ')) else {
                    continue;
                };
                let bound = bound.parse().unwrap_or(f64::INFINITY);
                let count: f64 = count.parse().unwrap_or_default();
                match buckets.iter_mut().find(|(known, _)| *known == bound) {
                    Some((_, sum)) => *sum += count,
                    None => buckets.push((bound, count)),
                }
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Counted { pings, buckets }
    }

    /// In milliseconds, between two bounds as if evenly spread.
    fn quantile(&self, before: &Counted, part: f64) -> f64 {
        let grown = self.buckets.iter().map(|(bound, count)| {
            let known = before.buckets.iter().find(|(other, _)| other == bound).map_or(0.0, |(_, count)| *count);
            (*bound, count - known)
        });
        let grown: Vec<(f64, f64)> = grown.collect();
        let wanted = part * grown.last().map_or(0.0, |(_, all)| *all);
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in grown {
            if count >= wanted {
                let share = (wanted - below) / (count - below).max(1.0);
                return 1000.0 * (low + (bound.min(60.0) - low) * share);
            }
            (low, below) = (bound, count);
        }
        f64::NAN
    }
}

/// Three lines over the number of nodes, each with its own scale from zero.
fn graph(costs: &[Cost]) -> String {
    type Line = (&'static str, &'static str, fn(&Cost) -> f64);
    let lines: [Line; 3] = [
        ("CPU time of one ping, both ends (us)", "#0b6e99", |cost| cost.cpu_us),
        ("wake-ups for one ping, both ends", "#a35200", |cost| cost.wake_ups),
        ("resident memory of one node at rest (MiB)", "#5b4b9a", |cost| cost.resident_mib),
    ];
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 520\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>Cost by the number of nodes</title>\n<rect width=\"720\" height=\"520\" fill=\"#fff\"/>\n",
    );
    for (row, (title, colour, value)) in lines.into_iter().enumerate() {
        let (top, height, left, width) = (36.0 + 165.0 * row as f64, 100.0, 40.0, 640.0);
        let most = costs.iter().map(value).fold(f64::EPSILON, f64::max);
        let x = |nodes: usize| left + width * (nodes as f64 / 64.0);
        let y = |value: f64| top + height * (1.0 - value / most);
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" fill=\"{colour}\">{title}</text>", top - 18.0);
        let base = top + height;
        let _ = writeln!(svg, "<path d=\"M{left} {base}H{}\" stroke=\"#999\"/>", left + width);
        let points: Vec<String> =
            costs.iter().map(|cost| format!("{:.1},{:.1}", x(cost.nodes), y(value(cost)))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for cost in costs {
            let (x, y, shown) = (x(cost.nodes), y(value(cost)), value(cost));
            let shown = if shown < 100.0 { format!("{shown:.1}") } else { format!("{shown:.0}") };
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#222\">{shown}</text>",
                y - 7.0
            );
            let nodes = cost.nodes;
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{nodes}</text>",
                base + 16.0
            );
        }
    }
    svg.push_str("<text x=\"360\" y=\"512\" text-anchor=\"middle\" fill=\"#555\">nodes, each pings all others once a second</text>\n</svg>\n");
    svg
}
