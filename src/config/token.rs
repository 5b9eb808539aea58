//! The secret that allows changes, and the three ways to hand it over; and the one that allows reading, which is always a
//! file.
//!
//! A file is the safest: only its path is seen, and orchestrators mount secrets
//! as files. A variable is seen by those who may inspect the process or its
//! container's description. A flag is seen by all users of the host (`ps`), and
//! stays in the shell's history; it is there because every setting is a pair,
//! and for trying things out.
//!
//! It is compared in constant time, so that the time an answer takes does not
//! tell how much of a guess was right; its length can be told. It is never
//! shown: `Debug` writes stars, `config show` and `/api/v1/config` do, and messages
//! about a token that cannot be used say what is wrong without repeating it.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::layers::Layers;
use super::problem::{Problem, Problems};
use super::settings::find;
use crate::secret_file::{self, Unusable};

/// Sixteen random characters are beyond guessing over a network.
pub(crate) const TOKEN_MIN: usize = 16;
/// It travels in a header, and heads are limited.
pub(crate) const TOKEN_MAX: usize = 256;
/// A token and its line end. More is another file.
const FILE_BYTES: u64 = 1024;

/// What a caller must know to change something.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// The text as a token; blanks and line ends around it do not count.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn new(text: &str) -> Result<Token, String> {
        let text = text.trim();
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err("has characters that are not visible ASCII, or blanks".into());
        }
        match text.len() {
            0 => Err("is empty".into()),
            1..TOKEN_MIN => Err(format!("is shorter than {TOKEN_MIN} characters")),
            TOKEN_MIN..=TOKEN_MAX => Ok(Token(text.into())),
            _ => Err(format!("is longer than {TOKEN_MAX} characters")),
        }
    }

    /// Whether a caller said the same, in a time that does not depend on where they differ.
    pub fn matches(&self, said: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(said).into()
    }

    /// For the header of a request that this program makes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The token that flags and variables name, if any, with a warning about how it is kept.
///
/// # Errors
/// A token or a file that cannot be used, or both at once: it would not be clear which of them counts.
pub(crate) fn token(layers: &Layers<'_>) -> Result<Option<(Token, Option<String>)>, Problems> {
    let (inline, file) = (layers.typed("token"), layers.typed("token-file"));
    let problem = |name: &str, typed, wrong: String| {
        Problems(find(name).map(|spec| Problem::typed(spec, typed, wrong)).into_iter().collect())
    };
    match (inline, file) {
        (None, None) => Ok(None),
        (Some(typed), None) => {
            Token::new(typed.text).map(|token| Some((token, None))).map_err(|wrong| problem("token", typed, wrong))
        }
        (None, Some(typed)) => read(typed.text.trim()).map(Some).map_err(|wrong| problem("token-file", typed, wrong)),
        (Some(_), Some(typed)) => Err(problem("token-file", typed, "is set beside a token: set one of the two".into())),
    }
}

/// The token of those who may read, if there is one, with a warning about how it is kept.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn read_token(layers: &Layers<'_>) -> Result<Option<(Token, Option<String>)>, Problems> {
    let Some(typed) = layers.typed("read-token-file") else { return Ok(None) };
    read(typed.text.trim()).map(Some).map_err(|wrong| {
        Problems(find("read-token-file").map(|spec| Problem::typed(spec, typed, wrong)).into_iter().collect())
    })
}

fn read(path: &str) -> Result<(Token, Option<String>), String> {
    let secret = secret_file::read(path, FILE_BYTES, "the file of a token").map_err(|unusable| match unusable {
        Unusable::Unopened(error) => Unusable::Unread(error).to_string(),
        unusable => unusable.to_string(),
    })?;
    let token = Token::new(&secret.text).map_err(|wrong| format!("holds a token that {wrong}"))?;
    let warning = || format!("the token file {path} can be read by all users of this host: chmod o-r {path}");
    Ok((token, secret.world_readable.then(warning)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::raw::Raw;

    const GOOD: &str = "correct-horse-battery";

    #[test]
    fn a_token_has_a_shape_and_is_never_shown() {
        assert_eq!(format!("{:?}", Token::new(GOOD).unwrap()), "Token(***)");
        assert!(Token::new(&format!(" {GOOD}\n")).unwrap().matches(GOOD.as_bytes()));
        for (text, wrong) in [
            ("", "is empty"),
            ("fifteen-letters", "is shorter than 16 characters"),
            ("sixteen letters and blanks", "has characters that are not visible ASCII, or blanks"),
            ("sechzehn-Zeichen-ü", "has characters that are not visible ASCII, or blanks"),
        ] {
            assert_eq!(Token::new(text).unwrap_err(), wrong);
        }
        assert!(Token::new(&"x".repeat(TOKEN_MAX)).is_ok() && Token::new(&"x".repeat(TOKEN_MAX + 1)).is_err());
    }

    #[test]
    fn only_the_same_matches() {
        let token = Token::new(GOOD).unwrap();
        assert!(token.matches(GOOD.as_bytes()));
        for other in ["", "correct-horse-batterz", "correct-horse-batter", "correct-horse-battery "] {
            assert!(!token.matches(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn a_token_comes_from_one_place() {
        let of = |inline: Option<&str>, file: Option<&str>| {
            let flags = Raw { token: inline.map(Into::into), token_file: file.map(Into::into), ..Raw::default() };
            let environment = Environment::default();
            let token = token(&Layers { flags: &flags, environment: &environment });
            token.map(|token| token.map(|(token, _)| token)).map_err(|problems| problems.0[0].to_owned())
        };
        assert_eq!(of(None, None), Ok(None));
        assert_eq!(of(Some(GOOD), None), Ok(Token::new(GOOD).ok()));
        let short = of(Some("hunter2"), None).unwrap_err();
        assert_eq!((short.subject.as_str(), short.wrong.as_str()), ("--token=***", "is shorter than 16 characters"));
        assert_eq!(of(Some(GOOD), Some("/x")).unwrap_err().wrong, "is set beside a token: set one of the two");
        let missing = of(None, Some("/nowhere/token")).unwrap_err();
        assert!(missing.wrong.starts_with("cannot be read: "), "{missing:?}");
        assert_eq!(missing.subject, "--token-file=/nowhere/token");
    }

    #[cfg(unix)]
    #[test]
    fn a_token_file_is_a_regular_file_that_not_everybody_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("heartbeat-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("token");
        std::fs::write(&file, GOOD).unwrap();
        let path = file.to_str().unwrap();
        let warning = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            read(path).unwrap().1
        };
        assert_eq!(warning(0o640), None);
        assert!(warning(0o644).unwrap().ends_with(&format!("chmod o-r {path}")));
        assert_eq!(read(folder.to_str().unwrap()).unwrap_err(), "is not a regular file");
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // Opening it would never return.
        assert_eq!(read(pipe.to_str().unwrap()).unwrap_err(), "is not a regular file");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
