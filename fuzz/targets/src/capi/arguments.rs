//! Memory of a size that the fuzzer chose, given to the library as a struct.

use std::ffi::CStr;
use std::mem::size_of;
use std::ptr;

use pve_native::limits::LimitsC;

use crate::input::Input;

/// Sizes above this are no struct's.
const STRUCT: usize = 64 << 10;

/// Formats as callers name them.
const FORMATS: [&CStr; 8] = [
    c"qcow2",
    c"raw",
    c"auto-detect",
    c"vmdk",
    c"subvol",
    c"",
    c"QCOW2",
    c"a name that is much longer than the name of any format could ever be",
];

/// A struct's memory: exactly as many bytes as the library is told of.
pub struct Buffer {
    bytes: Vec<u8>,
    null: bool,
}

/// What an output struct is filled with before.
const JUNK: u8 = 0xaa;

impl Buffer {
    /// Of the right size.
    pub fn new(size: usize) -> Self {
        Buffer {
            bytes: vec![JUNK; size],
            null: false,
        }
    }

    /// Of some size: too short, too long, far too long, nothing, NULL.
    pub fn odd(input: &mut Input<'_>, size: usize) -> Self {
        let null = input.below(32) == 0;
        let size = odd_size(input, size);
        Buffer {
            null,
            ..Buffer::new(size)
        }
    }

    /// The same, all zero.
    fn zeroed(input: &mut Input<'_>, size: usize) -> Self {
        let mut buffer = Buffer::odd(input, size);
        buffer.bytes.fill(0);
        buffer
    }

    /// Where the library writes to.
    pub fn place<T>(&mut self) -> *mut T {
        if self.null {
            ptr::null_mut()
        } else {
            self.bytes.as_mut_ptr().cast()
        }
    }

    /// Where the library reads.
    pub fn pointer<T>(&self) -> *const T {
        if self.null {
            ptr::null()
        } else {
            self.bytes.as_ptr().cast()
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What lies there.
    ///
    /// # Safety
    /// The library filled all of a `T`.
    pub unsafe fn read<T>(&self) -> T {
        // SAFETY: as this function demands.
        unsafe { self.read_at(0) }
    }

    /// What lies at an offset.
    ///
    /// # Safety
    /// The library filled all of a `T` there.
    pub unsafe fn read_at<T>(&self, at: usize) -> T {
        assert!(self.bytes.len() >= at + size_of::<T>());
        // SAFETY: it is long enough, and any pattern that the library writes is a value.
        unsafe { self.bytes.as_ptr().add(at).cast::<T>().read_unaligned() }
    }

    /// After a failure there must be zeros, unless the size was no struct's.
    pub fn assert_cleared(&self) {
        let expected = if self.null || self.size() > STRUCT {
            JUNK
        } else {
            0
        };
        assert!(self.bytes.iter().all(|&byte| byte == expected));
    }

    /// Writes words at an offset, if all of them fit.
    pub fn put(&mut self, at: usize, words: &[usize]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(&bytes);
        }
    }
}

fn odd_size(input: &mut Input<'_>, size: usize) -> usize {
    match input.below(16) {
        0 => 0,
        1 => size - 1,
        2 => size + 8,
        3 => input.below(256),
        4 => STRUCT,
        5 => STRUCT + 1,
        6 => size / 2,
        _ => size,
    }
}

/// Where the members of an option struct lie that are not just bytes.
#[derive(Default)]
pub struct Layout {
    /// Size of the struct.
    pub size: usize,
    /// The name of a format.
    pub format: Option<usize>,
    /// The time-out.
    pub timeout: usize,
    /// The pointer to limits, with their size behind it.
    pub limits: Option<usize>,
    /// The pointer to a callback, with its data behind it.
    pub callback: Option<usize>,
}

/// An option struct, and what it points to.
pub struct Options {
    buffer: Buffer,
    limits: Buffer,
}

impl Options {
    /// Of about the right size, most of it zero.
    pub fn new(input: &mut Input<'_>, layout: &Layout) -> Self {
        const PAIR: usize = 2 * size_of::<usize>();
        let mut options = Options {
            buffer: Buffer::zeroed(input, layout.size),
            limits: Buffer::zeroed(input, size_of::<LimitsC>()),
        };
        let Options { buffer, limits } = &mut options;
        for _ in 0..input.below(4) {
            let at = input.below(layout.size);
            let within = |start: Option<usize>, length| {
                start.is_some_and(|start| (start..start + length).contains(&at))
            };
            let kept = within(layout.format, size_of::<usize>())
                || within(Some(layout.timeout), size_of::<f64>())
                || within(layout.limits, PAIR)
                || within(layout.callback, PAIR);
            let value = if input.flag() { 1 } else { input.u8() };
            if let Some(byte) = buffer.bytes.get_mut(at).filter(|_| !kept) {
                *byte = value;
            }
        }
        // Few inputs have a time-out: it may need a helper process.
        match input.below(32) {
            0 => buffer.put(layout.timeout, &[input.u64() as usize]),
            1 => buffer.put(layout.timeout, &[5f64.to_bits() as usize]),
            _ => {}
        }
        if let Some(at) = layout.format.filter(|_| input.flag()) {
            buffer.put(at, &[input.pick(&FORMATS).as_ptr() as usize]);
        }
        if let Some(at) = layout.limits.filter(|_| input.below(4) == 0) {
            for _ in 0..input.below(3) {
                let field = size_of::<u64>() * input.below(16);
                let value = input.u64() >> input.below(64);
                limits.put(field, &[value as usize]);
            }
            let place = limits.pointer::<u8>() as usize;
            buffer.put(at, &[place, limits.size()]);
        }
        options
    }

    /// Sets the callback and its data, if there is room for them.
    pub fn set_callback(&mut self, layout: &Layout, both: [usize; 2]) {
        if let Some(at) = layout.callback {
            self.buffer.put(at, &both);
        }
    }

    /// Where the library reads.
    pub fn pointer<T>(&self) -> *const T {
        self.buffer.pointer()
    }

    /// What the library is told of its size.
    pub fn size(&self) -> usize {
        self.buffer.size()
    }
}
