//! A file kept open for others: by its descriptor, or under a name in `/proc` that leads to it
//! whatever becomes of its path.

use super::file::{File, Place};
use super::sys;
use crate::error::{Error, Result};

/// An open file descriptor of this process, closed when dropped.
pub struct Descriptor(sys::Fd);

impl File {
    /// The same open file, for as long as it is wanted. The deadline ends with the call, but not
    /// the descriptor: whoever drops it later may wait for storage that no longer answers.
    pub fn descriptor(&self) -> Result<Descriptor> {
        let duplicate = |fd: &sys::Fd| {
            sys::duplicate(fd.number()).map_err(|errno| Error::io("keep open", errno))
        };
        match &self.place {
            Place::Inline(fd) | Place::AtHand(fd) => duplicate(fd),
            Place::Timed(timed) => match (&timed.near, timed.far_if_open()) {
                (Some(near), _) => duplicate(&near.fd),
                (None, Some(far)) => timed.call.take(far),
                (None, None) => Err(Error::io("keep open", libc::EBADF)),
            },
        }
        .map(Descriptor)
    }
}

impl Descriptor {
    /// Its number in this process, and in its children.
    pub fn number(&self) -> i32 {
        self.0.number()
    }

    /// A name by which other processes of this user find the file, while this one lives.
    pub fn proc_name(&self) -> String {
        format!("/proc/{}/fd/{}", sys::own_pid(), self.number())
    }
}
