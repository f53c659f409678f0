//! The caller's side of a helper process: starting it, asking it within a deadline, and leaving
//! it behind when the deadline passes. Nothing in here waits for storage.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::Duration;

use super::registry::Permit;
use super::signals::BlockedSignals;
use super::slot::{
    ASKED, CLOSING, DATA, EXIT, FIND, GONE, IDLE, Mapping, OPEN, READ, READ_LINK, SEEK, STEPS, Slot,
};
use super::{Deadline, Failure, Fd, Opened, child, duplicate, errno, meta, own_pid, raw};
use crate::io::file::Meta;

/// How long a helper that closes its files may take before it is left behind, if the deadline is
/// not nearer. Closing can mean a round trip to a server.
const CLOSING_TIME: Duration = Duration::from_millis(250);
/// How long a killed helper may take to end before it is left to the next call. One that is
/// stuck where signals are looked at ends well within this.
const KILL_TIME: Duration = Duration::from_millis(2);

/// A running helper process of this process.
pub(super) struct Process {
    pid: i32,
    owner: i32,
    memory: Option<Mapping>,
    deadline: Deadline,
    /// Descriptors in the helper's table that are not needed any more.
    closing: Vec<i32>,
}

impl Process {
    /// Starts a helper. Costs what a thread costs; its own descriptor table is made by itself.
    pub fn start() -> Result<Self, Failure> {
        if raw::in_valgrind() {
            return Err(Failure::Refused);
        }
        let memory = Mapping::new().map_err(Failure::start)?;
        for closing in &memory.slot().closing {
            closing.store(-1, Relaxed);
        }
        let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID;
        let signals = BlockedSignals::all();
        // SAFETY: the mapping holds a stack that only the helper uses and the slot; it is not
        // unmapped before the helper has been reaped (or in a process where it does not run).
        // No exit signal: no SIGCHLD, and wait() without __WALL does not see it.
        let pid = unsafe {
            raw::clone(
                flags as usize,
                memory.stack(),
                memory.slot().state.as_ptr(),
                child::main,
                memory.slot(),
            )
        };
        drop(signals);
        match i32::try_from(-pid).unwrap_or(libc::EAGAIN) {
            // Seccomp filters, user-mode emulators, processors without our own clone.
            libc::EINVAL | libc::EFAULT | libc::ENOSYS | libc::EPERM => Err(Failure::Refused),
            error if error > 0 => Err(Failure::start(error)),
            _ => Ok(Process {
                pid: pid as i32,
                owner: own_pid(),
                memory: Some(memory),
                deadline: Deadline::NEVER,
                closing: Vec::new(),
            }),
        }
    }

    /// Whether it can be asked: it is not after a deadline has passed, nor in a forked child.
    pub fn is_usable(&self) -> bool {
        self.memory.is_some() && self.owner == own_pid()
    }

    pub fn open(
        &mut self,
        name: &[u8],
        head: &mut [u8],
        deadline: Deadline,
    ) -> Result<Opened, Failure> {
        self.set_name(name)?;
        let slot = self.ask(deadline, |slot| {
            slot.op.store(OPEN, Relaxed);
            slot.length.store(head.len().min(DATA) as u32, Relaxed);
        })?;
        let meta = slot.meta();
        let (fd, done) = (slot.opened.load(Relaxed), slot.done.load(Relaxed) as usize);
        let length = done.min(head.len());
        self.copy(&mut head[..length]);
        Ok(Opened { fd, meta, length })
    }

