//! The event stream from a peer.

use crate::detector::time::ObserverTime;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StreamState {
    #[default]
    Closed,
    Opening,
    Open,
}

/// Whether it stands, and when it is opened again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    state: StreamState,
    reopen: Option<ObserverTime>,
}

impl Stream {
    pub(crate) fn is_open(&self) -> bool {
        self.state == StreamState::Open
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == StreamState::Closed
    }

    pub(crate) fn opens(&mut self) {
        self.state = StreamState::Opening;
        self.reopen = None;
    }

    pub(crate) fn opened(&mut self) {
        self.state = StreamState::Open;
    }

    /// It ended by itself. True if it stood.
    pub(crate) fn ended(&mut self) -> bool {
        std::mem::take(&mut self.state) == StreamState::Open
    }

    /// True if there is one to close.
    pub(crate) fn close(&mut self) -> bool {
        self.reopen = None;
        std::mem::take(&mut self.state) != StreamState::Closed
    }

    pub(crate) fn reopen(&self) -> Option<ObserverTime> {
        self.reopen
    }

    pub(crate) fn set_reopen(&mut self, at: Option<ObserverTime>) {
        self.reopen = at;
    }
}
