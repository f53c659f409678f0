//! Opening a file or block device and reading it, inline or within a deadline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::call::{Call, Far};
use super::found::{Links, open_again};
use super::source::ReadAt;
use super::sys;
use crate::error::{Code, Error, Result};
use crate::limits::{self, Limits};

/// What kind of file it is, as far as images care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A block device.
    Block,
    /// A directory: no image, but a container's volume on PVE's directory storages.
    Directory,
    /// Anything else: FIFO, socket, character device.
    Other,
}

impl FileKind {
    /// Whether it can hold an image.
    pub(super) fn is_data(self) -> bool {
        matches!(self, FileKind::Regular | FileKind::Block)
    }
}

/// What the operating system says of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its kind.
    pub kind: FileKind,
    /// Length in bytes; of a block device the device's size.
    pub size: u64,
    /// Bytes of storage it takes (`st_blocks` × 512); 0 for block devices.
    pub allocated: u64,
    /// What makes two names the same file: (device, inode), for block devices (device number, 0).
    pub identity: (u64, u64),
    /// Time of the last status change, seconds since the epoch.
    pub ctime: i64,
}

/// Access to storage for one public call, and the bounds that hold for it.
pub struct Storage {
    pub(super) access: Access,
    limits: Limits,
}

pub(super) enum Access {
    Inline,
    AtHand,
    Timed(Arc<Call>),
}

impl Storage {
    /// Every system call is made in place, however long it takes.
    pub fn inline() -> Self {
        Storage::new(Access::Inline)
    }

    /// Only what the kernel has in memory is answered; what would have to be waited for fails
    /// with an error whose errno is `EAGAIN`.
    pub fn at_hand() -> Self {
        Storage::new(Access::AtHand)
    }

    /// All that is done with it, and with the files it opens, ends within `timeout` from now.
    ///
    /// What is at hand is answered in place. For the rest a helper is started, at most one, which
    /// ends with the last of this and its files; if storage does not answer in time, the call
    /// fails with [`Timeout`](crate::ErrorKind::Timeout) and the helper is left to the kernel.
    /// While [`limits::STUCK_HELPERS`] are left so, calls that need another one fail at once with
    /// [`Busy`](crate::ErrorKind::Busy).
    pub fn with_timeout(timeout: Duration) -> Self {
        Storage::new(Access::Timed(Arc::new(Call::new(timeout))))
    }

    fn new(access: Access) -> Self {
        Storage {
            access,
            limits: Limits::DEFAULT,
        }
    }

    /// The same for a call with other bounds. A field that is 0 is the default, and what is above
    /// what callers may ask for is the most of it.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits.bounded();
        self
    }

    /// Whether all is done in place, however long it takes.
    pub fn is_inline(&self) -> bool {
        matches!(self.access, Access::Inline)
    }

    /// The bounds of the call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A new call on the same files: its time, if it is bounded, runs from now.
    pub fn renew(&self) {
        if let Access::Timed(call) = &self.access {
            call.renew();
        }
    }

    /// Opens `path` for reading and reads its first bytes into `head`; returns how many there are.
    ///
    /// Never waits for the other end of a FIFO, never becomes a controlling terminal's owner, and
    /// reads only from regular files and block devices.
    pub fn open(&self, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
        check_path(path)?;
        match &self.access {
            Access::Inline => open_inline(path, head),
            Access::AtHand => open_at_hand(path, head),
            Access::Timed(call) => open_timed(call, path, head),
        }
        .map_err(|e| e.in_file(path))
    }
}

impl Storage {
    /// The same for a path that an image holds: what is neither a regular file nor a block device
    /// is not opened, so that nothing happens to FIFOs, tapes and watchdogs. Whoever must be sure of
    /// that while files are exchanged uses [`Storage::find`].
    pub fn open_named(&self, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
        check_path(path)?;
        match &self.access {
            Access::Inline => open_named_inline(path, head),
            // What is at hand is found before it is opened.
            Access::AtHand => open_at_hand(path, head),
            Access::Timed(call) => open_named_timed(call, path, head),
        }
        .map_err(|e| e.in_file(path))
    }
}

/// A look before the file is opened: it costs less than half of what finding it first would.
fn open_named_inline(path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
    let meta = sys::stat_path(path).map_err(|errno| Error::io("open", errno))?;
    if meta.kind.is_data() {
        return open_inline(path, head);
    }
    let found = sys::find(path, 0).map_err(|errno| Error::io("open", errno))?;
    let place = Place::Inline(found);
    Ok((File { place, meta }, 0))
}

fn open_named_timed(call: &Arc<Call>, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
    call.check()?;
    match sys::open_at_hand(path, head) {
        Some(Ok((fd, opened))) => Ok(timed(call, Some((fd, path)), None, opened)),
        Some(Err(errno)) => Err(Error::io("open", errno)),
        None => {
            let (found, meta) = call.find(path, 0)?;
            let opened = match meta.kind.is_data() {
                true => call
                    .open_found(found, head)
                    .map(|(far, opened)| (Some(far), opened)),
                false => Ok((
                    None,
                    sys::Opened {
                        fd: -1,
                        meta,
                        length: 0,
                    },
                )),
            };
            call.close(found);
            let (far, opened) = opened?;
            Ok(timed(call, None, far, opened))
        }
    }
}

