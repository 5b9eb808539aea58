//! Results as a file that is there whole or not at all: a command that is ended half-way leaves what was there before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// Writes the file beside its place and moves it there. What is no regular file (a link, a pipe, a terminal) is written as
/// it is: nothing is to be put in its place.
///
/// # Errors
/// When the file cannot be written; the message has its path.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return fs::write(path, text).map_err(|error| failure(path, &error));
    }
    let beside = beside(path);
    let moved = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    moved.map_err(|error| {
        // Nothing is lost if it stays: the message below is about the cause.
        let _ = fs::remove_file(&beside);
        failure(path, &error)
    })
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}\nName a file in a folder that you may write to.", path.display()))
}

/// In the same folder, because a file is moved as a whole only within one file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_failure_leaves_nothing() {
        let folder = std::env::temp_dir().join(format!("heartbeat-whole-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("picture.svg");
        write(&path, "first").unwrap();
        write(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        #[cfg(unix)]
        {
            let link = folder.join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            write(&link, "by a link").unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            fs::remove_file(&link).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "by a link");
        }
        // A folder cannot be replaced by a file.
        let blocked = folder.join("taken");
        fs::create_dir(&blocked).unwrap();
        let Err(Failure::Failed(words)) = write(&blocked, "text") else { panic!("a folder was replaced") };
        assert!(words.contains("taken") && words.contains("folder that you may write to"), "{words}");
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}
