//! Small files that a crash and a loss of power leave whole: either as they were before, or as they are to be.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Replaces the file by one with this text, or removes it. When it returns, a loss of power does not undo it. It waits for the
/// disk: not to be called on the engine's thread.
pub(crate) fn write(path: &Path, text: Option<&str>) -> io::Result<()> {
    let directory =
        path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if let Some(text) = text {
        make(directory)?;
        let mut draft = path.to_owned().into_os_string();
        draft.push(".new");
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
    } else {
        match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            result => result?,
        }
    }
    File::open(directory)?.sync_all()
}

/// Makes the directory if it is not there. A new one is an entry of its parent, which must reach the disk too.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent =
        directory.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    make(parent)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}
