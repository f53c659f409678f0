//! What all files of one call with a deadline share: the moment at which it is over, and the one
//! helper that does for them what could hang.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::Meta;
use super::sys::{self, Deadline, Failure, Fd, Helper, Opened};
use crate::error::{Error, ErrorKind, Result};

pub(super) struct Call {
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    deadline: Deadline,
    helper: Option<Helper>,
    /// Counts the helpers: a descriptor is worth nothing in another one's table.
    generation: u64,
}

/// A file that a helper has open.
#[derive(Clone, Copy)]
pub(super) struct Far {
    fd: i32,
    generation: u64,
}

impl Call {
    /// The time runs from now.
    pub fn new(timeout: Duration) -> Self {
        sys::sweep();
        Call {
            timeout,
            state: Mutex::new(State {
                deadline: Deadline::after(timeout),
                helper: None,
                generation: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error if the time is up.
    pub fn check(&self) -> Result<()> {
        if self.state().deadline.is_over() {
            return Err(Error::new(ErrorKind::Timeout));
        }
        Ok(())
    }

    /// Opens `path` through the helper and reads its first bytes.
    pub fn open(&self, path: &[u8], head: &mut [u8]) -> Result<(Far, Opened)> {
        let name = far_name(path);
        let (opened, generation) = self.ask("open", |helper, deadline| {
            helper.open(&name, head, deadline)
        })?;
        let fd = opened.fd;
        Ok((Far { fd, generation }, opened))
    }

    /// Looks `path` up through the helper by these rules, without opening what it leads to.
    pub fn find(&self, path: &[u8], resolve: u64) -> Result<(Far, Meta)> {
        let name = far_name(path);
        self.ask("open", |helper, deadline| {
            helper.find(&name, resolve, deadline)
        })
        .map(|((fd, meta), generation)| (Far { fd, generation }, meta))
    }

    /// Where a file that the helper has found really lies.
    pub fn real_path(&self, far: Far) -> Result<Vec<u8>> {
        let state = &mut *self.state();
        let deadline = state.deadline;
        let helper = state.holder(far).ok_or(Error::io("open", libc::EBADF))?;
        helper
            .real_path(far.fd, deadline)
            .map_err(|f| error(f, "open"))
    }

    /// Opens what the helper has found, and reads its first bytes.
    pub fn open_found(&self, far: Far, head: &mut [u8]) -> Result<(Far, Opened)> {
        let state = &mut *self.state();
        let deadline = state.deadline;
        let helper = state.holder(far).ok_or(Error::io("open", libc::EBADF))?;
        let opened = helper
            .open_found(far.fd, head, deadline)
            .map_err(|f| error(f, "open"))?;
        let fd = opened.fd;
        Ok((Far { fd, ..far }, opened))
    }

    /// A descriptor of our own for a file that the helper has open. Touches no storage.
    pub fn take(&self, far: Far) -> Result<Fd> {
        let mut state = self.state();
        let helper = state.holder(far).ok_or(Error::io("keep", libc::EBADF))?;
        helper
            .take(far.fd)
            .map_err(|errno| Error::io("keep", errno))
    }

    /// One question to the helper that needs no file which it has already; its answer, and the
    /// helper's generation.
    fn ask<T>(
        &self,
        action: &'static str,
        mut question: impl FnMut(&mut Helper, Deadline) -> std::result::Result<T, Failure>,
    ) -> Result<(T, u64)> {
        let state = &mut *self.state();
        if state.deadline.is_over() {
            return Err(Error::new(ErrorKind::Timeout));
        }
        let deadline = state.deadline;
        // A helper that somebody has killed is replaced, once.
        for last in [false, true] {
            let (helper, generation) = state.helper().map_err(|f| error(f, action))?;
            match question(helper, deadline) {
                Ok(answer) => return Ok((answer, generation)),
                Err(Failure::Died) if !last => {}
                Err(failure) => return Err(error(failure, action)),
            }
        }
        Err(error(Failure::Died, action))
    }

    /// Reads from a file that the helper has open, until `buffer` is full or the file ends;
    /// returns the number of bytes.
    pub fn read(&self, far: Far, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let state = &mut *self.state();
        let mut done = 0;
        while done < buffer.len() {
            if state.deadline.is_over() {
                return Err(Error::new(ErrorKind::Timeout));
            }
            let at = offset.saturating_add(done as u64);
            let deadline = state.deadline;
            let Some(helper) = state.holder(far) else {
                // It was left behind, was killed or is our parent's, and the file with it.
                return Err(Error::io("read", libc::EBADF));
            };
            match helper.read(far.fd, at, &mut buffer[done..], deadline) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(failure @ Failure::Errno(..)) => return Err(error(failure, "read").at(at)),
                Err(failure) => return Err(error(failure, "read")),
            }
        }
        Ok(done)
    }

    /// Where the next data or the next hole of a file that the helper has open is.
    pub fn seek(&self, far: Far, offset: u64, whence: i32) -> Result<u64> {
        let state = &mut *self.state();
        if state.deadline.is_over() {
            return Err(Error::new(ErrorKind::Timeout));
        }
        let deadline = state.deadline;
        let helper = state.holder(far).ok_or(Error::io("seek in", libc::EBADF))?;
        helper
            .seek(far.fd, offset, whence, deadline)
            .map_err(|f| error(f, "seek in"))
    }

    /// The time runs anew from now.
    pub fn renew(&self) {
        self.state().deadline = Deadline::after(self.timeout);
    }

    /// The file is not needed any more.
    pub fn close(&self, far: Far) {
        if let Some(helper) = self.state().holder(far) {
            helper.close(far.fd);
        }
    }
}

impl State {
    /// The helper and its generation; a new one if there is none that can be asked.
    fn helper(&mut self) -> std::result::Result<(&mut Helper, u64), Failure> {
        if !self.helper.as_ref().is_some_and(Helper::is_usable) {
            self.helper = None;
            self.generation += 1;
        }
        let helper = match self.helper.take() {
            Some(helper) => helper,
            None => Helper::start()?,
        };
        Ok((self.helper.insert(helper), self.generation))
    }

    /// The helper that has this file open, if it is still there.
    fn holder(&mut self, far: Far) -> Option<&mut Helper> {
        let same = self.generation == far.generation;
        self.helper.as_mut().filter(|h| same && h.is_usable())
    }
}

/// The name by which a helper finds what `path` means to us: `/proc/self` is another process
/// there, and one without our descriptors.
fn far_name(path: &[u8]) -> Cow<'_, [u8]> {
    let (kind, rest) = if let Some(rest) = path.strip_prefix(b"/proc/self/") {
        ("", rest)
    } else if let Some(rest) = path.strip_prefix(b"/dev/fd/") {
        ("fd/", rest)
    } else if path == b"/dev/stdin" {
        ("fd/", &b"0"[..])
    } else {
        return Cow::Borrowed(path);
    };
    let mut name = format!("/proc/{}/{kind}", sys::own_pid()).into_bytes();
    name.extend_from_slice(rest);
    Cow::Owned(name)
}

fn error(failure: Failure, action: &'static str) -> Error {
    match failure {
        // Only the first bytes are read by a request of another kind.
        Failure::Errno("read", errno) if action == "open" => Error::io("read", errno).at(0),
        Failure::Errno(action, errno) => Error::io(action, errno),
        Failure::Expired => Error::new(ErrorKind::Timeout),
        Failure::Busy => Error::new(ErrorKind::Busy),
        // What a system call says when a signal ended it.
        Failure::Died => Error::io(action, libc::EINTR),
        Failure::Refused => Error::io(action, libc::ENOSYS),
    }
}

#[cfg(test)]
mod tests {
    use super::far_name;

    #[test]
    fn our_own_descriptors_have_another_name_in_a_helper() {
        let fds = format!("/proc/{}/fd/", std::process::id());
        for (ours, number) in [
            (&b"/proc/self/fd/7"[..], "7"),
            (b"/dev/fd/12", "12"),
            (b"/dev/stdin", "0"),
        ] {
            assert_eq!(&*far_name(ours), format!("{fds}{number}").as_bytes());
        }
        for path in [&b"/proc/selfish/a"[..], b"dev/fd/3", b"/srv/a.qcow2"] {
            assert_eq!(&*far_name(path), path);
        }
    }
}
