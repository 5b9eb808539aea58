//! Maintenance in words.

use super::quantity::span;
use crate::detector::maintenance::{Maintenance, MaintenanceEnd};

/// The fixed text of the log line.
pub(super) fn ended_message(how: MaintenanceEnd) -> &'static str {
    match how {
        MaintenanceEnd::Withdrawn | MaintenanceEnd::Expired => "Maintenance ended",
        MaintenanceEnd::Overrun => "Maintenance overrun",
    }
}

/// `peer` is `None` for this node itself.
pub(super) fn began_sentence(peer: Option<&str>, maintenance: &Maintenance) -> String {
    let (time, reason) = (span(maintenance.left), maintenance.reason.as_str());
    match peer {
        Some(peer) => format!("{peer} is in maintenance for at most {time}: {reason}"),
        None => format!("is in maintenance for at most {time}: {reason}"),
    }
}

/// As [`began_sentence`].
pub(super) fn ended_sentence(peer: Option<&str>, how: MaintenanceEnd) -> String {
    let what = match how {
        MaintenanceEnd::Withdrawn => "is no longer in maintenance",
        MaintenanceEnd::Expired => "is no longer in maintenance: the announced time is over",
        MaintenanceEnd::Overrun => "is not back, although its maintenance should be over",
    };
    peer.map_or_else(|| what.to_owned(), |peer| format!("{peer} {what}"))
}