/// Refuses what is no path.
pub(super) fn check_path(path: &[u8]) -> Result<()> {
    if path.is_empty() {
        return Err(Error::argument("path is empty"));
    }
    if path.contains(&0) {
        return Err(Error::argument("path contains a NUL byte").in_file(path));
    }
    if path.len() >= limits::PATH {
        return Err(Error::io("open", libc::ENAMETOOLONG).in_file(path));
    }
    Ok(())
}

fn open_inline(path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
    read_head(sys::open(path), head)
}

/// The same by its name in a folder.
pub(super) fn open_inline_in(
    folder: &sys::Fd,
    name: &[u8],
    head: &mut [u8],
) -> Result<(File, usize)> {
    read_head(sys::open_in(folder, name), head)
}

fn read_head(opened: std::result::Result<sys::Fd, i32>, head: &mut [u8]) -> Result<(File, usize)> {
    let fd = opened.map_err(|errno| Error::io("open", errno))?;
    let meta = sys::stat(&fd).map_err(|errno| Error::io("stat", errno))?;
    let length = match meta.kind {
        FileKind::Regular | FileKind::Block => fill(&fd, meta.size, 0, head)?,
        FileKind::Directory | FileKind::Other => 0,
    };
    let place = Place::Inline(fd);
    Ok((File { place, meta }, length))
}

fn open_at_hand(path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
    match sys::open_at_hand(path, head) {
        Some(Ok((fd, opened))) => {
            let file = File {
                place: Place::AtHand(fd),
                meta: opened.meta,
            };
            Ok((file, opened.length))
        }
        Some(Err(errno)) => Err(Error::io("open", errno)),
        None => Err(Error::io("open", libc::EWOULDBLOCK)),
    }
}

fn open_timed(call: &Arc<Call>, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
    call.check()?;
    match sys::open_at_hand(path, head) {
        Some(Ok((fd, opened))) => Ok(timed(call, Some((fd, path)), None, opened)),
        Some(Err(errno)) => Err(Error::io("open", errno)),
        None => {
            let (far, opened) = call.open(path, head)?;
            Ok(timed(call, None, Some(far), opened))
        }
    }
}

fn timed(
    call: &Arc<Call>,
    near: Option<(sys::Fd, &[u8])>,
    far: Option<Far>,
    opened: sys::Opened,
) -> (File, usize) {
    let file = File {
        place: Place::Timed(Timed {
            call: Arc::clone(call),
            near: near.map(|(fd, path)| Near {
                fd,
                path: path.into(),
            }),
            far: Mutex::new(far),
        }),
        meta: opened.meta,
    };
    (file, opened.length)
}

/// An open file or block device.
pub struct File {
    pub(super) place: Place,
    pub(super) meta: Meta,
}

pub(super) enum Place {
    Inline(sys::Fd),
    AtHand(sys::Fd),
    Timed(Timed),
}

/// A file within a deadline.
pub(super) struct Timed {
    pub call: Arc<Call>,
    /// Open here, for what is at hand.
    pub near: Option<Near>,
    /// Open in the helper, for the rest.
    pub far: Mutex<Option<Far>>,
}

pub(super) struct Near {
    pub fd: sys::Fd,
    /// To open it again.
    pub path: Box<[u8]>,
}

impl File {
    /// What the operating system said when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let rest = self.meta.size.saturating_sub(offset);
        let within = usize::try_from(rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        let wanted = &mut buffer[..within];
        let done = match &self.place {
            Place::Inline(fd) => fill(fd, self.meta.size, offset, wanted)?,
            Place::AtHand(fd) if sys::read_at_hand(fd, offset, wanted) => within,
            Place::AtHand(_) => return Err(Error::io("read", libc::EWOULDBLOCK)),
            Place::Timed(timed) => timed.read(&self.meta, offset, wanted)?,
        };
        buffer[done..].fill(0);
        Ok(())
    }
}

/// Reads until `buffer` is full or the file ends; returns the number of bytes.
pub(super) fn fill(fd: &sys::Fd, size: u64, offset: u64, buffer: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset.saturating_add(done as u64);
        if at >= size {
            break;
        }
        match sys::pread(fd, at, &mut buffer[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(libc::EINTR) => {}
            Err(errno) => return Err(Error::io("read", errno).at(at)),
        }
    }
    Ok(done)
}

impl Timed {
    fn read(&self, meta: &Meta, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.call.check()?;
        if let Some(near) = &self.near {
            if sys::read_at_hand(&near.fd, offset, buffer) {
                return Ok(buffer.len());
            }
        }
        let far = self.far(meta)?;
        self.call.read(far, offset, buffer)
    }

    /// The file in the helper, if it is open there.
    pub fn far_if_open(&self) -> Option<Far> {
        *self.far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file in the helper; opened there when first needed.
    pub fn far(&self, meta: &Meta) -> Result<Far> {
        let mut far = self.far.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(far) = *far {
            return Ok(far);
        }
        let opened = self.open_again(meta)?;
        *far = Some(opened);
        Ok(opened)
    }

    /// By its descriptor here; by its name where the system forbids that (to a process that has
    /// changed its user), and then it must be the same file still.
    fn open_again(&self, meta: &Meta) -> Result<Far> {
        let Some(near) = &self.near else {
            return Err(Error::io("open", libc::ESTALE));
        };
        let opened = match self.call.open(&near.fd.name(), &mut []) {
            Err(error) if error.code() == Code::Io => {
                open_again(&self.call, &near.path, Links::All, meta.identity, &mut [])
            }
            result => result,
        };
        opened.map(|(far, _)| far)
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let far = self.far.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(far) = far.take() {
            self.call.close(far);
        }
    }
}
