//! Finding a file before it is opened: what a name leads to is held fast and can be judged (its
//! kind, its identity, where it really lies), and only then is the very same file opened.
//!
//! Names that an image holds go this way. A FIFO, a socket or a device that must not be touched is
//! never opened, and swapping the file between the judgement and the opening changes nothing.

use std::sync::{Arc, Mutex};

use super::call::{Call, Far};
use super::file::{Access, File, FileKind, Meta, Near, Place, Storage, Timed, fill};
use super::sys;
use crate::error::{Code, Error, Result};

/// Which links a look-up may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// All of them, those of `/proc` to open files too. For names that the caller gave.
    All,
    /// Symbolic links as file systems store them.
    Symbolic,
    /// None. Needs `openat2` (Linux 5.6).
    None,
}

impl Links {
    /// `open_how.resolve`.
    fn rules(self) -> u64 {
        match self {
            Links::All => 0,
            Links::Symbolic => libc::RESOLVE_NO_MAGICLINKS,
            Links::None => libc::RESOLVE_NO_SYMLINKS,
        }
    }
}

/// A file that is held fast, but not open.
pub struct Found {
    path: Box<[u8]>,
    place: Held,
    meta: Meta,
    real_path: Vec<u8>,
}

enum Held {
    Inline(sys::Fd),
    AtHand(sys::Fd),
    Near(Arc<Call>, sys::Fd, Links),
    Far(FarPlace),
}

/// What the helper has found; given back when dropped.
struct FarPlace {
    call: Arc<Call>,
    far: Far,
}

impl Drop for FarPlace {
    fn drop(&mut self) {
        self.call.close(self.far);
    }
}

impl Storage {
    /// Finds what `path` leads to.
    pub fn find(&self, path: &[u8], links: Links) -> Result<Found> {
        super::file::check_path(path)?;
        self.find_unchecked(path, links)
            .map_err(|e| e.in_file(path))
    }

    fn find_unchecked(&self, path: &[u8], links: Links) -> Result<Found> {
        let found = |place, meta, real_path| Found {
            path: path.into(),
            place,
            meta,
            real_path,
        };
        let near = match &self.access {
            Access::Inline => {
                let (fd, meta) = find_inline(path, links)?;
                let real = real_path(&fd)?;
                return Ok(found(Held::Inline(fd), meta, real));
            }
            Access::AtHand => sys::find_at_hand(path, links.rules()),
            Access::Timed(call) => {
                call.check()?;
                sys::find_at_hand(path, links.rules())
            }
        };
        match (near, &self.access) {
            (Some(Err(errno)), _) => Err(Error::io("open", errno)),
            (Some(Ok((fd, meta))), Access::Timed(call)) => {
                let real = real_path(&fd)?;
                Ok(found(Held::Near(Arc::clone(call), fd, links), meta, real))
            }
            (Some(Ok((fd, meta))), _) => {
                let real = real_path(&fd)?;
                Ok(found(Held::AtHand(fd), meta, real))
            }
            (None, Access::Timed(call)) => {
                let (far, meta) = find_far(call, path, links)?;
                let call = Arc::clone(call);
                let place = FarPlace { call, far };
                let real = place.call.real_path(far)?;
                Ok(found(Held::Far(place), meta, real))
            }
            (None, _) => Err(Error::io("open", libc::EWOULDBLOCK)),
        }
    }
}

/// Without `openat2` links of `/proc` cannot be told from others; where it matters where a file
/// lies, that is looked at all the same.
fn without_rules(links: Links, errno: i32) -> bool {
    links == Links::Symbolic && matches!(errno, libc::ENOSYS | libc::EPERM)
}

fn find_inline(path: &[u8], links: Links) -> Result<(sys::Fd, Meta)> {
    let fd = match sys::find(path, links.rules()) {
        Err(errno) if without_rules(links, errno) => sys::find(path, 0),
        result => result,
    }
    .map_err(|errno| Error::io("open", errno))?;
    let meta = sys::stat_place(&fd).map_err(|errno| Error::io("stat", errno))?;
    Ok((fd, meta))
}

