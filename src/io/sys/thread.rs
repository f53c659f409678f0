//! The stand-in for a helper process where none can be started: under valgrind, behind a seccomp
//! filter, on processors without our own clone. It is a detached thread that takes no signals and
//! has its own buffers. Deadlines hold as well; but while such a thread hangs, this process can
//! neither end nor become another program, which is why it is only the stand-in.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::registry::Permit;
use super::signals::BlockedSignals;
use super::slot::DATA;
use super::{Deadline, Failure, Fd, Opened, own_pid};
use crate::io::file::FileKind;

/// As for a process that closes its files.
const CLOSING_TIME: Duration = Duration::from_millis(250);
/// System calls on small buffers; nothing in here recurses.
const STACK: usize = 64 << 10;

enum Ask {
    Open { name: Vec<u8>, length: usize },
    Read { fd: i32, offset: u64, length: usize },
}

type Answer = Result<(Option<Opened>, Vec<u8>), Failure>;

/// A running helper thread.
pub(super) struct Thread {
    owner: i32,
    asks: Option<Sender<(Ask, Vec<i32>, Permit)>>,
    answers: Receiver<Answer>,
    handle: Option<JoinHandle<()>>,
    deadline: Deadline,
    closing: Vec<i32>,
}

impl Thread {
    pub fn start() -> Result<Self, Failure> {
        let (asks, requests) = mpsc::channel();
        let (replies, answers) = mpsc::channel();
        let signals = BlockedSignals::all();
        let handle = std::thread::Builder::new()
            .name("pven-io".into())
            .stack_size(STACK)
            .spawn(move || serve(&requests, replies));
        drop(signals);
        let handle =
            handle.map_err(|e| Failure::start(e.raw_os_error().unwrap_or(libc::EAGAIN)))?;
        Ok(Thread {
            owner: own_pid(),
            asks: Some(asks),
            answers,
            handle: Some(handle),
            deadline: Deadline::NEVER,
            closing: Vec::new(),
        })
    }

    pub fn is_usable(&self) -> bool {
        self.asks.is_some() && self.owner == own_pid()
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
        let (_, data) = self.ask(Ask::Read { fd, offset, length }, deadline)?;
        buffer[..data.len()].copy_from_slice(&data);
        Ok(data.len())
    }

    pub fn close(&mut self, fd: i32) {
        self.closing.push(fd);
    }

    fn ask(&mut self, ask: Ask, deadline: Deadline) -> Answer {
        let permit = Permit::for_request(deadline)?;
        let mark = permit.mark();
        self.deadline = deadline;
        let asks = self.asks.as_ref().ok_or(Failure::Expired)?;
        let closing = std::mem::take(&mut self.closing);
        asks.send((ask, closing, permit))
            .map_err(|_| Failure::Died)?;
        match self.answers.recv_timeout(deadline.remaining()) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => Err(Failure::Died),
            Err(RecvTimeoutError::Timeout) => {
                mark.stuck();
                self.asks = None;
                self.handle = None;
                Err(Failure::Expired)
            }
        }
    }
}

impl Drop for Thread {
    /// Lets the thread end and waits a little for it, so that no trace is left where all is well.
    fn drop(&mut self) {
        self.asks = None;
        if self.owner != own_pid() {
            return;
        }
        let latest = Deadline::after(CLOSING_TIME).min(self.deadline);
        let closed = self.answers.recv_timeout(latest.remaining());
        if let (Some(handle), Err(RecvTimeoutError::Disconnected)) = (self.handle.take(), closed) {
            // It has closed its files; nothing is left that could hold it up.
            let _ = handle.join();
        }
    }
}

fn serve(requests: &Receiver<(Ask, Vec<i32>, Permit)>, replies: Sender<Answer>) {
    let mut files: HashMap<i32, Fd> = HashMap::new();
    while let Ok((ask, closing, permit)) = requests.recv() {
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
        };
        drop(permit);
        if replies.send(answer).is_err() {
            break;
        }
    }
    drop(files);
    drop(replies);
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
