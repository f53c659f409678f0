//! What a call costs and touches: bytes read, memory asked for, files opened.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is handed on to the system's allocator; the cell allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(size));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What a piece of work took in this thread.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Bytes that read calls have returned. None if the kernel does not count them.
    pub read: Option<u64>,
    /// The largest piece of memory in bytes.
    pub largest: usize,
}

/// Runs `work`, which makes its system calls in this thread.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = bytes_read();
    // What the counting itself reads.
    let own = bytes_read().zip(before).map(|(now, before)| now - before);
    let before = bytes_read();
    LARGEST.set(0);
    let result = work();
    let largest = LARGEST.get();
    let read = bytes_read().zip(before).zip(own);
    let read = read.map(|((now, before), own)| (now - before).saturating_sub(own));
    (result, Cost { read, largest })
}

fn bytes_read() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/io").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "))?;
    line.parse().ok()
}

/// Sees which files in some folders are opened. Looking a name up does not count.
pub struct Watch(OwnedFd);

impl Watch {
    pub fn new() -> Self {
        // SAFETY: takes a number, gives a descriptor.
        let fd = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: it is new, and ours.
        Watch(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub fn add(&self, folder: &Path) {
        let name = CString::new(folder.as_os_str().as_bytes()).expect("no NUL in a path");
        let what = libc::IN_OPEN | libc::IN_ONLYDIR;
        // SAFETY: the name ends with a NUL.
        let watch = unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), name.as_ptr(), what) };
        assert!(watch >= 0, "{}", std::io::Error::last_os_error());
    }

    /// The names of what was opened since the last call.
    pub fn opened(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut buffer = [0u8; 16 << 10];
        loop {
            // SAFETY: the buffer is valid for writes of its whole length.
            let n =
                unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
            let Ok(length @ 1..) = usize::try_from(n) else {
                return names;
            };
            // Four words, the last of which is the length of the name that follows.
            let mut at = 0;
            while at < length {
                let word: [u8; 4] = buffer[at + 12..at + 16].try_into().expect("four bytes");
                let size = u32::from_ne_bytes(word) as usize;
                let name = &buffer[at + 16..at + 16 + size];
                let end = name.iter().position(|&b| b == 0).unwrap_or(size);
                names.push(String::from_utf8_lossy(&name[..end]).into_owned());
                at += 16 + size;
            }
        }
    }
}
