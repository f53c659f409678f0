//! The stand-in for a helper process where none can be started: under valgrind, behind a seccomp
//! filter, on processors without our own clone. It is a detached thread that takes no signals and
//! has its own buffers. Deadlines hold as well; but while such a thread hangs, this process can
//! neither end nor become another program, which is why it is only the stand-in.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::registry::Permit;
use super::signals::BlockedSignals;
use super::slot::DATA;
use super::{Deadline, Failure, Fd, Opened, own_pid};
use crate::io::file::{FileKind, Meta};

/// As for a process that closes its files.
const CLOSING_TIME: Duration = Duration::from_millis(250);
/// System calls on small buffers; nothing in here recurses.
const STACK: usize = 64 << 10;

enum Ask {
    Open { name: Vec<u8>, length: usize },
    Read { fd: i32, offset: u64, length: usize },
    Find { name: Vec<u8>, resolve: u64 },
    ReadLink { name: Vec<u8> },
    Seek { fd: i32, offset: u64, whence: i32 },
}

type Answer = Result<(Option<Opened>, Vec<u8>), Failure>;

/// Whose turn it is.
enum Turn {
    Idle,
    /// The thread has a request, and files to close first.
    Asked(Ask, Vec<i32>, Permit),
    Working,
    Answered(Answer),
    /// The caller needs the thread no more.
    Over,
    /// The thread has closed its files, or it has panicked.
    Ended,
}

/// What the two share. Only standard locks: their waiting leaves nothing behind in the thread
/// that waits, which is the caller's.
struct Shared {
    turn: Mutex<Turn>,
    changed: Condvar,
}

impl Shared {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, turn: Turn) {
        *self.turn() = turn;
        self.changed.notify_all();
    }

    /// Waits while it holds, to the deadline at the longest.
    fn wait_while(
        &self,
        deadline: Deadline,
        mut holds: impl FnMut(&Turn) -> bool,
    ) -> MutexGuard<'_, Turn> {
        let turn = self.turn();
        let waited = self
            .changed
            .wait_timeout_while(turn, deadline.remaining(), |turn| holds(turn));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A running helper thread.
pub(super) struct Thread {
    owner: i32,
    shared: Arc<Shared>,
    /// None after it was left behind.
    handle: Option<JoinHandle<()>>,
    deadline: Deadline,
    closing: Vec<i32>,
}

impl Thread {
    pub fn start() -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            turn: Mutex::new(Turn::Idle),
            changed: Condvar::new(),
        });
        let theirs = Ending(Arc::clone(&shared));
        let signals = BlockedSignals::all();
        let handle = std::thread::Builder::new()
            .name("pven-io".into())
            .stack_size(STACK)
            .spawn(move || serve(&theirs.0));
        drop(signals);
        let handle =
            handle.map_err(|e| Failure::start(e.raw_os_error().unwrap_or(libc::EAGAIN)))?;
        Ok(Thread {
            owner: own_pid(),
            shared,
            handle: Some(handle),
            deadline: Deadline::NEVER,
            closing: Vec::new(),
        })
    }

    pub fn is_usable(&self) -> bool {
        self.handle.is_some() && self.owner == own_pid()
    }

    pub fn open(
        &mut self,
        name: &[u8],
        head: &mut [u8],
        deadline: Deadline,
    ) -> Result<Opened, Failure> {
        let ask = Ask::Open {
            name: name.to_vec(),
            length: head.len().min(DATA),
        };
        let (opened, data) = self.ask(ask, deadline)?;
        head[..data.len()].copy_from_slice(&data);
        opened.ok_or(Failure::Died)
    }

    pub fn read(
        &mut self,
        fd: i32,
        offset: u64,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, Failure> {
        let length = buffer.len().min(DATA);
        let ask = Ask::Read { fd, offset, length };
        let (_, data) = self.ask(ask, deadline)?;
        buffer[..data.len()].copy_from_slice(&data);
        Ok(data.len())
    }

    pub fn find(
        &mut self,
        name: &[u8],
        resolve: u64,
        deadline: Deadline,
    ) -> Result<(i32, Meta), Failure> {
        let name = name.to_vec();
        let (opened, _) = self.ask(Ask::Find { name, resolve }, deadline)?;
        let opened = opened.ok_or(Failure::Died)?;
        Ok((opened.fd, opened.meta))
    }

    pub fn read_link(&mut self, name: &[u8], deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let name = name.to_vec();
        Ok(self.ask(Ask::ReadLink { name }, deadline)?.1)
    }

    pub fn seek(
        &mut self,
        fd: i32,
        offset: u64,
        whence: i32,
        deadline: Deadline,
    ) -> Result<u64, Failure> {
        let (_, data) = self.ask(Ask::Seek { fd, offset, whence }, deadline)?;
        data.first_chunk()
            .map(|bytes| u64::from_ne_bytes(*bytes))
            .ok_or(Failure::Died)
    }

    pub fn close(&mut self, fd: i32) {
        self.closing.push(fd);
    }

    fn ask(&mut self, ask: Ask, deadline: Deadline) -> Answer {
        let permit = Permit::for_request(deadline)?;
        let mark = permit.mark();
        self.deadline = deadline;
        let closing = std::mem::take(&mut self.closing);
        self.shared.set(Turn::Asked(ask, closing, permit));
        let busy = |turn: &Turn| matches!(turn, Turn::Asked(..) | Turn::Working);
        let mut turn = self.shared.wait_while(deadline, busy);
        match std::mem::replace(&mut *turn, Turn::Idle) {
            Turn::Answered(answer) => answer,
            Turn::Ended => {
                *turn = Turn::Ended;
                Err(Failure::Died)
            }
            // A request that it has not begun with takes its permit along.
            _ => {
                mark.stuck();
                *turn = Turn::Over;
                self.shared.changed.notify_all();
                drop(turn);
                self.handle = None;
                Err(Failure::Expired)
            }
        }
    }
}

