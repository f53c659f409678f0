//! The system calls: in place, by ways that cannot block, and through helpers that can be left
//! behind. This directory holds all `unsafe` of the core.
#![allow(unsafe_code)]

mod at_hand;
mod child;
mod deadline;
mod helper;
mod process;
mod raw;
mod registry;
mod signals;
mod slot;
mod thread;

pub(super) use at_hand::{
    find as find_at_hand, open as open_at_hand, open_found as open_found_at_hand,
    read as read_at_hand,
};
pub(super) use deadline::Deadline;
pub(super) use helper::Helper;
pub(super) use registry::sweep;
pub use signals::BlockedSignals;

use std::ffi::c_char;
use std::mem::{MaybeUninit, size_of};

use super::file::{FileKind, Meta};
use crate::limits;

/// Reading, and nothing that could wait for somebody: the other end of a FIFO, the holder of a
/// lease, a modem.
const OPEN_FLAGS: libc::c_int =
    libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;

/// Why a helper gave no answer.
pub(super) enum Failure {
    /// A system call failed; which one, and the errno.
    Errno(&'static str, i32),
    /// The time is up.
    Expired,
    /// As many helpers are stuck as may be.
    Busy,
    /// The helper was killed by somebody.
    Died,
    /// No helper process can be had here.
    Refused,
}

impl Failure {
    fn start(errno: i32) -> Self {
        Failure::Errno("start a helper for", errno)
    }
}

/// A file that a helper has opened.
pub(super) struct Opened {
    /// Its descriptor in the helper's table.
    pub fd: i32,
    pub meta: Meta,
    /// How many of its first bytes were read.
    pub length: usize,
}

/// An open file descriptor, closed when dropped.
pub(super) struct Fd(libc::c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and nobody else closes it.
        unsafe { libc::close(self.0) };
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

impl Fd {
    /// What a system call gave: a descriptor that is ours, or -1 and an errno.
    fn from_call(result: libc::c_long) -> Result<Self, i32> {
        match i32::try_from(result) {
            Ok(fd) if fd >= 0 => Ok(Fd(fd)),
            _ => Err(errno()),
        }
    }

    pub(super) fn number(&self) -> i32 {
        self.0
    }

    /// A name under which this process finds the same file.
    pub(super) fn name(&self) -> Vec<u8> {
        format!("/proc/self/fd/{}", self.0).into_bytes()
    }
}

/// This process. Asked anew each time: after a fork it is another one.
pub(super) fn own_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

/// Calls `f` with `path` and a NUL behind it. No allocation, and only what is used is written.
/// The path is shorter than [`NAME`], and so is what comes of it.
fn with_name<R>(path: &[u8], f: impl FnOnce(*const c_char) -> R) -> R {
    let mut name = [const { MaybeUninit::<u8>::uninit() }; NAME];
    let length = path.len().min(NAME - 1);
    // SAFETY: `length` and the NUL fit into `name`.
    unsafe {
        let to = name.as_mut_ptr().cast::<u8>();
        std::ptr::copy_nonoverlapping(path.as_ptr(), to, length);
        to.add(length).write(0);
    }
    f(name.as_ptr().cast())
}

/// A path with its NUL, and what a helper's name for it may have in front.
const NAME: usize = limits::PATH + 64;

/// Looking a name up, and nothing else: not even a FIFO's other end notices.
const FIND_FLAGS: libc::c_int = libc::O_PATH | libc::O_CLOEXEC;

/// `struct open_how` as the kernel has it since Linux 5.6.
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Looks `path` up by the rules of `resolve`, without opening what it leads to.
pub(super) fn find(path: &[u8], resolve: u64) -> Result<Fd, i32> {
    let how = How {
        flags: FIND_FLAGS as u64,
        mode: 0,
        resolve,
    };
    let call = || {
        // SAFETY: `name` ends with a NUL; `how` lives across the call and has the size given.
        with_name(path, |name| unsafe {
            if resolve == 0 {
                return libc::c_long::from(libc::open(name, FIND_FLAGS));
            }
            let size = size_of::<How>();
            libc::syscall(
                libc::SYS_openat2,
                libc::AT_FDCWD,
                name,
                &raw const how,
                size,
            )
        })
    };
    loop {
        match Fd::from_call(call()) {
            Err(libc::EINTR) => {}
            result => return result,
        }
    }
}

/// Kind and identity of what was looked up; the size of a block device is not known.
pub(super) fn stat_place(fd: &Fd) -> Result<Meta, i32> {
    // SAFETY: fstat fills the whole struct when it returns 0.
    stat_by(|st| unsafe { libc::fstat(fd.0, st) })
}

/// The same for a path.
pub(super) fn stat_path(path: &[u8]) -> Result<Meta, i32> {
    // SAFETY: `name` ends with a NUL; stat fills the whole struct when it returns 0.
    stat_by(|st| with_name(path, |name| unsafe { libc::stat(name, st) }))
}

/// `call` fills the struct when it returns 0.
fn stat_by(call: impl FnOnce(*mut libc::stat) -> libc::c_int) -> Result<Meta, i32> {
    let mut st = MaybeUninit::<libc::stat>::uninit();
    if call(st.as_mut_ptr()) != 0 {
        return Err(errno());
    }
    // SAFETY: filled, as both callers promise.
    let st = unsafe { st.assume_init_ref() };
    Ok(meta(
        st.st_mode,
        st.st_size.max(0) as u64,
        st.st_blocks.max(0) as u64,
        (st.st_dev, st.st_ino),
        st.st_rdev,
        st.st_ctime,
    ))
}

/// What a symbolic link says.
fn read_link(path: &[u8]) -> Result<Vec<u8>, i32> {
    let mut target = vec![0; limits::PATH];
    // SAFETY: `name` ends with a NUL; the buffer is valid for writes of its whole length.
    let n = with_name(path, |name| unsafe {
        libc::readlink(name, target.as_mut_ptr().cast(), target.len())
    });
    target.truncate(usize::try_from(n).map_err(|_| errno())?);
    Ok(target)
}

/// Another descriptor for the same open file, none of the first three: programs that this one
/// starts take those for their input and output.
pub(super) fn duplicate(fd: i32) -> Result<Fd, i32> {
    // SAFETY: takes numbers, gives a descriptor.
    Fd::from_call(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) }.into())
}

