//! The mesh key: where it comes from, and what happens to those who lack it.
//!
//! A file can be exchanged while the node runs, and only its path is visible. A
//! variable is there for trying things out. A flag is refused: every user of the
//! host can read it, and this secret speaks for the whole mesh.

use super::layers::Layers;
use super::problem::{Problem, Problems};
use super::raw::Typed;
use super::settings::{Source, find};
use crate::mesh_key::file;
pub(crate) use crate::mesh_key::guard::KeyMode;
use crate::mesh_key::key::MeshKeys;

/// A usable mesh key.
#[derive(Clone, Debug)]
pub struct MeshKeyConfig {
    pub(crate) keys: MeshKeys,
    /// Where to look for new ones.
    pub file: Option<String>,
    /// Every user of the host can read that file.
    pub world_readable: bool,
    pub mode: KeyMode,
}

impl KeyMode {
    pub(crate) fn parse(text: &str) -> Result<KeyMode, String> {
        KeyMode::ALL.iter().find(|mode| mode.as_str() == text.trim()).copied().ok_or("is no mode".into())
    }
}

/// The key that flags and variables name, if any.
///
/// # Errors
/// A key or file that cannot be used, both at once, or a key as a flag.
pub(crate) fn mesh_key(layers: &Layers<'_>, mode: KeyMode) -> Result<Option<MeshKeyConfig>, Problems> {
    let problem = |name: &str, typed: Typed<'_>, wrong: String| {
        Problems(find(name).map(|spec| Problem::typed(spec, typed, wrong)).into_iter().collect())
    };
    match (layers.typed("mesh-key"), layers.typed("mesh-key-file")) {
        (None, None) => match layers.typed("mesh-key-mode") {
            Some(typed) => {
                Err(problem("mesh-key-mode", typed, "is set without a mesh key: set --mesh-key-file too".into()))
            }
            None => Ok(None),
        },
        (Some(typed), _) if typed.source == Source::Flag => {
            Err(problem("mesh-key", typed, "is set as a flag, which every user of this host can see".into()))
        }
        (Some(_), Some(typed)) => {
            Err(problem("mesh-key-file", typed, "is set beside a mesh key: set one of the two".into()))
        }
        (Some(typed), None) => {
            let keys = MeshKeys::parse(typed.text).map_err(|wrong| problem("mesh-key", typed, wrong))?;
            Ok(Some(MeshKeyConfig { keys, file: None, world_readable: false, mode }))
        }
        (None, Some(typed)) => {
            let path = typed.text.trim();
            let read = file::read(path).map_err(|wrong| problem("mesh-key-file", typed, wrong))?;
            let (keys, world_readable) = (read.keys, read.world_readable);
            Ok(Some(MeshKeyConfig { keys, file: Some(path.to_owned()), world_readable, mode }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::raw::Raw;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn of(flags: Raw, variables: Raw) -> Result<Option<String>, (String, String)> {
        let environment = Environment { raw: variables, ..Environment::default() };
        match mesh_key(&Layers { flags: &flags, environment: &environment }, KeyMode::Require) {
            Ok(config) => Ok(config.map(|config| config.keys.signing().id().to_string())),
            Err(problems) => Err((problems.0[0].subject.clone(), problems.0[0].wrong.clone())),
        }
    }

    fn key(text: &str) -> Raw {
        Raw { mesh_key: Some(text.into()), ..Raw::default() }
    }

    fn key_file(path: &str) -> Raw {
        Raw { mesh_key_file: Some(path.into()), ..Raw::default() }
    }

    #[test]
    fn a_key_comes_from_a_variable_or_a_file_and_never_from_a_flag() {
        assert_eq!(of(Raw::default(), Raw::default()), Ok(None));
        assert_eq!(of(Raw::default(), key(KEY)), Ok(Some("a5ecacab".into())));
        let flag = of(key(KEY), Raw::default()).unwrap_err();
        assert_eq!(
            (flag.0.as_str(), flag.1.as_str()),
            ("--mesh-key=***", "is set as a flag, which every user of this host can see")
        );
        let both = of(key_file("/x"), key(KEY)).unwrap_err();
        assert_eq!(both.1, "is set beside a mesh key: set one of the two");
        let missing = of(key_file("/nowhere/keys"), Raw::default()).unwrap_err();
        assert!(
            missing.0 == "--mesh-key-file=/nowhere/keys" && missing.1.starts_with("cannot be opened: "),
            "{missing:?}"
        );
        let weak = of(Raw::default(), key("hunter2")).unwrap_err();
        assert!(weak.0 == "HEARTBEAT_MESH_KEY=***" && !weak.1.contains("hunter2"), "{weak:?}");
        let mode = Raw { mesh_key_mode: Some("accept".into()), ..Raw::default() };
        assert_eq!(of(mode, Raw::default()).unwrap_err().1, "is set without a mesh key: set --mesh-key-file too");
    }
}
