//! Maintenance: what an operator announces, so that planned work raises no alarm.
//!
//! A node is *put into* maintenance; it never decides so itself. It sends its
//! peers, in every answer and on every stream, a reason and the time that is
//! left, because nodes share no clock. Each observer then shows the flag beside the
//! peer's state and does not expect the peer until the time is over. That is
//! all. The detector works as usual: a peer in maintenance that stops is found
//! down in the same time, by the same rules, under the same verdict. What
//! changes is whether anyone is paged, and that is a matter of alerts.
//!
//! An announcement belongs to the *node name* and not to the boot, because a
//! restart is what most maintenance consists of: the new process knows nothing
//! of it, and its first answers must not end it. So there are three things a
//! node can report. [`Announcement::On`] holds for its name, whichever boot runs under it.
//! [`Announcement::Off`] ends it for every boot, because an operator ended it.
//! Silence ends it only from the same boot that had announced it, which has
//! then seen its time pass. From any other boot silence means nothing.
//!
//! Ends lie on the machine's steady clock and not in observer time: half an
//! hour was promised to people, and it passes for them while this process is stopped.
//! Turned down: a file, so that the restarted node itself would know (a
//! detector that writes no disk has one thing less that can fail), and
//! announcements passed on by third parties (a node could then be silenced by
//! any node that claims to have heard it).

use std::sync::Arc;
use std::time::Duration;

use super::level::Level;
use crate::closed_set::closed_set;

/// The shortest maintenance. Less is a slip in the unit.
pub const SPAN_MIN: Duration = Duration::from_secs(1);
/// How long it lasts without a given time: longer than most restarts, and short enough not to hide a fault for long.
pub const SPAN_DEFAULT: Duration = Duration::from_secs(30 * 60);
/// The longest: a node that raises no alarm must not be forgotten for more
/// than a day. For longer, announce it again.
pub const SPAN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why, in an operator's words. One line, at most [`MaintenanceReason::LIMIT`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceReason(Arc<str>);

/// Why a text is not a reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason has 1 to {} printable characters on one line", MaintenanceReason::LIMIT)]
pub struct InvalidReason;

impl MaintenanceReason {
    /// A sentence and a ticket's address. It travels in every answer, so it stays short.
    pub const LIMIT: usize = 200;

    /// The text as a reason; blanks around it do not count.
    ///
    /// # Errors
    /// [`InvalidReason`] when it is empty, too long, or holds what cannot be printed.
    pub fn new(text: &str) -> Result<MaintenanceReason, InvalidReason> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MaintenanceReason::LIMIT || !text.chars().all(printable) {
            return Err(InvalidReason);
        }
        Ok(MaintenanceReason(text.into()))
    }

    /// What a peer sent, made fit to be shown. A reason that cannot be read is no cause for an alarm:
    /// the maintenance counts all the same.
    pub fn from_peer(text: &str) -> MaintenanceReason {
        let kept: String = text.chars().filter(|c| printable(*c)).take(MaintenanceReason::LIMIT).collect();
        MaintenanceReason::new(&kept).unwrap_or_else(|_| MaintenanceReason("no reason given".into()))
    }

    /// The text as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not a control character, and none of the invisible ones that break lines or
/// turn the direction of the text around them: a reason is shown in terminals and pages.
pub(crate) fn printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A maintenance in force, or asked for: why, and for how much longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// What an operator typed.
    pub reason: MaintenanceReason,
    /// Until it ends by itself.
    pub left: Duration,
}

/// What a node says of its own maintenance, when it says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// It is in maintenance.
    On(Maintenance),
    /// An operator has ended it.
    Off,
}

closed_set! {
    /// How a maintenance ended.
    pub enum MaintenanceEnd {
        /// An operator ended it.
        Withdrawn = "withdrawn",
        /// Its time passed, and the node is there.
        Expired = "expired",
        /// Its time passed, and the node is not back.
        Overrun = "overrun",
    }
}

impl MaintenanceEnd {
    /// Warn where the node is not back.
    pub(crate) fn level(self) -> Level {
        match self {
            MaintenanceEnd::Withdrawn | MaintenanceEnd::Expired => Level::Info,
            MaintenanceEnd::Overrun => Level::Warn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_printable_line() {
        let longest = "x".repeat(MaintenanceReason::LIMIT);
        for text in ["kernel update", "Größeres Update, siehe https://tickets/42", "再起動", &longest] {
            assert_eq!(MaintenanceReason::new(text).unwrap().as_str(), text);
        }
        assert_eq!(MaintenanceReason::new(" disk \n").unwrap().as_str(), "disk");
        let too_long = "x".repeat(MaintenanceReason::LIMIT + 1);
        for text in ["", "  ", "a\nb", "a\u{1b}[31mb", "a\u{202e}b", "a\u{200b}b", &too_long] {
            assert_eq!(MaintenanceReason::new(text), Err(InvalidReason), "{text:?}");
        }
    }

    #[test]
    fn what_a_peer_sends_is_made_fit_to_be_shown() {
        let shown = |text: &str| MaintenanceReason::from_peer(text).as_str().to_owned();
        assert_eq!(shown("disk"), "disk");
        assert_eq!(shown("a\u{1b}[31m\u{202e}b\n"), "a[31mb");
        assert_eq!(shown(&"y".repeat(100_000)), "y".repeat(MaintenanceReason::LIMIT));
        for nothing in ["", " ", "\u{0}\u{feff}"] {
            assert_eq!(shown(nothing), "no reason given");
        }
    }
}
