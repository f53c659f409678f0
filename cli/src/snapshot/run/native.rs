//! What needs no process: renaming and removing files.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use pve_native_core::snapshot::plan::Native;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Does it. The message says what failed.
pub fn run(action: &Native) -> Result<(), String> {
    match action {
        Native::Rename { from, to } => rename(Path::new(from), Path::new(to))
            .map_err(|e| format!("cannot rename '{from}' to '{to}': {e}")),
        Native::Unlink { path } => match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(format!("cannot remove '{path}': {e}"))
            }
            _ => Ok(()),
        },
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_after_a_look(from, to)?,
        Err(e) => return Err(e.into()),
    }
    // So that the next step does not become durable before this one.
    let folder = to.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// For file systems that cannot do it in one step, such as NFS. A hard link would be no better: cut
/// off before the old name is gone, there would be two images in one file. Nobody makes such a name
/// meanwhile but another run, which the lock keeps away.
fn rename_after_a_look(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(rename: impl Fn(&Path, &Path) -> io::Result<()>) {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&a, "a").unwrap();
        rename(&a, &b).unwrap();
        assert_eq!(fs::read(&b).unwrap(), b"a");
        fs::write(&c, "c").unwrap();
        let taken = rename(&b, &c).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&c).unwrap(), b"c");
        assert!(rename(&a, &b).is_err());
    }

    #[test]
    fn a_name_that_is_taken_stays_whose_it_is() {
        tries(rename);
        tries(rename_after_a_look);
    }

    #[test]
    fn what_is_gone_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        fs::write(&path, "a").unwrap();
        let unlink = Native::Unlink { path };
        assert_eq!(run(&unlink), Ok(()));
        assert_eq!(run(&unlink), Ok(()));
        let path = folder.path().to_str().unwrap().to_owned();
        assert!(run(&Native::Unlink { path }).is_err());
    }
}
