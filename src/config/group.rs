//! The groups of settings, as help texts and documents have them.

/// Under which heading a setting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Node,
    Detector,
    Logs,
    Limits,
    Access,
    Tls,
}

impl Group {
    pub fn title(self) -> &'static str {
        match self {
            Group::Node => "Node",
            Group::Detector => "Detector",
            Group::Logs => "Logs",
            Group::Limits => "Stopping and limits",
            Group::Access => "Who may do what",
            Group::Tls => "TLS",
        }
    }
}