    pub fn read(
        &mut self,
        fd: i32,
        offset: u64,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, Failure> {
        let slot = self.ask(deadline, |slot| {
            slot.op.store(READ, Relaxed);
            slot.fd.store(fd, Relaxed);
            slot.offset.store(offset, Relaxed);
            slot.length.store(buffer.len().min(DATA) as u32, Relaxed);
        })?;
        let length = (slot.done.load(Relaxed) as usize).min(buffer.len());
        self.copy(&mut buffer[..length]);
        Ok(length)
    }

    /// Looks `name` up by these rules, without opening what it leads to.
    pub fn find(
        &mut self,
        name: &[u8],
        resolve: u64,
        deadline: Deadline,
    ) -> Result<(i32, Meta), Failure> {
        self.set_name(name)?;
        let slot = self.ask(deadline, |slot| {
            slot.op.store(FIND, Relaxed);
            slot.offset.store(resolve, Relaxed);
        })?;
        Ok((slot.opened.load(Relaxed), slot.meta()))
    }

    pub fn read_link(&mut self, name: &[u8], deadline: Deadline) -> Result<Vec<u8>, Failure> {
        self.set_name(name)?;
        let slot = self.ask(deadline, |slot| slot.op.store(READ_LINK, Relaxed))?;
        let mut target = vec![0; (slot.done.load(Relaxed) as usize).min(DATA)];
        self.copy(&mut target);
        Ok(target)
    }

    pub fn seek(
        &mut self,
        fd: i32,
        offset: u64,
        whence: i32,
        deadline: Deadline,
    ) -> Result<u64, Failure> {
        let slot = self.ask(deadline, |slot| {
            slot.op.store(SEEK, Relaxed);
            slot.fd.store(fd, Relaxed);
            slot.offset.store(offset, Relaxed);
            slot.length.store(whence as u32, Relaxed);
        })?;
        Ok(slot.size.load(Relaxed))
    }

    /// A descriptor of our own for a file that the helper has open. Touches no storage.
    pub fn take(&self, fd: i32) -> Result<Fd, i32> {
        // SAFETY: two calls that take numbers and give descriptors.
        let taken = unsafe {
            let helper = Fd::from_call(libc::syscall(libc::SYS_pidfd_open, self.pid, 0))?;
            Fd::from_call(libc::syscall(libc::SYS_pidfd_getfd, helper.number(), fd, 0))?
        };
        match taken.number() {
            ..3 => duplicate(taken.number()),
            _ => Ok(taken),
        }
    }

    fn set_name(&self, name: &[u8]) -> Result<(), Failure> {
        match &self.memory {
            Some(memory) => memory
                .set_name(name)
                .map_err(|errno| Failure::Errno("open", errno)),
            None => Err(Failure::Expired),
        }
    }

    /// The file is not needed any more. It is closed on the way of the next request: closing can
    /// block too.
    pub fn close(&mut self, fd: i32) {
        self.closing.push(fd);
    }

    fn copy(&self, to: &mut [u8]) {
        if let Some(memory) = &self.memory {
            memory.copy_data(to);
        }
    }

    /// One request, answered by the helper or given up at the deadline.
    fn ask(&mut self, deadline: Deadline, fill: impl FnOnce(&Slot)) -> Result<&Slot, Failure> {
        let permit = Permit::for_request(deadline)?;
        self.deadline = deadline;
        let Some(memory) = &self.memory else {
            return Err(Failure::Expired);
        };
        let slot = memory.slot();
        fill(slot);
        let keep = self.closing.len().saturating_sub(CLOSING);
        for (place, fd) in slot.closing.iter().zip(self.closing.drain(keep..)) {
            place.store(fd, Relaxed);
        }
        post(slot);
        match wait(slot, ASKED, deadline) {
            ASKED => {
                self.leave(Some(permit));
                Err(Failure::Expired)
            }
            GONE => {
                let refused = slot.refused.load(Relaxed) != 0;
                drop(permit);
                self.leave(None);
                Err(if refused {
                    Failure::Refused
                } else {
                    Failure::Died
                })
            }
            _ => {
                drop(permit);
                let slot = self.memory.as_ref().ok_or(Failure::Died)?.slot();
                match slot.errno.load(Relaxed) {
                    0 => Ok(slot),
                    errno => {
                        let step = slot.step.load(Relaxed) as usize;
                        Err(Failure::Errno(
                            STEPS.get(step).copied().unwrap_or("read"),
                            errno,
                        ))
                    }
                }
            }
        }
    }

    /// Kills the helper. If it does not end at once, it keeps its memory and a place in the
    /// registry until it does.
    fn leave(&mut self, permit: Option<Permit>) {
        let Some(memory) = self.memory.take() else {
            return;
        };
        if self.owner != own_pid() {
            // The helper is our parent's; only the copy of the memory is ours.
            return;
        }
        // SAFETY: the pid is our child's, which nobody else reaps.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        let until = Deadline::after(KILL_TIME);
        loop {
            if has_ended(self.pid) {
                return;
            }
            if until.is_over() {
                break;
            }
            let state = memory.slot().state.load(Acquire);
            if state == GONE {
                // On its last steps, unless it hangs while it closes a file.
                std::thread::yield_now();
            } else {
                futex_wait(memory.slot(), state, until);
            }
        }
        match permit.or_else(Permit::for_ending) {
            Some(permit) => permit.keep_for_process(self.pid, memory),
            // More than anybody has seen. The memory must stay as long as the helper does.
            None => drop(memory.into_address()),
        }
    }
}

impl Drop for Process {
    /// Tells the helper to end and reaps it; one that cannot end is left behind.
    fn drop(&mut self) {
        if !self.is_usable() {
            return self.leave(None);
        }
        let Some(memory) = &self.memory else { return };
        let slot = memory.slot();
        slot.op.store(EXIT, Relaxed);
        post(slot);
        let latest = Deadline::after(CLOSING_TIME).min(self.deadline);
        let until = latest.max(Deadline::after(KILL_TIME));
        if wait(slot, ASKED, until) == GONE && slot.closed.load(Acquire) != 0 {
            // All that is left of it is its end, which nothing can hold up.
            wait_for(self.pid, 0);
            self.memory = None;
        } else {
            self.leave(None);
        }
    }
}

/// Gives the helper its turn, unless it is gone.
fn post(slot: &Slot) {
    if slot
        .state
        .compare_exchange(IDLE, ASKED, AcqRel, Relaxed)
        .is_ok()
    {
        // SAFETY: wakes whoever sleeps on our own word.
        unsafe {
            raw::syscall(
                libc::SYS_futex,
                slot.state.as_ptr() as usize,
                libc::FUTEX_WAKE as usize,
                1,
                0,
            );
        }
    }
}

/// Sleeps while the state is `state`, to the deadline at the longest; returns what it is then.
fn wait(slot: &Slot, state: u32, deadline: Deadline) -> u32 {
    loop {
        let now = slot.state.load(Acquire);
        if now != state {
            return now;
        }
        if !futex_wait(slot, state, deadline) {
            return slot.state.load(Acquire);
        }
    }
}

/// One sleep, that may end for no reason; false if the deadline is over.
fn futex_wait(slot: &Slot, state: u32, deadline: Deadline) -> bool {
    let until = deadline.timespec();
    // SAFETY: sleeps on our own word; `until` lives across the call. Not a private futex: the
    // kernel's own wake-up at the end of a process is not.
    let result = unsafe {
        raw::syscall6(
            libc::SYS_futex,
            slot.state.as_ptr() as usize,
            libc::FUTEX_WAIT_BITSET as usize,
            state as usize,
            &raw const until as usize,
            0,
            libc::FUTEX_BITSET_MATCH_ANY as u32 as usize,
        )
    };
    result != -(libc::ETIMEDOUT as isize)
}

/// Reaps a helper; false if it has not ended. Somebody else may have reaped it.
pub(super) fn has_ended(pid: i32) -> bool {
    wait_for(pid, libc::WNOHANG)
}

fn wait_for(pid: i32, flags: i32) -> bool {
    loop {
        // SAFETY: no status is asked for.
        let result = unsafe { libc::waitpid(pid, std::ptr::null_mut(), flags | libc::__WALL) };
        if result == 0 {
            return false;
        }
        if result == pid || errno() != libc::EINTR {
            return true;
        }
    }
}

impl Slot {
    /// What the last stat said.
    fn meta(&self) -> Meta {
        meta(
            self.mode.load(Relaxed),
            self.size.load(Relaxed),
            self.blocks.load(Relaxed),
            (self.device.load(Relaxed), self.inode.load(Relaxed)),
            self.rdevice.load(Relaxed),
            self.ctime.load(Relaxed),
        )
    }
}
