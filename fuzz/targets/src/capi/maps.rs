//! Extents, checks, changed ranges, measures and costs.

use std::ffi::{CStr, c_char};
use std::mem::size_of;
use std::{ptr, slice};

use pve_native::chain::pven_chain_len;
use pve_native::check::{CheckC, pven_check, pven_check_json};
use pve_native::error::{PVEN_NO_OFFSET, PVEN_OK};
use pve_native::extents::{
    ExtentC, Extents, PVEN_EXTENT_DEPTH_SHIFT, pven_extents_chain, pven_extents_free,
    pven_extents_json, pven_extents_next, pven_extents_open, pven_extents_progress,
};
use pve_native::measure::{
    HeadroomC, MeasureC, PVEN_OPTIONS_MAX, pven_image_headroom, pven_measure_image,
    pven_measure_size, pven_merge_costs_json, pven_qemu_img_measure_json,
};
use pve_native::ranges::{
    RangeC, Ranges, pven_bitmap_extents, pven_changed_extents, pven_ranges_data, pven_ranges_free,
    pven_ranges_json, pven_ranges_len,
};

use super::arguments::{Buffer, FORMATS, OPEN, Options, Work};
use super::files::Files;
use super::images::entries;
use super::{HELD, Held};
use crate::input::Input;

/// What an array of extents is filled with before.
const JUNK: ExtentC = ExtentC {
    start: u64::MAX,
    length: 0,
    offset: 1,
    flags: u64::MAX,
};

/// Options for creating an image.
const CREATE: [&CStr; 14] = [
    c"cluster_size=512",
    c"cluster_size=2M",
    c"cluster_size=128k",
    c"cluster_size=0",
    c"cluster_size=99999999999999999999T",
    c"extended_l2",
    c"extended_l2=on",
    c"refcount_bits=64",
    c"refcount_bits=1",
    c"compat=0.10",
    c"preallocation=full",
    c"backing_file=x",
    c"=",
    c"\xff\x1b",
];

/// Sizes in KiB.
const SIZES: [&CStr; 8] = [
    c"0",
    c"1",
    c"1048576.5",
    c"9007199254740993",
    c"18014398509481984",
    c"1e400",
    c"-1",
    c"nan",
];

const BITMAPS: [&CStr; 6] = [c"daily", c"weekly", c"broken", c"absent", c"", c"\x1b[31m"];

/// Extents that are asked for, and where they must go on.
pub struct Walk {
    extents: Option<Box<Extents>>,
    end: u64,
    last: Option<ExtentC>,
}

impl Walk {
    /// Frees the handle.
    pub fn free(self) {
        pven_extents_free(self.extents);
    }
}

impl Held {
    pub(super) fn map(&mut self, input: &mut Input<'_>, files: &Files) {
        match input.below(20) {
            0..=2 => self.extents_open(input, files),
            3..=5 => self.extents_next(input),
            6 => self.extents_look(input),
            7 => {
                if let Some(walk) = self.walks[input.below(HELD)].take() {
                    walk.free();
                }
            }
            8 => self.json(input, |_, input, json, len, err| {
                let path = files.path(input);
                let opts = Options::new(input, &OPEN);
                // SAFETY: as the module above says.
                unsafe { pven_extents_json(path, opts.pointer(), opts.size(), json, len, err) }
            }),
            9 => self.check(input, files),
            10 => self.work_json(input, files, |path, work, json, len, err| {
                // SAFETY: as the module above says.
                unsafe { pven_check_json(path, work.pointer(), work.size(), json, len, err) }
            }),
            11 | 12 => self.ranges_open(input, files),
            13 => self.ranges_look(input),
            14 => pven_ranges_free(self.ranges[input.below(HELD)].take()),
            15 => self.measure(input, files),
            16 => self.json(input, |_, input, json, len, err| {
                let size = text(input, &SIZES);
                let format = text(input, &FORMATS);
                let options = CreateOptions::new(input);
                let (list, count) = (options.pointer(), options.count);
                // SAFETY: as the module above says.
                unsafe { pven_qemu_img_measure_json(size, format, list, count, json, len, err) }
            }),
            17 => self.headroom(input, files),
            _ => self.work_json(input, files, |path, work, json, len, err| {
                // SAFETY: as the module above says.
                unsafe { pven_merge_costs_json(path, work.pointer(), work.size(), json, len, err) }
            }),
        }
    }

