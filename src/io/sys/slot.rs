//! The memory that a call and its helper process share: one private mapping with a guard, the
//! helper's stack, and the slot through which requests and answers go.
//!
//! All fields are atomics, so that whatever either side does, reading them is no undefined
//! behaviour. `state` says whose turn it is and is what both sides sleep on.

use std::cell::UnsafeCell;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::NAME;

/// The helper is gone; the kernel writes this when it ends (`CLONE_CHILD_CLEARTID`).
pub(super) const GONE: u32 = 0;
/// The helper waits for a request; the answer to the last one is there.
pub(super) const IDLE: u32 = 1;
/// The helper has a request.
pub(super) const ASKED: u32 = 2;

/// Open `path`, stat it, read its first `length` bytes.
pub(super) const OPEN: u32 = 0;
/// Read `length` bytes of `fd` from `offset`.
pub(super) const READ: u32 = 1;
/// Close everything and end.
pub(super) const EXIT: u32 = 2;
/// Find what `path` leads to by the rules in `offset` (`open_how.resolve`), and stat it.
pub(super) const FIND: u32 = 3;
/// Read the link called `path`.
pub(super) const READ_LINK: u32 = 4;
/// Seek in `fd` from `offset`, `length` says to what; the answer is in `size`.
pub(super) const SEEK: u32 = 5;

/// Steps of a request, to say which one failed.
pub(super) const STEPS: [&str; 5] = ["open", "stat", "read", "find the real place of", "seek in"];
pub(super) const STEP_OPEN: u32 = 0;
pub(super) const STEP_STAT: u32 = 1;
pub(super) const STEP_READ: u32 = 2;
pub(super) const STEP_READ_LINK: u32 = 3;
pub(super) const STEP_SEEK: u32 = 4;

/// Files that one request can close on the way.
pub(super) const CLOSING: usize = 32;
/// Bytes that one request can read.
pub(super) const DATA: usize = 128 << 10;

/// A multiple of every page size that Linux has on the processors we know.
const GUARD: usize = 64 << 10;
/// The helper's own functions need less than a tenth of it, unoptimised ones too.
const STACK: usize = 64 << 10;

#[repr(C)]
pub(super) struct Slot {
    pub state: AtomicU32,
    /// Set when the helper could not get a descriptor table of its own.
    pub refused: AtomicU32,
    /// Set when the helper has closed all its files: its end cannot block any more.
    pub closed: AtomicU32,

    // The request.
    pub op: AtomicU32,
    pub fd: AtomicI32,
    pub length: AtomicU32,
    pub offset: AtomicU64,
    /// Descriptors to close before anything else; -1 where there is none.
    pub closing: [AtomicI32; CLOSING],

    // The answer. `errno` is 0 if all went well.
    pub errno: AtomicI32,
    pub step: AtomicU32,
    pub opened: AtomicI32,
    pub done: AtomicU32,
    pub mode: AtomicU32,
    pub size: AtomicU64,
    pub blocks: AtomicU64,
    pub device: AtomicU64,
    pub rdevice: AtomicU64,
    pub inode: AtomicU64,
    pub ctime: AtomicI64,

    pub name: UnsafeCell<[u8; NAME]>,
    pub data: UnsafeCell<[u8; DATA]>,
}

const SLOT_AT: usize = GUARD + STACK;
const LENGTH: usize = SLOT_AT + size_of::<Slot>();
const _: () = assert!(SLOT_AT % align_of::<Slot>() == 0 && SLOT_AT % 16 == 0);

/// The mapping, unmapped when dropped. Nobody may drop it while a helper lives in it.
pub(super) struct Mapping(NonNull<u8>);

// SAFETY: memory may be unmapped by any thread, and all access to the slot is through atomics
// or by whoever's turn it is.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Fresh memory, all zero except that nobody has a turn yet: the state is `IDLE`.
    pub fn new() -> Result<Self, i32> {
        // SAFETY: a new private mapping where the kernel finds room.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                LENGTH,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(super::errno());
        }
        let base = NonNull::new(base.cast()).ok_or(libc::ENOMEM)?;
        let mapping = Mapping(base);
        // SAFETY: the first GUARD bytes of our own mapping, which nobody uses.
        if unsafe { libc::mprotect(base.as_ptr().cast(), GUARD, libc::PROT_NONE) } != 0 {
            return Err(super::errno());
        }
        mapping.slot().state.store(IDLE, Ordering::Release);
        Ok(mapping)
    }

    pub fn slot(&self) -> &Slot {
        // SAFETY: the mapping holds a Slot there, zeroed by the kernel (valid for all its
        // fields), aligned, and lives as long as self.
        unsafe { &*self.base().add(SLOT_AT).cast::<Slot>() }
    }

    /// Upper end of the helper's stack.
    pub fn stack(&self) -> *mut u8 {
        self.base().wrapping_add(SLOT_AT)
    }

    fn base(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// Writes the name for the next request, with its NUL. Only while the state is `IDLE`.
    pub fn set_name(&self, name: &[u8]) -> Result<(), i32> {
        if name.len() >= NAME {
            return Err(libc::ENAMETOOLONG);
        }
        let to = self.slot().name.get().cast::<u8>();
        // SAFETY: `name` and its NUL fit, and the helper does not look while it is idle.
        unsafe {
            ptr::copy_nonoverlapping(name.as_ptr(), to, name.len());
            to.add(name.len()).write(0);
        }
        Ok(())
    }

    /// Copies out what the last request read. Only while the state is `IDLE`.
    pub fn copy_data(&self, to: &mut [u8]) {
        let length = to.len().min(DATA);
        let from = self.slot().data.get().cast::<u8>();
        // SAFETY: `length` is within both, and the helper does not write while it is idle.
        unsafe { ptr::copy_nonoverlapping(from, to.as_mut_ptr(), length) };
    }

    /// Leaves the memory to whoever holds the address: `from_address` takes it back.
    pub fn into_address(self) -> *mut u8 {
        std::mem::ManuallyDrop::new(self).base()
    }

    /// Takes the memory out of a cell that `into_address` was stored in.
    pub fn from_address(cell: &AtomicPtr<u8>) -> Option<Self> {
        NonNull::new(cell.swap(ptr::null_mut(), Ordering::AcqRel)).map(Mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and whoever drops it knows that no helper is left in it.
        unsafe { libc::munmap(self.base().cast(), LENGTH) };
    }
}
