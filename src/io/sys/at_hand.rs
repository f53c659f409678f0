//! Opening and reading what the kernel has in memory, by calls that do not wait for storage.
//! What is not at hand is left to a helper, and so is every doubt.
//!
//! Only files of a file system on a local block device come into question (their device number
//! has a major): network file systems, FUSE, and also tmpfs have none. FUSE on a block device has
//! one, but no inode flags.

use std::io::Write;
use std::mem::MaybeUninit;

use super::{Fd, OPEN_FLAGS, Opened, child::device, meta};
use crate::io::file::{FileKind, Meta};

/// Opens `path` and reads its first bytes. `None`: it would have to be waited for. The errors are
/// those that are certain without asking storage.
pub(in crate::io) fn open(path: &[u8], head: &mut [u8]) -> Option<Result<(Fd, Opened), i32>> {
    match find(path, 0)? {
        Ok((place, meta)) => open_found(&place, meta, head).map(Ok),
        Err(errno) => Some(Err(errno)),
    }
}

/// How often a name is looked up. The kernel also says "not at hand" of names that it knows while a
/// file system is mounted or unmounted anywhere on the machine: 1 in 15,000 where that goes on all
/// the time. A caller whose helpers are used up would fail for it.
const LOOKS: u32 = 4;

/// Looks `path` up through names that the kernel knows already, by further rules of `resolve`.
pub(in crate::io) fn find(path: &[u8], resolve: u64) -> Option<Result<(Fd, Meta), i32>> {
    let look = || super::find(path, resolve | libc::RESOLVE_CACHED);
    let mut found = look();
    for _ in 1..LOOKS {
        match found {
            Err(libc::EAGAIN) => found = look(),
            _ => break,
        }
    }
    match found {
        Ok(place) => {
            let meta = stat(&place)?;
            Some(Ok((place, meta)))
        }
        Err(e @ (libc::ENOENT | libc::ENOTDIR | libc::EACCES | libc::ELOOP)) => Some(Err(e)),
        Err(_) => None,
    }
}

/// Opens for reading what was found, and reads its first bytes.
pub(in crate::io) fn open_found(place: &Fd, meta: Meta, head: &mut [u8]) -> Option<(Fd, Opened)> {
    let fd = reopen(place)?;
    let length = usize::try_from(meta.size).map_or(head.len(), |size| head.len().min(size));
    if !read(&fd, 0, &mut head[..length]) {
        return None;
    }
    let opened = Opened {
        fd: fd.number(),
        meta,
        length,
    };
    Some((fd, opened))
}

/// What the kernel knows of a regular file on a local block device.
fn stat(fd: &Fd) -> Option<crate::io::Meta> {
    let mut st = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: an empty name with its NUL; statx fills the whole struct when it returns 0.
    let st = unsafe {
        let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
        let what = libc::STATX_BASIC_STATS;
        if libc::statx(fd.0, c"".as_ptr(), flags, what, st.as_mut_ptr()) != 0 {
            return None;
        }
        st.assume_init()
    };
    let meta = meta(
        u32::from(st.stx_mode),
        st.stx_size,
        st.stx_blocks,
        (device(st.stx_dev_major, st.stx_dev_minor), st.stx_ino),
        0,
        st.stx_ctime.tv_sec,
    );
    let flags = libc::STATX_ATTR_IMMUTABLE as u64;
    let local = st.stx_dev_major != 0 && st.stx_attributes_mask & flags != 0;
    (local && meta.kind == FileKind::Regular).then_some(meta)
}

/// Opens for reading what was looked up. Not to update the access time matters: that would be a
/// write, which waits for the journal of a file system whose device is dead.
fn reopen(place: &Fd) -> Option<Fd> {
    let mut name = [0; 48];
    write!(&mut name[..47], "/proc/thread-self/fd/{}", place.0).ok()?;
    // SAFETY: `name` ends with a NUL and lives across the call.
    let fd = unsafe { libc::open(name.as_ptr().cast(), OPEN_FLAGS | libc::O_NOATIME) };
    (fd >= 0).then_some(Fd(fd))
}

#[repr(C)]
struct CachestatRange {
    offset: u64,
    length: u64,
}

#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// The same number on every processor. Linux 6.5; older kernels leave all reads to helpers.
const SYS_CACHESTAT: libc::c_long = 451;

/// Fills `buffer` from `offset` if all of it is in the page cache.
///
/// A no-wait read alone is not enough: where a page is missing it starts to read ahead, and that
/// waits when the queue of a dead device is full. So the cache is asked first.
pub(in crate::io) fn read(fd: &Fd, offset: u64, buffer: &mut [u8]) -> bool {
    if buffer.is_empty() {
        return true;
    }
    let Ok(at) = libc::off_t::try_from(offset) else {
        return false;
    };
    let range = CachestatRange {
        offset,
        length: buffer.len() as u64,
    };
    let mut stat = Cachestat::default();
    // SAFETY: both structs are as the kernel has them and live across the call.
    let asked = unsafe { libc::syscall(SYS_CACHESTAT, fd.0, &raw const range, &raw mut stat, 0) };
    let page = page_size();
    let pages = (offset + range.length).div_ceil(page) - offset / page;
    if asked != 0 || stat.cached < pages {
        return false;
    }
    let part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: the one buffer is valid for writes of its whole length.
    let n = unsafe { libc::preadv2(fd.0, &part, 1, at, libc::RWF_NOWAIT) };
    usize::try_from(n) == Ok(buffer.len())
}

fn page_size() -> u64 {
    // SAFETY: a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096).max(1)
}
