//! Memory of a size that the fuzzer chose, given to the library as a struct.

use std::ffi::{CStr, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::error::PVEN_ERR_CANCELLED;
use pve_native::limits::LimitsC;
use pve_native::opts::OpenOpts;
use pve_native::work::WorkOpts;

use crate::input::Input;

/// Sizes above this are no struct's.
const STRUCT: usize = 64 << 10;

/// Formats as callers name them.
pub const FORMATS: [&CStr; 8] = [
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
    pub timeout: Option<usize>,
    /// The pointer to limits, with their size behind it.
    pub limits: Option<usize>,
    /// Other pointers, each with its data or its count behind it.
    pub pairs: &'static [usize],
}

/// How to open an image or a chain.
pub const OPEN: Layout = Layout {
    size: size_of::<OpenOpts>(),
    format: Some(offset_of!(OpenOpts, format)),
    timeout: Some(offset_of!(OpenOpts, timeout)),
    limits: Some(offset_of!(OpenOpts, limits)),
    pairs: &[],
};

/// An option struct, and what it points to.
pub struct Options {
    buffer: Buffer,
    limits: Buffer,
}

impl Options {
    /// Of about the right size, most of it zero.
    pub fn new(input: &mut Input<'_>, layout: &Layout) -> Self {
        const PAIR: usize = 2 * size_of::<usize>();
        let pairs = || layout.limits.iter().chain(layout.pairs);
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
                || within(layout.timeout, size_of::<f64>())
                || pairs().any(|&pair| within(Some(pair), PAIR));
            let value = if input.flag() { 1 } else { input.u8() };
            if let Some(byte) = buffer.bytes.get_mut(at).filter(|_| !kept) {
                *byte = value;
            }
        }
        // Few inputs have a time-out: it may need a helper process.
        if let Some(at) = layout.timeout {
            match input.below(32) {
                0 => buffer.put(at, &[input.u64() as usize]),
                1 => buffer.put(at, &[5f64.to_bits() as usize]),
                _ => {}
            }
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

    /// Sets a pointer and what is behind it, if there is room for them.
    pub fn set_pair(&mut self, at: usize, both: [usize; 2]) {
        self.buffer.put(at, &both);
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

const WORK: Layout = Layout {
    size: size_of::<WorkOpts>(),
    format: None,
    timeout: None,
    limits: None,
    pairs: &[offset_of!(WorkOpts, open), offset_of!(WorkOpts, progress)],
};

/// Options for long work, and somebody who watches it.
pub struct Work {
    options: Options,
    /// What they point to.
    open: Options,
    watcher: Box<Watcher>,
}

/// Told how far work is; stops it after some calls.
struct Watcher {
    calls: u32,
    most: u32,
    /// Whether more was done than there is to do, or somebody who stopped it was called again.
    fooled: bool,
}

impl Work {
    /// With or without options for opening, a watcher or not.
    pub fn new(input: &mut Input<'_>) -> Self {
        let mut work = Work {
            options: Options::new(input, &WORK),
            open: Options::new(input, &OPEN),
            watcher: Box::new(Watcher {
                calls: 0,
                most: u32::from(input.u8()),
                fooled: false,
            }),
        };
        let Work {
            options,
            open,
            watcher,
        } = &mut work;
        if input.flag() {
            let open = [open.pointer::<u8>() as usize, open.size()];
            options.set_pair(offset_of!(WorkOpts, open), open);
        }
        if input.flag() {
            let tell: unsafe extern "C" fn(*mut c_void, u64, u64) -> i32 = watch;
            let both = [tell as usize, &raw mut **watcher as usize];
            options.set_pair(offset_of!(WorkOpts, progress), both);
        }
        work
    }

    /// Where the library reads.
    pub fn pointer(&self) -> *const WorkOpts {
        self.options.pointer()
    }

    /// What the library is told of its size.
    pub fn size(&self) -> usize {
        self.options.size()
    }

    /// What must be true after a call that ended with this code.
    pub fn check(&self, code: i32) {
        let watcher = &self.watcher;
        assert!(!watcher.fooled, "progress is not what the header says");
        let stopped = watcher.calls > watcher.most;
        assert_eq!(stopped, code == PVEN_ERR_CANCELLED);
    }
}

unsafe extern "C" fn watch(data: *mut c_void, done: u64, total: u64) -> i32 {
    // SAFETY: `Work` gives its watcher, which lives as long as the call.
    let watcher = unsafe { &mut *data.cast::<Watcher>() };
    watcher.fooled |= done > total || watcher.calls > watcher.most;
    watcher.calls += 1;
    (watcher.calls <= watcher.most).into()
}
