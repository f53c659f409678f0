//! What runs inside a helper process. It shares the caller's memory and nothing else, and must
//! not touch what belongs to the threads there: no allocation, no thread-local storage, no
//! panic, no function of the C library. Everything is in its slot or on its own small stack.

use std::mem::{MaybeUninit, size_of};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::raw::{syscall, syscall6};
use super::slot::{
    ASKED, DATA, EXIT, FIND, IDLE, OPEN, READ, READ_LINK, SEEK, STEP_OPEN, STEP_READ,
    STEP_READ_LINK, STEP_SEEK, STEP_STAT, Slot,
};
use super::{BLKGETSIZE64, FIND_FLAGS, How, OPEN_FLAGS};

/// Shown by `ps` in place of the caller's name.
const NAME: &[u8; 8] = b"pven-io\0";
/// How often an idle helper looks whether its caller is still there.
static LOOK_ROUND: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// `kcmp`: do two processes share their memory?
const KCMP_VM: usize = 1;

/// The life of a helper: requests from the slot until it is told to end.
///
/// # Safety
/// To be run only by a new process on a stack of its own, all signals blocked; `slot` must live
/// until that process has ended.
pub(super) unsafe extern "C" fn main(slot: *const Slot) -> ! {
    // SAFETY: the caller's promise.
    let slot = unsafe { &*slot };
    // SAFETY: unsharing first, so that only our own copy of the table is emptied; as everything
    // is to be closed, the kernel copies none of it.
    let table = unsafe {
        syscall(
            libc::SYS_close_range,
            0,
            libc::c_uint::MAX as usize,
            libc::CLOSE_RANGE_UNSHARE as usize,
            0,
        )
    };
    if table != 0 {
        slot.refused.store(1, Relaxed);
        exit();
    }
    // SAFETY: a literal that ends with a NUL.
    let parent = unsafe {
        syscall(
            libc::SYS_prctl,
            libc::PR_SET_NAME as usize,
            NAME.as_ptr() as usize,
            0,
            0,
        );
        syscall(libc::SYS_getppid, 0, 0, 0, 0)
    };
    loop {
        while slot.state.load(Acquire) != ASKED {
            wait_for_request(slot, parent);
        }
        slot.errno.store(0, Relaxed);
        slot.done.store(0, Relaxed);
        for closing in &slot.closing {
            let fd = closing.swap(-1, Relaxed);
            if fd >= 0 {
                close(fd);
            }
        }
        match slot.op.load(Relaxed) {
            OPEN => open(slot),
            READ => read(slot, slot.fd.load(Relaxed), slot.offset.load(Relaxed)),
            FIND => find(slot),
            READ_LINK => read_link(slot),
            SEEK => seek(slot),
            EXIT => {
                // SAFETY: the table is our own.
                unsafe { syscall(libc::SYS_close_range, 0, libc::c_uint::MAX as usize, 0, 0) };
                slot.closed.store(1, Release);
                exit();
            }
            _ => slot.errno.store(libc::EINVAL, Relaxed),
        }
        slot.state.store(IDLE, Release);
        // SAFETY: wakes whoever sleeps on our own word.
        unsafe {
            syscall(libc::SYS_futex, word(slot), libc::FUTEX_WAKE as usize, 1, 0);
        }
    }
}

#[inline(always)]
fn word(slot: &Slot) -> usize {
    slot.state.as_ptr() as usize
}

/// Sleeps for a request. Ends the process if its caller has ended or become another program.
#[inline(always)]
fn wait_for_request(slot: &Slot, parent: isize) {
    // SAFETY: sleeps on our own word; both pointers live across the call.
    let result = unsafe {
        syscall(
            libc::SYS_futex,
            word(slot),
            libc::FUTEX_WAIT as usize,
            IDLE as usize,
            &raw const LOOK_ROUND as usize,
        )
    };
    if result == -(libc::ETIMEDOUT as isize) {
        // SAFETY: both only ask.
        let (now, differs) = unsafe {
            let own = syscall(libc::SYS_getpid, 0, 0, 0, 0);
            (
                syscall(libc::SYS_getppid, 0, 0, 0, 0),
                syscall(libc::SYS_kcmp, parent as usize, own as usize, KCMP_VM, 0),
            )
        };
        if now != parent || differs > 0 {
            exit();
        }
    }
}

#[inline(always)]
fn fail(slot: &Slot, step: u32, result: isize) {
    slot.step.store(step, Relaxed);
    slot.errno.store(result.wrapping_neg() as i32, Relaxed);
}

#[inline(always)]
fn open(slot: &Slot) {
    let fd = loop {
        // SAFETY: the name ends with a NUL; the caller leaves it alone while it is our turn.
        let fd = unsafe {
            syscall(
                libc::SYS_openat,
                libc::AT_FDCWD as usize,
                slot.name.get() as usize,
                OPEN_FLAGS as usize,
                0,
            )
        };
        if fd != -(libc::EINTR as isize) {
            break fd;
        }
    };
    if fd < 0 {
        return fail(slot, STEP_OPEN, fd);
    }
    let fd = fd as i32;
    let mut result = stat(slot, fd);
    let kind = slot.mode.load(Relaxed) & libc::S_IFMT;
    if result == 0 && kind == libc::S_IFBLK {
        result = device_size(slot, fd);
    }
    if result < 0 {
        close(fd);
        return fail(slot, STEP_STAT, result);
    }
    slot.opened.store(fd, Relaxed);
    if kind == libc::S_IFREG || kind == libc::S_IFBLK {
        read(slot, fd, 0);
        if slot.errno.load(Relaxed) != 0 {
            close(fd);
        }
    }
}

