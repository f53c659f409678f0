//! One run at a time for each volume: an advisory lock on a file in `/run/lock`.
//!
//! It keeps two runs of this command on one node apart, also after the first was killed, while its
//! last step still runs: steps inherit the lock. It does not cover other nodes, Proxmox VE's own
//! operations (which have the cluster's lock), or a guest that is started meanwhile.

use std::fs::File;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use pve_native_core::snapshot::Graph;
use pve_native_core::snapshot::plan::Site;
use pve_native_core::text::printable;
use pve_native_core::{Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open, stat};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

const FOLDER: &str = "/run/lock";
/// How long the lock is waited for: what was killed needs a moment to end.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of a file's name that are for the volume.
const LONGEST: usize = 200;

/// Held until it is dropped.
pub struct Lock(File);

impl Lock {
    /// Takes the lock of the volume. An error if another run keeps it.
    pub fn of(graph: &Graph, site: &Site) -> Result<Self> {
        Self::within(PATIENCE, graph, site)
    }

    pub(super) fn within(patience: Duration, graph: &Graph, site: &Site) -> Result<Self> {
        let path = path(graph, site)?;
        let shown = path.as_os_str().as_encoded_bytes().to_vec();
        let failed = |action| {
            let shown = shown.clone();
            move |e: Errno| Error::io(action, e.raw_os_error()).in_file(&shown)
        };
        // The file stays: were it removed, two could lock two files of one name.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(failed("open"))?;
        let end = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(file.into())),
                Err(Errno::WOULDBLOCK) if Instant::now() < end => thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => {
                    let (volume, path) = (graph.subject().volume(), printable(&shown));
                    return Err(Error::unsupported(format!(
                        "another run works on volume '{volume}': it has locked '{path}'"
                    )));
                }
                Err(e) => return Err(failed("lock")(e)),
            }
        }
    }

    /// Does something whose processes hold the lock as well.
    pub fn inherited<T>(&self, task: impl FnOnce() -> T) -> T {
        // Where it cannot be inherited it protects no less than other advice does.
        let _ = fcntl_setfd(&self.0, FdFlags::empty());
        let result = task();
        let _ = fcntl_setfd(&self.0, FdFlags::CLOEXEC);
        result
    }
}

/// Named for where the volume is, and for the name that all of its layouts share.
fn path(graph: &Graph, site: &Site) -> Result<PathBuf> {
    let stem = graph.subject().volume().stem();
    let place = match site.group() {
        Some(group) => group.to_owned(),
        None => {
            let folder = site.path(".");
            let failed = |e: Errno| Error::io("stat", e.raw_os_error()).in_file(folder.as_bytes());
            let found = stat(&*folder).map_err(failed)?;
            format!("{}-{}", found.st_dev, found.st_ino)
        }
    };
    let name = format!("{place}-{stem}");
    // Volumes of very long names may share a lock.
    let short = name.char_indices().take_while(|(at, _)| *at < LONGEST);
    let name: String = short.map(|(_, c)| c).collect();
    Ok([FOLDER, &format!("pve-native-{name}.lock")]
        .iter()
        .collect())
}
