//! The system calls. The only file of the core with `unsafe` in it.
#![allow(unsafe_code)]

use super::file::{FileKind, Meta};
use crate::limits;

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

/// Opens for reading. The path has no NUL and is shorter than `limits::PATH`.
pub(super) fn open(path: &[u8]) -> Result<Fd, i32> {
    let mut name = [0u8; limits::PATH];
    name[..path.len()].copy_from_slice(path);
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    loop {
        // SAFETY: `name` ends with a NUL and lives across the call.
        let fd = unsafe { libc::open(name.as_ptr().cast(), flags) };
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
    let mut st = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills the whole struct when it returns 0.
    let st = unsafe {
        if libc::fstat(fd.0, st.as_mut_ptr()) != 0 {
            return Err(errno());
        }
        st.assume_init()
    };
    let kind = match st.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFBLK => FileKind::Block,
        libc::S_IFDIR => FileKind::Directory,
        _ => FileKind::Other,
    };
    let block = kind == FileKind::Block;
    Ok(Meta {
        kind,
        size: if block {
            device_size(fd)?
        } else {
            st.st_size.max(0) as u64
        },
        allocated: if block {
            0
        } else {
            (st.st_blocks.max(0) as u64).saturating_mul(512)
        },
        identity: if block {
            (st.st_rdev, 0)
        } else {
            (st.st_dev, st.st_ino)
        },
        ctime: st.st_ctime,
    })
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

/// One `pread`.
pub(super) fn pread(fd: &Fd, offset: u64, buffer: &mut [u8]) -> Result<usize, i32> {
    let offset = libc::off_t::try_from(offset).map_err(|_| libc::EINVAL)?;
    // SAFETY: the buffer is valid for writes of its whole length.
    let n = unsafe { libc::pread(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), offset) };
    usize::try_from(n).map_err(|_| errno())
}