    fn extents_open(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let extents = self.handle(input, |_, input, out, err| {
            let path = files.path(input);
            let opts = Options::new(input, &OPEN);
            // SAFETY: as the module above says.
            unsafe { pven_extents_open(path, opts.pointer(), opts.size(), out, err) }
        });
        if extents.is_some() {
            let walk = Walk {
                extents,
                end: 0,
                last: None,
            };
            if let Some(old) = self.walks[place].replace(walk) {
                old.free();
            }
        }
    }

    fn extents_next(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        let mut walk = self.walks[place].take();
        let mut array = vec![JUNK; input.pick(&[0, 1, 2, 3, 7, 64, 1000])];
        let mut count = usize::MAX;
        let wanted = input.below(16);
        let code = self.call(input, |_, _, err| {
            let out = match wanted {
                0 => ptr::null_mut(),
                _ => array.as_mut_ptr(),
            };
            let count = match wanted {
                1 => ptr::null_mut(),
                _ => &raw mut count,
            };
            let extents = walk.as_mut().and_then(|walk| walk.extents.as_deref_mut());
            // SAFETY: as the module above says.
            unsafe { pven_extents_next(extents, out, array.len(), count, err) }
        });
        if code != PVEN_OK {
            assert!(count == 0 || wanted == 1);
            count = 0;
        }
        assert!(code != PVEN_OK || (walk.is_some() && wanted > 1 && count <= array.len()));
        assert!(array[count..].iter().all(|extent| same(extent, &JUNK)));
        if let Some(walk) = &mut walk {
            walk.check(&array[..count], code == PVEN_OK);
        }
        self.walks[place] = walk;
    }

    fn extents_look(&mut self, input: &mut Input<'_>) {
        let walk = self.walks[input.below(HELD)].as_ref();
        let extents = walk.and_then(|walk| walk.extents.as_deref());
        let chain = pven_extents_chain(extents);
        assert_eq!(chain.is_some(), extents.is_some());
        entries(chain);
    }

    /// A call that takes a path and long work, and gives a text in JSON.
    fn work_json(
        &mut self,
        input: &mut Input<'_>,
        files: &Files,
        call: impl FnOnce(*const c_char, &Work, *mut *mut c_char, *mut usize, super::Err) -> i32,
    ) {
        self.json(input, |_, input, json, len, err| {
            let path = files.path(input);
            let work = Work::new(input);
            let code = call(path, &work, json, len, err);
            work.check(code);
            code
        });
    }

