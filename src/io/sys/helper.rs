//! The helper of one public call, whichever kind can be had: a process, or a thread in its place.

use super::process::Process;
use super::registry;
use super::thread::Thread;
use super::{Deadline, Failure, Fd, Opened, name_of};
use crate::io::file::Meta;

enum Kind {
    Process(Process),
    Thread(Thread),
}

/// Does what can hang, and can be left behind when it does.
pub(in crate::io) struct Helper(Kind);

impl Helper {
    /// Starts one. It does nothing before it is asked.
    pub fn start() -> Result<Self, Failure> {
        registry::check_for_room()?;
        match Process::start() {
            Ok(process) => Ok(Helper(Kind::Process(process))),
            Err(Failure::Refused) => Thread::start().map(|thread| Helper(Kind::Thread(thread))),
            Err(failure) => Err(failure),
        }
    }

    /// Whether it can be asked: it was not left behind, and this is the process that started it.
    pub fn is_usable(&self) -> bool {
        match &self.0 {
            Kind::Process(process) => process.is_usable(),
            Kind::Thread(thread) => thread.is_usable(),
        }
    }

    /// Opens a file and reads its first bytes.
    pub fn open(
        &mut self,
        name: &[u8],
        head: &mut [u8],
        deadline: Deadline,
    ) -> Result<Opened, Failure> {
        if let Kind::Process(process) = &mut self.0 {
            match process.open(name, head, deadline) {
                // It could not get a descriptor table of its own, and has ended.
                Err(Failure::Refused) => self.0 = Kind::Thread(Thread::start()?),
                result => return result,
            }
        }
        match &mut self.0 {
            Kind::Thread(thread) => thread.open(name, head, deadline),
            Kind::Process(_) => Err(Failure::Refused),
        }
    }

    /// Reads from a file that it has open; fewer bytes than asked for only at the file's end or
    /// where one request is not enough.
    pub fn read(
        &mut self,
        fd: i32,
        offset: u64,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, Failure> {
        match &mut self.0 {
            Kind::Process(process) => process.read(fd, offset, buffer, deadline),
            Kind::Thread(thread) => thread.read(fd, offset, buffer, deadline),
        }
    }

    /// Looks a name up by these rules (`open_how.resolve`), without opening what it leads to.
    pub fn find(
        &mut self,
        name: &[u8],
        resolve: u64,
        deadline: Deadline,
    ) -> Result<(i32, Meta), Failure> {
        if let Kind::Process(process) = &mut self.0 {
            match process.find(name, resolve, deadline) {
                Err(Failure::Refused) => self.0 = Kind::Thread(Thread::start()?),
                result => return result,
            }
        }
        match &mut self.0 {
            Kind::Thread(thread) => thread.find(name, resolve, deadline),
            Kind::Process(_) => Err(Failure::Refused),
        }
    }

    /// Opens for reading what it has found.
    pub fn open_found(
        &mut self,
        fd: i32,
        head: &mut [u8],
        deadline: Deadline,
    ) -> Result<Opened, Failure> {
        self.open(&name_of(fd), head, deadline)
    }

    /// Where a file that it has open really lies.
    pub fn real_path(&mut self, fd: i32, deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let name = name_of(fd);
        match &mut self.0 {
            Kind::Process(process) => process.read_link(&name, deadline),
            Kind::Thread(thread) => thread.read_link(&name, deadline),
        }
    }

    /// A descriptor of our own for a file that it has open.
    pub fn take(&self, fd: i32) -> Result<Fd, i32> {
        match &self.0 {
            Kind::Process(process) => process.take(fd),
            // Threads share their descriptors.
            Kind::Thread(_) => super::duplicate(fd),
        }
    }

    /// Where the next data or the next hole of a file is (`lseek`).
    pub fn seek(
        &mut self,
        fd: i32,
        offset: u64,
        whence: i32,
        deadline: Deadline,
    ) -> Result<u64, Failure> {
        match &mut self.0 {
            Kind::Process(process) => process.seek(fd, offset, whence, deadline),
            Kind::Thread(thread) => thread.seek(fd, offset, whence, deadline),
        }
    }

    /// The file is not needed any more.
    pub fn close(&mut self, fd: i32) {
        match &mut self.0 {
            Kind::Process(process) => process.close(fd),
            Kind::Thread(thread) => thread.close(fd),
        }
    }
}
