//! Counts what a thread allocates: the largest piece, and the most at one time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { now: 0, peak: 0, largest: 0 }) };
}

#[derive(Clone, Copy)]
struct Count {
    /// May fall below zero: memory from before is freed.
    now: isize,
    peak: isize,
    largest: usize,
}

/// The system's allocator, counted.
pub struct Counting;

/// Starts to count on this thread.
pub fn begin() {
    COUNT.set(Count {
        now: 0,
        peak: 0,
        largest: 0,
    });
}

/// The largest allocation and the peak since then, in bytes.
pub fn end() -> (usize, usize) {
    let count = COUNT.get();
    (count.largest, count.peak.unsigned_abs())
}

fn count(grown: usize, freed: usize) {
    // A thread that ends has nothing to count with any more.
    let _ = COUNT.try_with(|cell| {
        let mut count = cell.get();
        count.now += grown as isize - freed as isize;
        count.peak = count.peak.max(count.now);
        count.largest = count.largest.max(grown);
        cell.set(count);
    });
}

// SAFETY: all is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}
