//! The inputs that lie in the repository: `fuzz/seeds/TARGET/` and `fuzz/regressions/TARGET/`.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// An input and the name of its file.
pub type Named = (String, Vec<u8>);

/// The seeds of a target as committed, in the order of their names.
pub fn seeds(target: &str) -> io::Result<Vec<Named>> {
    files(&folder("seeds").join(target))
}

/// Inputs that a target once failed on, in the order of their names.
pub fn regressions(target: &str) -> io::Result<Vec<Named>> {
    files(&folder("regressions").join(target))
}

/// A folder of `fuzz/`.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// What lies in a folder; nothing if there is none.
fn files(folder: &Path) -> io::Result<Vec<Named>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}
