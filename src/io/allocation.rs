//! Where a file has data and where it has holes, as its file system tells.

use super::file::{File, Place};
use super::sys;
use crate::error::{Code, Error, Result};

/// What a file system tells of a stretch of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// There is data from here up to this offset.
    Data(u64),
    /// There is a hole from here up to this offset.
    Hole(u64),
    /// There is a hole from here to the end.
    LastHole,
    /// It does not tell.
    Unknown,
}

impl File {
    /// Whether there is data or a hole at `offset`, and how far it goes.
    pub fn allocation(&self, offset: u64) -> Result<Allocation> {
        let data = match self.seek(offset, libc::SEEK_DATA) {
            Ok(at) => at,
            Err(error) if error.errno() == libc::ENXIO => return Ok(Allocation::LastHole),
            Err(error) if error.code() == Code::Io => return Ok(Allocation::Unknown),
            Err(error) => return Err(error),
        };
        if data > offset {
            return Ok(Allocation::Hole(data));
        }
        match self.seek(offset, libc::SEEK_HOLE) {
            Ok(hole) if hole > offset => Ok(Allocation::Data(hole)),
            Err(error) if error.errno() == libc::ENXIO => Ok(Allocation::LastHole),
            Err(error) if error.code() != Code::Io => Err(error),
            _ => Ok(Allocation::Unknown),
        }
    }

    fn seek(&self, offset: u64, whence: i32) -> Result<u64> {
        match &self.place {
            Place::Inline(fd) => {
                sys::seek(fd, offset, whence).map_err(|errno| Error::io("seek in", errno))
            }
            Place::AtHand(_) => Err(Error::io("seek in", libc::EWOULDBLOCK)),
            Place::Timed(timed) => {
                timed.call.check()?;
                timed.call.seek(timed.far(&self.meta)?, offset, whence)
            }
        }
    }
}