/// A name under which whoever has this descriptor finds its file.
fn name_of(fd: i32) -> Vec<u8> {
    format!("/proc/thread-self/fd/{fd}").into_bytes()
}

/// The same for a descriptor of ours.
pub(super) fn own_name(fd: &Fd) -> Vec<u8> {
    name_of(fd.0)
}

/// Where an open file really lies.
pub(super) fn real_path(fd: &Fd) -> Result<Vec<u8>, i32> {
    read_link(&own_name(fd))
}

/// Opens for reading. The path has no NUL and is shorter than `limits::PATH`.
pub(super) fn open(path: &[u8]) -> Result<Fd, i32> {
    open_at(libc::AT_FDCWD, path)
}

/// The same by a path that begins in a folder.
pub(super) fn open_in(folder: &Fd, path: &[u8]) -> Result<Fd, i32> {
    open_at(folder.0, path)
}

fn open_at(folder: libc::c_int, path: &[u8]) -> Result<Fd, i32> {
    loop {
        // SAFETY: `name` ends with a NUL and lives across the call.
        let fd = with_name(path, |name| unsafe {
            libc::openat(folder, name, OPEN_FLAGS)
        });
        if fd >= 0 {
            return Ok(Fd(fd));
        }
        match errno() {
            libc::EINTR => {}
            e => return Err(e),
        }
    }
}

/// Kind, size and identity of an open file; a block device's size comes from the device.
pub(super) fn stat(fd: &Fd) -> Result<Meta, i32> {
    let mut meta = stat_place(fd)?;
    if meta.kind == FileKind::Block {
        meta.size = device_size(fd)?;
    }
    Ok(meta)
}

/// What the fields of a stat mean here. The size of a block device must be asked for apart.
fn meta(
    mode: libc::mode_t,
    size: u64,
    blocks: u64,
    identity: (u64, u64),
    rdevice: u64,
    ctime: i64,
) -> Meta {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFBLK => FileKind::Block,
        libc::S_IFDIR => FileKind::Directory,
        _ => FileKind::Other,
    };
    let block = kind == FileKind::Block;
    Meta {
        kind,
        size,
        allocated: if block { 0 } else { blocks.saturating_mul(512) },
        identity: if block { (rdevice, 0) } else { identity },
        ctime,
    }
}

const BLKGETSIZE64: libc::Ioctl = 0x8008_1272u32 as libc::Ioctl;

fn device_size(fd: &Fd) -> Result<u64, i32> {
    let mut size = 0u64;
    // SAFETY: BLKGETSIZE64 writes one u64 through the pointer.
    if unsafe { libc::ioctl(fd.0, BLKGETSIZE64, &mut size) } != 0 {
        return Err(errno());
    }
    Ok(size)
}

/// One `lseek`, to where the next data or the next hole is.
pub(super) fn seek(fd: &Fd, offset: u64, whence: i32) -> Result<u64, i32> {
    let offset = libc::off_t::try_from(offset).map_err(|_| libc::EINVAL)?;
    // SAFETY: takes numbers, gives one.
    let at = unsafe { libc::lseek(fd.0, offset, whence) };
    u64::try_from(at).map_err(|_| errno())
}

/// One `pread`.
pub(super) fn pread(fd: &Fd, offset: u64, buffer: &mut [u8]) -> Result<usize, i32> {
    let offset = libc::off_t::try_from(offset).map_err(|_| libc::EINVAL)?;
    // SAFETY: the buffer is valid for writes of its whole length.
    let n = unsafe { libc::pread(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), offset) };
    usize::try_from(n).map_err(|_| errno())
}