/// Looks a name up without opening what it leads to.
#[inline(always)]
fn find(slot: &Slot) {
    let how = How {
        flags: FIND_FLAGS as u64,
        mode: 0,
        resolve: slot.offset.load(Relaxed),
    };
    let fd = loop {
        // SAFETY: as in `open`; `how` lives across the call and has the size given. Without rules
        // the older call will do, which every kernel has.
        let fd = unsafe {
            if how.resolve == 0 {
                syscall(
                    libc::SYS_openat,
                    libc::AT_FDCWD as usize,
                    slot.name.get() as usize,
                    FIND_FLAGS as usize,
                    0,
                )
            } else {
                syscall(
                    libc::SYS_openat2,
                    libc::AT_FDCWD as usize,
                    slot.name.get() as usize,
                    &raw const how as usize,
                    size_of::<How>(),
                )
            }
        };
        if fd != -(libc::EINTR as isize) {
            break fd;
        }
    };
    if fd < 0 {
        return fail(slot, STEP_OPEN, fd);
    }
    let fd = fd as i32;
    let result = stat(slot, fd);
    if result < 0 {
        close(fd);
        return fail(slot, STEP_STAT, result);
    }
    slot.opened.store(fd, Relaxed);
}

#[inline(always)]
fn seek(slot: &Slot) {
    // SAFETY: takes numbers, gives one.
    let result = unsafe {
        syscall(
            libc::SYS_lseek,
            slot.fd.load(Relaxed) as usize,
            slot.offset.load(Relaxed) as usize,
            slot.length.load(Relaxed) as usize,
            0,
        )
    };
    if result < 0 {
        return fail(slot, STEP_SEEK, result);
    }
    slot.size.store(result as u64, Relaxed);
}

#[inline(always)]
fn read_link(slot: &Slot) {
    // SAFETY: the name ends with a NUL; DATA bytes may be written.
    let n = unsafe {
        syscall(
            libc::SYS_readlinkat,
            libc::AT_FDCWD as usize,
            slot.name.get() as usize,
            slot.data.get() as usize,
            DATA,
        )
    };
    if n < 0 {
        return fail(slot, STEP_READ_LINK, n);
    }
    slot.done.store(n as u32, Relaxed);
}

#[inline(always)]
fn stat(slot: &Slot, fd: i32) -> isize {
    let mut st = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: `st` has room for the answer, which the kernel writes whole when it returns 0.
    let result = unsafe {
        syscall6(
            libc::SYS_statx,
            fd as usize,
            c"".as_ptr() as usize,
            libc::AT_EMPTY_PATH as usize,
            libc::STATX_BASIC_STATS as usize,
            st.as_mut_ptr() as usize,
            0,
        )
    };
    if result < 0 {
        return result;
    }
    // SAFETY: written, see above.
    let st = unsafe { st.assume_init_ref() };
    slot.mode.store(u32::from(st.stx_mode), Relaxed);
    slot.size.store(st.stx_size, Relaxed);
    slot.blocks.store(st.stx_blocks, Relaxed);
    slot.device
        .store(device(st.stx_dev_major, st.stx_dev_minor), Relaxed);
    slot.rdevice
        .store(device(st.stx_rdev_major, st.stx_rdev_minor), Relaxed);
    slot.inode.store(st.stx_ino, Relaxed);
    slot.ctime.store(st.stx_ctime.tv_sec, Relaxed);
    0
}

/// The size of a block device in place of what a stat says.
#[inline(always)]
fn device_size(slot: &Slot, fd: i32) -> isize {
    // SAFETY: BLKGETSIZE64 writes one u64 through the pointer.
    unsafe {
        syscall(
            libc::SYS_ioctl,
            fd as usize,
            BLKGETSIZE64 as usize,
            slot.size.as_ptr() as usize,
            0,
        )
    }
}

/// The kernel's encoding of a device number, the same that `st_dev` has.
#[inline(always)]
pub(super) const fn device(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (major & 0xfff) << 8 | (major & !0xfff) << 32 | minor & 0xff | (minor & !0xff) << 12
}

/// Reads until `length` bytes are there or the file ends.
#[inline(always)]
fn read(slot: &Slot, fd: i32, offset: u64) {
    let length = (slot.length.load(Relaxed) as usize).min(DATA);
    let mut done = 0usize;
    while done < length {
        // SAFETY: `done` is below DATA and `length - done` bytes follow it.
        let n = unsafe {
            syscall(
                libc::SYS_pread64,
                fd as usize,
                (slot.data.get() as usize).wrapping_add(done),
                length.wrapping_sub(done),
                offset.wrapping_add(done as u64) as usize,
            )
        };
        if n == -(libc::EINTR as isize) {
            continue;
        }
        if n < 0 {
            return fail(slot, STEP_READ, n);
        }
        if n == 0 {
            break;
        }
        done = done.wrapping_add(n as usize);
    }
    slot.done.store(done as u32, Relaxed);
}

#[inline(always)]
fn close(fd: i32) {
    // SAFETY: a descriptor of our own table.
    unsafe { syscall(libc::SYS_close, fd as usize, 0, 0, 0) };
}

#[inline(always)]
fn exit() -> ! {
    loop {
        // SAFETY: ends this process and no other.
        unsafe { syscall(libc::SYS_exit_group, 0, 0, 0, 0) };
    }
}
