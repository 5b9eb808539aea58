//! What was typed, in two layers over the defaults: flags over environment.

use super::environment::Environment;
use super::raw::{Raw, Typed};
use super::settings::Source;

/// The two layers over the defaults.
pub(crate) struct Layers<'a> {
    pub flags: &'a Raw,
    pub environment: &'a Environment,
}

impl<'a> Layers<'a> {
    /// The flag, else the variable. An empty variable counts as not set, because
    /// that is what templates write when they have nothing to say.
    pub(crate) fn typed(&self, name: &str) -> Option<Typed<'a>> {
        let flag = self.flags.get(name).map(|text| Typed { text, source: Source::Flag });
        flag.or_else(|| {
            let text = self.environment.raw.get(name).filter(|text| !text.trim().is_empty())?;
            Some(Typed { text, source: Source::Environment })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_a_variable_and_an_empty_variable_is_none() {
        let flags = Raw { port: Some("1".into()), ..Raw::default() };
        let raw =
            Raw { port: Some("2".into()), interval: Some(" ".into()), jitter: Some("0".into()), ..Raw::default() };
        let environment = Environment { raw, ..Environment::default() };
        let layers = Layers { flags: &flags, environment: &environment };
        assert_eq!(layers.typed("port"), Some(Typed { text: "1", source: Source::Flag }));
        assert_eq!(layers.typed("interval"), None);
        assert_eq!(layers.typed("jitter"), Some(Typed { text: "0", source: Source::Environment }));
    }
}