impl Drop for Thread {
    /// Lets the thread end and waits a little for it, so that no trace is left where all is well.
    fn drop(&mut self) {
        if self.owner != own_pid() {
            // There is no such thread here, only its parent's word for it.
            std::mem::forget(self.handle.take());
        }
        if self.handle.is_none() {
            return;
        }
        {
            let mut turn = self.shared.turn();
            if !matches!(*turn, Turn::Ended) {
                *turn = Turn::Over;
            }
            self.shared.changed.notify_all();
        }
        let latest = Deadline::after(CLOSING_TIME).min(self.deadline);
        let turn = self
            .shared
            .wait_while(latest, |turn| !matches!(turn, Turn::Ended));
        let ended = matches!(*turn, Turn::Ended);
        drop(turn);
        if let (Some(handle), true) = (self.handle.take(), ended) {
            // It has closed its files; nothing is left that could hold it up.
            let _ = handle.join();
        }
    }
}

/// Says that the thread has ended, however it did.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.set(Turn::Ended);
    }
}

fn serve(shared: &Shared) {
    let mut files: HashMap<i32, Fd> = HashMap::new();
    loop {
        let resting = |turn: &Turn| matches!(turn, Turn::Idle | Turn::Answered(_));
        let mut turn = shared.wait_while(Deadline::NEVER, resting);
        if resting(&turn) {
            continue;
        }
        let Turn::Asked(ask, closing, permit) = std::mem::replace(&mut *turn, Turn::Working) else {
            return;
        };
        drop(turn);
        for fd in closing {
            files.remove(&fd);
        }
        let answer = match ask {
            Ask::Open { name, length } => open(&name, length).map(|(fd, opened, data)| {
                files.insert(opened.fd, fd);
                (Some(opened), data)
            }),
            Ask::Read { fd, offset, length } => match files.get(&fd) {
                Some(fd) => read(fd, offset, length).map(|data| (None, data)),
                None => Err(Failure::Errno("read", libc::EBADF)),
            },
            Ask::Seek { fd, offset, whence } => match files.get(&fd) {
                Some(fd) => super::seek(fd, offset, whence)
                    .map(|at| (None, at.to_ne_bytes().to_vec()))
                    .map_err(|errno| Failure::Errno("seek in", errno)),
                None => Err(Failure::Errno("seek in", libc::EBADF)),
            },
            Ask::Find { name, resolve } => find(&name, resolve).map(|(fd, opened)| {
                files.insert(opened.fd, fd);
                (Some(opened), Vec::new())
            }),
            Ask::ReadLink { name } => super::read_link(&name)
                .map(|target| (None, target))
                .map_err(|errno| Failure::Errno("find the real place of", errno)),
        };
        drop(permit);
        let mut turn = shared.turn();
        if !matches!(*turn, Turn::Working) {
            return;
        }
        *turn = Turn::Answered(answer);
        shared.changed.notify_all();
    }
}

fn open(name: &[u8], length: usize) -> Result<(Fd, Opened, Vec<u8>), Failure> {
    let fd = super::open(name).map_err(|errno| Failure::Errno("open", errno))?;
    let meta = super::stat(&fd).map_err(|errno| Failure::Errno("stat", errno))?;
    let data = match meta.kind {
        FileKind::Regular | FileKind::Block => read(&fd, 0, length)?,
        FileKind::Directory | FileKind::Other => Vec::new(),
    };
    let opened = Opened {
        fd: fd.number(),
        meta,
        length: data.len(),
    };
    Ok((fd, opened, data))
}

fn find(name: &[u8], resolve: u64) -> Result<(Fd, Opened), Failure> {
    let fd = super::find(name, resolve).map_err(|errno| Failure::Errno("open", errno))?;
    let meta = super::stat_place(&fd).map_err(|errno| Failure::Errno("stat", errno))?;
    let opened = Opened {
        fd: fd.number(),
        meta,
        length: 0,
    };
    Ok((fd, opened))
}

/// Reads until `length` bytes are there or the file ends.
fn read(fd: &Fd, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
    let mut data = vec![0; length];
    let mut done = 0;
    while done < length {
        match super::pread(fd, offset.saturating_add(done as u64), &mut data[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(libc::EINTR) => {}
            Err(errno) => return Err(Failure::Errno("read", errno)),
        }
    }
    data.truncate(done);
    Ok(data)
}