    /// A call that fills a struct.
    fn fill<T>(
        &mut self,
        input: &mut Input<'_>,
        call: impl FnOnce(&mut Input<'_>, *mut T, usize, super::Err) -> i32,
    ) -> Option<T> {
        let mut buffer = Buffer::odd(input, size_of::<T>());
        let code = self.call(input, |_, input, err| {
            call(input, buffer.place(), buffer.size(), err)
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
            return None;
        }
        // SAFETY: the struct was filled.
        (buffer.size() >= size_of::<T>()).then(|| unsafe { buffer.read() })
    }

    fn check(&mut self, input: &mut Input<'_>, files: &Files) {
        self.fill::<CheckC>(input, |input, out, size, err| {
            let path = files.path(input);
            let work = Work::new(input);
            // SAFETY: as the module above says.
            let code = unsafe { pven_check(path, work.pointer(), work.size(), out, size, err) };
            work.check(code);
            code
        });
    }

    fn headroom(&mut self, input: &mut Input<'_>, files: &Files) {
        self.fill::<HeadroomC>(input, |input, out, size, err| {
            let path = files.path(input);
            let device = input.u64() >> input.below(64);
            let work = Work::new(input);
            let (opts, opts_size) = (work.pointer(), work.size());
            // SAFETY: as the module above says.
            let code =
                unsafe { pven_image_headroom(path, device, opts, opts_size, out, size, err) };
            work.check(code);
            code
        });
    }

    fn measure(&mut self, input: &mut Input<'_>, files: &Files) {
        let measure = self.fill::<MeasureC>(input, |input, out, size, err| {
            let format = text(input, &FORMATS);
            let options = CreateOptions::new(input);
            let (list, count) = (options.pointer(), options.count);
            if input.flag() {
                let disk = input.u64() >> input.below(64);
                // SAFETY: as the module above says.
                return unsafe { pven_measure_size(disk, format, list, count, out, size, err) };
            }
            let path = files.path(input);
            let work = Work::new(input);
            let (opts, opts_size) = (work.pointer(), work.size());
            // SAFETY: as the module above says.
            let code = unsafe {
                pven_measure_image(path, format, list, count, opts, opts_size, out, size, err)
            };
            work.check(code);
            code
        });
        assert!(measure.is_none_or(|measure| measure.required <= measure.fully_allocated));
    }

    fn ranges_open(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let ranges = self.handle(input, |_, input, out, err| {
            let path = files.path(input);
            let of_bitmap = input.flag();
            let other = match of_bitmap {
                true => text(input, &BITMAPS),
                false => files.path(input),
            };
            let work = Work::new(input);
            let (opts, size) = (work.pointer(), work.size());
            // SAFETY: as the module above says.
            let code = unsafe {
                match of_bitmap {
                    true => pven_bitmap_extents(path, other, opts, size, out, err),
                    false => pven_changed_extents(path, other, opts, size, out, err),
                }
            };
            work.check(code);
            code
        });
        if ranges.is_some() {
            pven_ranges_free(std::mem::replace(&mut self.ranges[place], ranges));
        }
    }

    fn ranges_look(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        let ranges: Option<&Ranges> = self.ranges[place].as_deref();
        let (data, length) = (pven_ranges_data(ranges), pven_ranges_len(ranges));
        assert_eq!(data.is_null(), length == 0);
        if length > 0 {
            // SAFETY: an array of so many.
            let ranges = unsafe { slice::from_raw_parts(data, length) };
            assert!(ranges.iter().all(|range| range.length > 0));
            let apart = |pair: &[RangeC]| match pair {
                [one, next] => one.start + one.length < next.start,
                _ => true,
            };
            assert!(ranges.windows(2).all(apart));
        }
        self.json(input, |held, _, json, len, err| {
            let ranges = held.ranges[place].as_deref();
            // SAFETY: as the module above says.
            unsafe { pven_ranges_json(ranges, json, len, err) }
        });
    }
}

fn same(one: &ExtentC, other: &ExtentC) -> bool {
    let numbers = |e: &ExtentC| (e.start, e.length, e.offset, e.flags);
    numbers(one) == numbers(other)
}

impl Walk {
    /// What must be true of the extents that a call gave, or of none after an error.
    fn check(&mut self, found: &[ExtentC], good: bool) {
        let extents = self.extents.as_deref();
        let (mut done, mut total) = (u64::MAX, 0);
        // SAFETY: places for numbers.
        unsafe { pven_extents_progress(extents, &raw mut done, &raw mut total) };
        assert!(done <= total);
        let images = pven_chain_len(pven_extents_chain(extents)) as u64;
        for extent in found {
            assert!(extent.start == self.end && extent.length > 0);
            assert!(extent.flags >> PVEN_EXTENT_DEPTH_SHIFT < images);
            let differs = |last: &ExtentC| {
                let offset = match last.offset {
                    PVEN_NO_OFFSET => PVEN_NO_OFFSET,
                    offset => offset + last.length,
                };
                last.flags != extent.flags || offset != extent.offset
            };
            assert!(self.last.as_ref().is_none_or(differs));
            self.end += extent.length;
            self.last = Some(*extent);
        }
        assert!(self.end <= total && (!good || !found.is_empty() || self.end == total));
    }
}

/// Options for creating an image, and how many the library is told of.
struct CreateOptions {
    list: Vec<*const c_char>,
    count: usize,
    null: bool,
}

impl CreateOptions {
    fn new(input: &mut Input<'_>) -> Self {
        let mut list: Vec<_> = (0..input.below(4)).map(|_| text(input, &CREATE)).collect();
        let kind = input.below(16);
        if kind == 1 {
            list.resize(PVEN_OPTIONS_MAX + 1, CREATE[0].as_ptr());
        }
        CreateOptions {
            count: list.len(),
            list,
            null: kind == 0,
        }
    }

    fn pointer(&self) -> *const *const c_char {
        match self.null {
            true => ptr::null(),
            false => self.list.as_ptr(),
        }
    }
}

/// One of these strings, or seldom NULL.
fn text(input: &mut Input<'_>, from: &[&CStr]) -> *const c_char {
    let chosen = from.get(input.below(from.len() + 1));
    chosen.map_or(ptr::null(), |text| text.as_ptr())
}
