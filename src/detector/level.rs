//! How loud an event is.

use crate::closed_set::closed_set;

closed_set! {
    /// How loud an event is.
    pub enum Level {
        Debug = "debug",
        Info = "info",
        Warn = "warn",
    }
}