fn find_far(call: &Call, path: &[u8], links: Links) -> Result<(Far, Meta)> {
    match call.find(path, links.rules()) {
        Err(error) if error.code() == Code::Io && without_rules(links, error.errno()) => {
            call.find(path, 0)
        }
        result => result,
    }
}

fn real_path(fd: &sys::Fd) -> Result<Vec<u8>> {
    sys::real_path(fd).map_err(|errno| Error::io("find the real place of", errno))
}

impl Found {
    /// Kind and identity; of a block device the size is not known yet.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Where the file really lies, no link in its path. As the kernel says it: a file that has
    /// been deleted has ` (deleted)` behind its name.
    pub fn real_path(&self) -> &[u8] {
        &self.real_path
    }

    /// Opens it for reading and reads its first bytes into `head`; returns how many there are.
    pub fn open(self, head: &mut [u8]) -> Result<(File, usize)> {
        let path = self.path.clone();
        self.open_same(head).map_err(|e| e.in_file(&path))
    }

    fn open_same(self, head: &mut [u8]) -> Result<(File, usize)> {
        match self.meta.kind {
            FileKind::Regular | FileKind::Block => {}
            FileKind::Directory => return Err(Error::format("is a directory")),
            FileKind::Other => {
                return Err(Error::format("neither a regular file nor a block device"));
            }
        }
        let (identity, kind) = (self.meta.identity, self.meta.kind);
        let (place, meta, length) = match self.place {
            Held::Inline(found) => {
                let errno = |action| move |errno| Error::io(action, errno);
                let fd = sys::open(&sys::own_name(&found)).map_err(errno("open"))?;
                let meta = sys::stat(&fd).map_err(errno("stat"))?;
                let length = fill(&fd, meta.size, 0, head)?;
                (Place::Inline(fd), meta, length)
            }
            Held::AtHand(found) => {
                let opened = sys::open_found_at_hand(&found, self.meta, head);
                let (fd, opened) = opened.ok_or(Error::io("open", libc::EWOULDBLOCK))?;
                (Place::AtHand(fd), opened.meta, opened.length)
            }
            Held::Near(call, found, links) => {
                call.check()?;
                let path = &self.path;
                let (near, far, opened) = match sys::open_found_at_hand(&found, self.meta, head) {
                    Some((fd, opened)) => {
                        let path = path.clone();
                        (Some(Near { fd, path }), None, opened)
                    }
                    None => {
                        let (far, opened) = open_near(&call, &found, path, links, identity, head)?;
                        (None, Some(far), opened)
                    }
                };
                let far = Mutex::new(far);
                let timed = Timed { call, near, far };
                (Place::Timed(timed), opened.meta, opened.length)
            }
            Held::Far(found) => {
                let (far, opened) = found.call.open_found(found.far, head)?;
                let timed = Timed {
                    call: Arc::clone(&found.call),
                    near: None,
                    far: Mutex::new(Some(far)),
                };
                (Place::Timed(timed), opened.meta, opened.length)
            }
        };
        if (meta.identity, meta.kind) != (identity, kind) {
            return Err(Error::io("open", libc::ESTALE));
        }
        Ok((File { place, meta }, length))
    }
}

/// Opens in the helper what was found here: by our descriptor; where the system forbids that (to
/// a process that has changed its user), found once more.
fn open_near(
    call: &Call,
    found: &sys::Fd,
    path: &[u8],
    links: Links,
    identity: (u64, u64),
    head: &mut [u8],
) -> Result<(Far, sys::Opened)> {
    match call.open(&found.name(), head) {
        Err(error) if error.code() == Code::Io && error.errno() == libc::EACCES => {
            open_again(call, path, links, identity, head)
        }
        result => result,
    }
}

/// Finds `path` once more in the helper and opens it, if it is the same file still.
pub(super) fn open_again(
    call: &Call,
    path: &[u8],
    links: Links,
    identity: (u64, u64),
    head: &mut [u8],
) -> Result<(Far, sys::Opened)> {
    let (far, meta) = find_far(call, path, links)?;
    let opened = if meta.identity == identity {
        call.open_found(far, head)
    } else {
        // Not even opened: it may be a FIFO now.
        Err(Error::io("open", libc::ESTALE))
    };
    call.close(far);
    opened
}
