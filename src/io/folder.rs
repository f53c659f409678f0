//! Opening many files of one folder: the way to it is looked up once and not for each of them. What
//! is checked of the files is the same.

use super::file::{Access, File, Storage, check_path, open_inline_in};
use super::sys;
use crate::error::Result;
use crate::text::folder;

/// A folder that is held, but not read. Files elsewhere are opened by their whole path.
#[derive(Default)]
pub struct Folder {
    /// As the paths of its files begin, with a slash at its end.
    path: Box<[u8]>,
    held: Option<sys::Fd>,
}

impl Folder {
    /// The name of a file that lies in it, and the folder itself.
    fn name_of<'a>(&self, path: &'a [u8]) -> Option<(&sys::Fd, &'a [u8])> {
        let held = self.held.as_ref()?;
        let name = path.strip_prefix(&*self.path)?;
        let plain = !name.is_empty() && !name.contains(&b'/');
        plain.then_some((held, name))
    }
}

impl Storage {
    /// Holds the folder in which the file at `path` lies. Where there is a deadline nothing is held:
    /// each look-up is then made by ways that cannot block.
    pub fn folder_of(&self, path: &[u8]) -> Folder {
        let path = folder(path);
        let held = match (&self.access, check_path(path)) {
            (Access::Inline, Ok(())) => sys::find(path, 0).ok(),
            _ => None,
        };
        Folder {
            path: path.into(),
            held,
        }
    }

    /// Opens a file as [`open`](Self::open) does, quicker if it lies in this folder.
    pub fn open_in(&self, folder: &Folder, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
        let Some((held, name)) = folder.name_of(path) else {
            return self.open(path, head);
        };
        check_path(path)?;
        open_inline_in(held, name, head).map_err(|e| e.in_file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    #[test]
    fn a_file_is_the_same_by_its_folder_and_by_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).as_os_str().as_bytes().to_vec();
        std::fs::write(directory.path().join("a"), b"abc").unwrap();
        std::os::unix::fs::symlink("a", directory.path().join("link")).unwrap();
        std::fs::create_dir(directory.path().join("b")).unwrap();
        std::fs::write(directory.path().join("b/c"), b"abc").unwrap();
        for storage in [
            Storage::inline(),
            Storage::at_hand(),
            Storage::with_timeout(Duration::from_secs(30)),
        ] {
            let folder = storage.folder_of(&path("a"));
            assert_eq!(folder.held.is_some(), storage.is_inline());
            for name in [
                "a", "link", "b", "b/c", "b/../a", ".", "..", "", "none", "a/b", "x\0",
            ] {
                let (mut one, mut other) = ([0; 8], [0; 8]);
                let quick = storage.open_in(&folder, &path(name), &mut one);
                let usual = storage.open(&path(name), &mut other);
                let seen = |opened: Result<(File, usize)>| match opened {
                    Ok((file, length)) => Ok((*file.meta(), length)),
                    Err(error) => Err(error.to_string()),
                };
                // What is not at hand now may be so the next time.
                if !matches!(storage.access, Access::AtHand) {
                    assert_eq!(seen(quick), seen(usual), "{name}");
                    assert_eq!(one, other);
                }
            }
        }
        let none = Storage::inline().folder_of(&path("none/a"));
        assert!(none.held.is_none());
        assert!(
            Storage::inline()
                .open_in(&none, &path("a"), &mut [])
                .is_ok()
        );
        assert!(Storage::inline().folder_of(b"a").held.is_none());
    }
}
