//! What kinds of numbers metrics are.

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    /// A counter of seconds. The exporter's counters are whole numbers, so this
    /// one is carried as a gauge and called a counter when it is rendered.
    SecondsCounter,
    Gauge,
    Histogram,
}

impl Kind {
    /// As the `# TYPE` line says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter | Kind::SecondsCounter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}
