//! System calls without the C library: no errno, no thread-local storage, no stack of somebody
//! else's. The deadline helper may use nothing but these, and it is started from here.
//!
//! On processors without a version of this, no helper process can be started; calls with a
//! deadline then use a thread (see `thread.rs`).

use super::slot::Slot;

/// What a helper runs. It never returns: there is nothing to return to.
pub(super) type Entry = unsafe extern "C" fn(*const Slot) -> !;

/// The client request that only valgrind answers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const RUNNING_ON_VALGRIND: usize = 0x1001;

#[cfg(target_arch = "x86_64")]
mod arch {
    use super::{Entry, RUNNING_ON_VALGRIND, Slot};
    use std::arch::asm;

    /// # Safety
    /// As for the system call.
    #[inline(always)]
    pub unsafe fn syscall6(
        number: libc::c_long,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> isize {
        let result;
        // SAFETY: the kernel takes rcx and r11 and leaves all other registers; what the call
        // does to memory is the caller's promise.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") number as isize => result,
                in("rdi") a,
                in("rsi") b,
                in("rdx") c,
                in("r10") d,
                in("r8") e,
                in("r9") f,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack)
            );
        }
        result
    }

    /// Whether valgrind runs this program: it would not survive our clone. The instructions are
    /// those of its client requests, which do nothing on a real processor.
    pub fn in_valgrind() -> bool {
        let request = [RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0];
        let mut answer = 0usize;
        // SAFETY: the rotations add up to none, and valgrind writes nothing but rdx.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") request.as_ptr(),
                inlateout("rdx") answer,
                inlateout("rdi") 0usize => _,
                options(nostack)
            );
        }
        answer != 0
    }

    /// # Safety
    /// `stack` is the upper end of memory that the new process alone uses, aligned to 16 bytes.
    pub unsafe fn clone(
        flags: usize,
        stack: *mut u8,
        tid: *const u32,
        entry: Entry,
        slot: *const Slot,
    ) -> isize {
        let result;
        // SAFETY: only the caller's side comes back from this block. The new process has all
        // registers of the caller but rax and rsp, calls `entry` on its own stack and ends there.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r12",
                "call r13",
                "ud2",
                "2:",
                inlateout("rax") libc::SYS_clone as isize => result,
                in("rdi") flags,
                in("rsi") stack,
                in("rdx") 0usize,
                in("r10") tid,
                in("r8") 0usize,
                in("r12") slot,
                in("r13") entry,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack)
            );
        }
        result
    }
}

#[cfg(target_arch = "aarch64")]
mod arch {
    use super::{Entry, RUNNING_ON_VALGRIND, Slot};
    use std::arch::asm;

    /// # Safety
    /// As for the system call.
    #[inline(always)]
    pub unsafe fn syscall6(
        number: libc::c_long,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> isize {
        let result;
        // SAFETY: the kernel leaves all registers but x0; what the call does to memory is the
        // caller's promise.
        unsafe {
            asm!(
                "svc #0",
                in("x8") number,
                inlateout("x0") a => result,
                in("x1") b,
                in("x2") c,
                in("x3") d,
                in("x4") e,
                in("x5") f,
                options(nostack)
            );
        }
        result
    }

    /// Whether valgrind runs this program: it would not survive our clone. The instructions are
    /// those of its client requests, which do nothing on a real processor.
    pub fn in_valgrind() -> bool {
        let request = [RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0];
        let mut answer = 0usize;
        // SAFETY: the rotations add up to none, and valgrind writes nothing but x3.
        unsafe {
            asm!(
                "ror x12, x12, #3",
                "ror x12, x12, #13",
                "ror x12, x12, #51",
                "ror x12, x12, #61",
                "orr x10, x10, x10",
                in("x4") request.as_ptr(),
                inlateout("x3") answer,
                inlateout("x12") 0usize => _,
                options(nostack)
            );
        }
        answer != 0
    }

    /// # Safety
    /// `stack` is the upper end of memory that the new process alone uses, aligned to 16 bytes.
    pub unsafe fn clone(
        flags: usize,
        stack: *mut u8,
        tid: *const u32,
        entry: Entry,
        slot: *const Slot,
    ) -> isize {
        let result;
        // SAFETY: only the caller's side comes back from this block. The new process has all
        // registers of the caller but x0 and sp, calls `entry` on its own stack and ends there.
        unsafe {
            asm!(
                "svc #0",
                "cbnz x0, 2f",
                "mov x29, xzr",
                "mov x30, xzr",
                "mov x0, x9",
                "blr x10",
                "brk #1",
                "2:",
                in("x8") libc::SYS_clone,
                inlateout("x0") flags => result,
                in("x1") stack,
                in("x2") 0usize,
                in("x3") 0usize,
                in("x4") tid,
                in("x9") slot,
                in("x10") entry,
                options(nostack)
            );
        }
        result
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod arch {
    use super::{Entry, Slot};

    /// # Safety
    /// None: it does nothing.
    pub unsafe fn syscall6(
        _: libc::c_long,
        _: usize,
        _: usize,
        _: usize,
        _: usize,
        _: usize,
        _: usize,
    ) -> isize {
        -(libc::ENOSYS as isize)
    }

    pub fn in_valgrind() -> bool {
        false
    }

    /// # Safety
    /// None: it does nothing.
    pub unsafe fn clone(_: usize, _: *mut u8, _: *const u32, _: Entry, _: *const Slot) -> isize {
        -(libc::ENOSYS as isize)
    }
}

pub(super) use arch::{clone, in_valgrind, syscall6};

/// # Safety
/// As for the system call.
#[inline(always)]
pub(super) unsafe fn syscall(
    number: libc::c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
) -> isize {
    // SAFETY: the caller's promise.
    unsafe { syscall6(number, a, b, c, d, 0, 0) }
}
