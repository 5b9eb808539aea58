//! What is the same about two runs: the words, and not the times, ports and ids.

use super::{Compared, json};

pub fn same(one: &str, other: &str, compared: Compared) -> bool {
    match compared {
        Compared::Whole => words(one) == words(other),
        Compared::Lines => sorted_lines(one) == sorted_lines(other),
        Compared::Keys => json::keys(one) == json::keys(other),
        Compared::Head { lines } => head(one, lines) == head(other, lines),
        Compared::Start { sentences } => start(one, sentences) == start(other, sentences),
    }
}

fn sorted_lines(text: &str) -> Vec<Vec<String>> {
    // How long the last answer took is shown only where it is known.
    let known = |line: &str| words(line.split(", answered in").next().unwrap_or_default());
    let mut lines: Vec<_> = text.lines().map(known).filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines
}

fn head(text: &str, lines: usize) -> Vec<Vec<String>> {
    text.lines().take(lines).map(words).collect()
}

fn start(text: &str, sentences: usize) -> Vec<String> {
    let all = words(text);
    let ends = all.iter().enumerate().filter(|(_, word)| word.ends_with('.')).map(|(at, _)| at + 1);
    let end = ends.take(sentences).last().unwrap_or(all.len());
    all[..end].to_vec()
}

/// The words; a number, with its unit if it has one, is `#`, and several in a row are one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shape(word);
        let is_repeated = words.last().is_some_and(|last| last == "#") && (word == "#" || is_unit(&word));
        if !is_repeated {
            words.push(word);
        }
    }
    words
}

fn is_unit(word: &str) -> bool {
    ["ms", "s", "min", "h", "%"].contains(&word.trim_end_matches([',', '.', ';', ':']))
}

fn shape(word: &str) -> String {
    // The number of a node is its name.
    if word.contains("node-") {
        return word.to_owned();
    }
    if word == "-" || word.starts_with(|c: char| c.is_ascii_digit()) {
        // `1.08`, `250ms`, `04:59:11.842Z`, `20%`, and what stands where there is no figure.
        return "#".to_owned();
    }
    let mut shape = String::new();
    for c in word.chars() {
        match c {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    shape
}

#[test]
fn runs_differ_in_their_numbers_only() {
    let one = "node-2 | 04:59:11.842Z WARN  node-3 is down, silent for 1.08 s; node-1 agrees";
    let other = "node-2 | 10:00:00.001Z WARN  node-3 is down, silent for 1 min 28 s; node-1 agrees";
    assert!(same(one, other, Compared::Whole));
    assert!(!same(one, &other.replace("node-3", "node-1"), Compared::Whole));
    assert!(!same(one, &other.replace("is down", "has been down"), Compared::Whole));
}

#[test]
fn lines_may_come_in_any_order_and_a_start_may_go_on_differently() {
    assert!(same("a 1\nb 2\n", "b 3\na 4\n", Compared::Lines));
    assert!(!same("a 1\nb 2\n", "b 3\n", Compared::Lines));
    assert!(same("a is down. It was 1 s.", "a is down. Then.", Compared::Start { sentences: 1 }));
    assert!(!same("a is down. It was 1 s.", "a is down. Then.", Compared::Start { sentences: 2 }));
}
