//! What a process holds: memory, descriptors, threads.

use std::fs;

use super::Outcome;

#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub memory_kib: u64,
    pub descriptors: u64,
    pub threads: u64,
}

impl Held {
    pub fn of(process: u32) -> Outcome<Held> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let status = read("status")?;
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()).and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).map_err(|error| error.to_string())?.count();
        Ok(Held { memory_kib: field("VmRSS:"), descriptors: descriptors as u64, threads: field("Threads:") })
    }
}

/// What the nodes held at the end of each round, one list a node.
pub struct Book(Vec<Vec<Held>>);

/// A node of a few peers is far below this, see docs/benchmarks.md.
const MEMORY_KIB_MAX: u64 = 64 * 1024;
/// Listeners, the runtime's own, and for each peer a few connections of either side.
const DESCRIPTORS_MAX: u64 = 32;
const DESCRIPTORS_OF_A_PEER: u64 = 8;
/// Caches fill and the allocator keeps pages: so much more in the last third than in the middle is no leak yet.
const GROWTH_KIB: u64 = 2 * 1024;

impl Book {
    pub fn new(nodes: usize) -> Book {
        Book(vec![Vec::new(); nodes])
    }

    pub fn add(&mut self, node: usize, held: Held) -> Outcome {
        let peers = self.0.len() as u64 - 1;
        let descriptors_max = DESCRIPTORS_MAX + DESCRIPTORS_OF_A_PEER * peers;
        if held.memory_kib > MEMORY_KIB_MAX || held.descriptors > descriptors_max {
            return Err(format!(
                "node-{} holds {held:?}; at most {MEMORY_KIB_MAX} KiB and {descriptors_max} descriptors",
                node + 1
            ));
        }
        self.0[node].push(held);
        Ok(())
    }

    /// For a node whose one process has run all the time.
    pub fn has_not_grown(&self, node: usize) -> Outcome<String> {
        let rounds = &self.0[node];
        if rounds.len() < 6 {
            return Ok(format!("node-{}: {} rounds are too few to speak of growth", node + 1, rounds.len()));
        }
        let third = rounds.len() / 3;
        let (middle, last) = (&rounds[third..2 * third], &rounds[rounds.len() - third..]);
        let median = |part: &[Held], figure: fn(&Held) -> u64| {
            let mut all: Vec<u64> = part.iter().map(figure).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        type Figure = (&'static str, fn(&Held) -> u64, u64);
        let figures: [Figure; 3] = [
            ("KiB", |held| held.memory_kib, GROWTH_KIB),
            ("descriptors", |held| held.descriptors, 4),
            ("threads", |held| held.threads, 0),
        ];
        let mut told = Vec::new();
        for (name, figure, allowed) in figures {
            let (before, after) = (median(middle, figure), median(last, figure));
            told.push(format!("{before} -> {after} {name}"));
            if after > before + allowed + before / 20 * u64::from(name == "KiB") {
                return Err(format!("node-{} grows: {}", node + 1, told.join(", ")));
            }
        }
        Ok(format!("node-{}: {} in {} rounds", node + 1, told.join(", "), rounds.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(memory: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Book {
        let mut book = Book::new(3);
        for round in 0..30 {
            let held = Held { memory_kib: memory(round), descriptors: descriptors(round), threads: 2 };
            book.add(0, held).expect("within the bounds");
        }
        book
    }

    #[test]
    fn growth_is_told_from_a_steady_state() {
        let wave = |round: u64| 16_000 + round % 3 * 400;
        assert!(book(wave, |round| 20 + round % 2).has_not_grown(0).is_ok());
        assert!(book(|round| 16_000 + round * 400, |_| 20).has_not_grown(0).is_err(), "400 KiB a round");
        assert!(book(wave, |round| 16 + round).has_not_grown(0).is_err(), "a descriptor a round");
    }

    #[test]
    fn a_node_that_holds_too_much_is_reported_at_once() {
        let held = |memory_kib, descriptors| Held { memory_kib, descriptors, threads: 2 };
        assert!(Book::new(3).add(0, held(16_000, 30)).is_ok());
        assert!(Book::new(3).add(0, held(65_537, 30)).is_err());
        assert!(Book::new(3).add(0, held(16_000, 49)).is_err());
    }
}
