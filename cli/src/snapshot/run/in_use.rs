//! Who has an image open on this node: a guest that is still running, or what is left of a run that
//! was killed. Renaming a logical volume under a guest is no error to LVM, and would lose what the
//! guest writes from then on.
//!
//! The names of open files are read from `/proc`, which asks no storage. Other nodes are not seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use pve_native_core::snapshot::Plan;
use pve_native_core::snapshot::plan::Site;
use pve_native_core::text::printable;
use pve_native_core::{Error, Result};

/// udev looks into a device whenever somebody has written to it, and is soon done.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// An error if a process has an image open that the plan changes.
pub fn check(plan: &Plan, site: &Site) -> Result<()> {
    let mut images = BTreeSet::new();
    for step in &plan.steps {
        let there = step
            .writes
            .iter()
            .filter(|name| step.pre.get(*name).is_some_and(Option::is_some));
        // Not there yet, or not active: nobody can have it open.
        images.extend(there.filter_map(|name| fs::canonicalize(site.path(name)).ok()));
    }
    for _ in 1..LOOKS {
        if user(&images).is_none() {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    match user(&images) {
        None => Ok(()),
        Some((process, path)) => {
            let path = printable(path.as_os_str().as_encoded_bytes()).into_owned();
            Err(Error::unsupported(format!(
                "process {process} has '{path}' open: the guest must be stopped"
            )))
        }
    }
}

/// A process that has one of these open, and which.
fn user(images: &BTreeSet<PathBuf>) -> Option<(String, PathBuf)> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let mut processes = entries.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    });
    processes.find_map(|process| {
        let open = opened(&process.path()).find(|path| images.contains(path))?;
        let name = fs::read(process.path().join("comm")).unwrap_or_default();
        let pid = process.file_name();
        let name = printable(name.trim_ascii()).into_owned();
        Some((format!("{} ({name})", pid.to_string_lossy()), open))
    })
}

/// What a process has open; nothing of one that has ended or belongs to somebody else.
fn opened(process: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten();
    descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn an_open_file_has_a_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap().join("image");
        let file = File::create(&path).unwrap();
        let images = BTreeSet::from([path.clone()]);
        let (process, open) = user(&images).unwrap();
        assert!(process.starts_with(&std::process::id().to_string()));
        assert_eq!(open, path);
        drop(file);
        assert_eq!(user(&images), None);
    }
}
