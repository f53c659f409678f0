//! The helper of one public call, whichever kind can be had: a process, or a thread in its place.

use super::process::Process;
use super::thread::Thread;
use super::{Deadline, Failure, Opened};

enum Kind {
    Process(Process),
    Thread(Thread),
}

/// Does what can hang, and can be left behind when it does.
pub(in crate::io) struct Helper(Kind);

impl Helper {
    /// Starts one. It does nothing before it is asked.
    pub fn start() -> Result<Self, Failure> {
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

    /// The file is not needed any more.
    pub fn close(&mut self, fd: i32) {
        match &mut self.0 {
            Kind::Process(process) => process.close(fd),
            Kind::Thread(thread) => thread.close(fd),
        }
    }
}
