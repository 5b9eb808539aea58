//! What is wrong with a configuration, told so that it can be repaired in one go.

use std::fmt;

use super::raw::Typed;
use super::settings::{SettingSpec, Source};

/// Values longer than this are cut when they are quoted: a pasted file must not bury the message.
const QUOTED_MAX: usize = 120;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The flag or variable with its value: `--port=70000`.
    pub subject: String,
    /// What is wrong with it.
    pub wrong: String,
    /// The accepted form, or the remedy.
    pub accepted: String,
}

impl Problem {
    /// A problem with a value that was set.
    pub fn typed(spec: &SettingSpec, typed: Typed<'_>, wrong: impl Into<String>) -> Problem {
        let value = if spec.secret { "***".to_owned() } else { quoted(typed.text) };
        let subject = match typed.source {
            Source::Flag => format!("--{}={value}", spec.name),
            _ => format!("{}={value}", spec.variable),
        };
        Problem { subject, wrong: escaped(&wrong.into()), accepted: spec.accepted.into() }
    }

    /// A problem with a value that was not set, caused by another one.
    pub fn untyped(spec: &SettingSpec, value: &str, wrong: impl Into<String>) -> Problem {
        let subject = format!("--{} ({}), not set, {value} by default", spec.name, spec.variable);
        Problem { subject, wrong: escaped(&wrong.into()), accepted: spec.accepted.into() }
    }
}

/// A text as it can be shown: control characters escaped, long ones cut, passwords in URLs starred.
pub(crate) fn quoted(text: &str) -> String {
    let text = without_passwords(text);
    let mut shown: String = text.chars().take(QUOTED_MAX).flat_map(escape).collect();
    if text.chars().nth(QUOTED_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Peers take no passwords, but a URL that carries one by mistake must not end up in a log.
fn without_passwords(text: &str) -> String {
    text.split_inclusive(',').map(without_password).collect()
}

/// One item of a list. What stands before an `@` is starred: in a URL up to the end of its host, and everywhere in what
/// was meant as one.
fn without_password(item: &str) -> String {
    let (start, end) = match item.find("://") {
        Some(scheme) => (scheme + 3, item[scheme + 3..].find(['/', '?', '#']).map_or(item.len(), |at| scheme + 3 + at)),
        None => (item.find('=').map_or(0, |equals| equals + 1), item.len()),
    };
    match item[start..end].rfind('@') {
        Some(at) => format!("{}***{}", &item[..start], &item[start + at..]),
        None => item.to_owned(),
    }
}

/// Sentences repeat parts of values, and one that forgets to quote them must not reach a terminal as it is.
fn escaped(text: &str) -> String {
    text.chars().flat_map(escape).collect()
}

fn escape(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// Everything that is wrong; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.0.len() {
            1 => "a problem".to_owned(),
            n => format!("{n} problems"),
        };
        writeln!(f, "the configuration has {count}, nothing was started")?;
        for problem in &self.0 {
            writeln!(f, "\n  {}", problem.subject)?;
            writeln!(f, "    wrong:    {}", problem.wrong)?;
            writeln!(f, "    accepted: {}", problem.accepted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_starred() {
        assert_eq!(quoted("n=http://u:p@b:1,http://c:2/x@y"), "n=http://***@b:1,http://c:2/x@y");
        assert_eq!(quoted("http://b:1"), "http://b:1");
        assert_eq!(quoted("u:p@b:1"), "***@b:1");
        assert_eq!(quoted("n=http//u:p@b:1,c:2"), "n=***@b:1,c:2");
    }

    #[test]
    fn long_values_are_cut_and_control_characters_escaped() {
        assert_eq!(quoted("a\nb"), "a\\nb");
        assert_eq!(quoted(&"x".repeat(500)).len(), QUOTED_MAX + 3);
    }
}
