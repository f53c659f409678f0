//! Snapshot graphs, of chains and of listings.

use std::ffi::{CStr, c_char};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::audit::FindingC;
use pve_native::error::PVEN_OK;
use pve_native::graph::{
    GraphOpts, PVEN_NO_INDEX, PVEN_TAGS_MAX, PVEN_VOLUMES_MAX, SnapshotGraph, VolumeC,
    pven_snapshot_graph_free, pven_snapshot_graph_from_volumes, pven_snapshot_graph_open,
};
use pve_native::graph_answers::{
    pven_snapshot_graph_blockers_json, pven_snapshot_graph_current, pven_snapshot_graph_dot,
    pven_snapshot_graph_finding, pven_snapshot_graph_finding_count, pven_snapshot_graph_image,
    pven_snapshot_graph_info_json, pven_snapshot_graph_json, pven_snapshot_graph_len,
    pven_snapshot_graph_names_json, pven_snapshot_graph_text,
};
use pve_native::graph_image::GraphImageC;
use pve_native::plan::{
    pven_snapshot_diagnose_json, pven_snapshot_plan_json, pven_snapshot_plan_text,
};

use super::arguments::{Buffer, FORMATS, Layout, Options};
use super::files::Files;
use super::{Err, HELD, Held, shown};
use crate::input::Input;

const OPTS: Layout = Layout {
    size: size_of::<GraphOpts>(),
    format: None,
    timeout: Some(offset_of!(GraphOpts, timeout)),
    limits: Some(offset_of!(GraphOpts, limits)),
    pairs: &[
        offset_of!(GraphOpts, scheme),
        offset_of!(GraphOpts, storeid),
    ],
};

const SCHEMES: [&CStr; 6] = [
    c"lvmqcow2",
    c"pve-dir",
    c"pve-lvm",
    c"internal",
    c"",
    c"zfs",
];

/// Names of volumes and of their images.
const NAMES: [&CStr; 14] = [
    c"vm-1-disk.qcow2",
    c"1/vm-1-disk.qcow2",
    c"vm-1-disk-snap-ab.qcow2",
    c"vm-1-disk-snap-cd",
    c"vm-1-disk-base",
    c"vm-1-disk",
    c"snap-ab-vm-1-disk.qcow2",
    c"snap_vm-1-disk_ab.qcow2",
    c"del-7-vm-1-disk.qcow2",
    c"new-vm-1-disk-snap-ab.qcow2",
    c"rich.qcow2",
    c"top.qcow2",
    c"mid",
    c"\xff\x1b\n",
];

const SNAPSHOTS: [&CStr; 5] = [c"ab", c"cd", c"current", c"", c"\xff"];

const OPERATIONS: [&CStr; 8] = [
    c"create",
    c"delete",
    c"delete-many",
    c"rollback",
    c"resize",
    c"rename",
    c"free",
    c"repair",
];

/// What can be asked of plans, and more.
const OPTIONS: [&CStr; 9] = [
    c"{}",
    c"{\"snapshot\": \"ab\"}",
    c"{\"snapshots\": [\"ab\", \"cd\"], \"put-aside\": true}",
    c"{\"snapshot\": \"new\", \"free\": 0, \"timeout\": 30}",
    c"{\"size\": 1073741824, \"extent-size\": 1}",
    c"{\"to\": \"vm-1-other.qcow2\", \"drive\": \"scsi0\"}",
    c"{\"check\": 0}",
    c"{\"x\": {}}",
    c"[",
];

/// Options as JSON, whole, cut off, or NULL.
fn options(input: &mut Input<'_>) -> (*const c_char, usize) {
    let options = OPTIONS.get(input.below(OPTIONS.len() + 1));
    let Some(options) = options else {
        return (ptr::null(), input.below(2));
    };
    let length = options.count_bytes();
    let length = match input.below(8) {
        0 => input.below(length + 1),
        _ => length,
    };
    (options.as_ptr(), length)
}

/// One of them, or NULL.
fn text(input: &mut Input<'_>, texts: &[&'static CStr]) -> *const c_char {
    let chosen = texts.get(input.below(texts.len() + 1));
    chosen.map_or(ptr::null(), |text| text.as_ptr())
}

fn opts(input: &mut Input<'_>) -> Options {
    let mut opts = Options::new(input, &OPTS);
    let scheme = text(input, &SCHEMES) as usize;
    let volname = match input.flag() {
        true => text(input, &NAMES) as usize,
        false => 0,
    };
    opts.set_pair(offset_of!(GraphOpts, scheme), [scheme, volname]);
    let storeid = text(input, &[c"san", c"a:b"]) as usize;
    let format = match input.below(4) {
        0 => text(input, &FORMATS) as usize,
        _ => 0,
    };
    opts.set_pair(offset_of!(GraphOpts, storeid), [storeid, format]);
    opts
}

/// Structs that are as far apart as the caller's own is large: of today's header, an older or a later one.
struct Volumes {
    bytes: Vec<u8>,
    size: usize,
    count: usize,
    _tags: Vec<Vec<*const c_char>>,
}

impl Volumes {
    fn new(input: &mut Input<'_>, files: &Files) -> Self {
        let whole = size_of::<VolumeC>();
        let older = offset_of!(VolumeC, suspended);
        let size = input.pick(&[whole, whole, older, whole + 8, 24, 16]);
        let count = input.below(8);
        let (mut bytes, mut all_tags) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let tag = |input: &mut Input<'_>| text(input, &[c"pve-vm-1", c"", c"\xff"]);
            let tags: Vec<*const c_char> = (0..input.below(3)).map(|_| tag(input)).collect();
            let tag_count = match input.below(16) {
                0 => PVEN_TAGS_MAX + 1,
                _ => tags.len(),
            };
            let fields = [
                text(input, &NAMES) as usize,
                files.path(input) as usize,
                input.u8() as usize,
                tags.as_ptr() as usize,
                tag_count,
                // Suspended or not, neither, and a reserved byte.
                input.pick(&[0, 0, 0, 0, 0, 1, 2, 0x100]),
                usize::from(input.below(8) == 0),
            ];
            all_tags.push(tags);
            let fields = fields.iter().flat_map(|field| field.to_ne_bytes());
            bytes.extend(fields.take(size));
        }
        Volumes {
            bytes,
            size,
            count,
            _tags: all_tags,
        }
    }

    fn pointer(&self) -> *const VolumeC {
        match self.count {
            0 => ptr::null(),
            _ => self.bytes.as_ptr().cast(),
        }
    }
}

impl Held {
    pub(super) fn graph(&mut self, input: &mut Input<'_>, files: &Files) {
        match input.below(20) {
            0..=3 => {
                let place = input.below(HELD);
                let graph = self.handle(input, |_, input, out, err| {
                    let (path, opts) = (files.path(input), opts(input));
                    let (pointer, size) = (opts.pointer(), opts.size());
                    // SAFETY: as the module above says.
                    unsafe { pven_snapshot_graph_open(path, pointer, size, out, err) }
                });
                self.keep_graph(place, graph);
            }
            4..=7 => {
                let place = input.below(HELD);
                let graph = self.handle(input, |_, input, out, err| {
                    let volumes = Volumes::new(input, files);
                    let opts = opts(input);
                    let count = match input.below(16) {
                        // Too many are refused before they are looked at.
                        0 => PVEN_VOLUMES_MAX + 1,
                        _ => volumes.count,
                    };
                    let (list, each) = (volumes.pointer(), volumes.size);
                    let (pointer, size) = (opts.pointer(), opts.size());
                    // SAFETY: as the module above says.
                    unsafe {
                        pven_snapshot_graph_from_volumes(list, each, count, pointer, size, out, err)
                    }
                });
                self.keep_graph(place, graph);
            }
            8 => pven_snapshot_graph_free(self.graphs[input.below(HELD)].take()),
            9 => self.graph_image(input),
            10 => self.graph_finding(input),
            11 => self.graph_text(input),
            12 => self.graph_json(input, pven_snapshot_graph_info_json),
            13 => self.graph_json(input, pven_snapshot_graph_names_json),
            14 => self.graph_json(input, pven_snapshot_graph_json),
            16 | 17 => self.plan(input),
            18 => self.plan_text(input),
            _ => {
                let place = input.below(HELD);
                self.json(input, |held, input, json, len, err| {
                    let graph = held.graphs[place].as_deref();
                    let name = text(input, &SNAPSHOTS);
                    // SAFETY: as the module above says.
                    unsafe { pven_snapshot_graph_blockers_json(graph, name, json, len, err) }
                });
            }
        }
    }

    /// A plan or a diagnosis.
    fn plan(&mut self, input: &mut Input<'_>) {
        let (place, diagnose) = (input.below(HELD), input.flag());
        self.json(input, |held, input, json, len, err| {
            let graph = held.graphs[place].as_deref();
            let (options, length) = options(input);
            let op = text(input, &OPERATIONS);
            // SAFETY: as the module above says.
            unsafe {
                match diagnose {
                    true => pven_snapshot_diagnose_json(graph, options, length, json, len, err),
                    false => pven_snapshot_plan_json(graph, op, options, length, json, len, err),
                }
            }
        });
    }

    fn plan_text(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        let mut shown_text = c"junk".as_ptr().cast_mut();
        let code = self.call(input, |held, input, err| {
            let graph = held.graphs[place].as_deref();
            let (options, length) = options(input);
            let op = text(input, &OPERATIONS);
            // SAFETY: as the module above says.
            unsafe { pven_snapshot_plan_text(graph, op, options, length, &raw mut shown_text, err) }
        });
        assert_eq!(code == PVEN_OK, !shown_text.is_null());
        if code == PVEN_OK {
            shown(shown_text);
            self.strings.push(shown_text);
        }
    }

    fn keep_graph(&mut self, place: usize, graph: Option<Box<SnapshotGraph>>) {
        if graph.is_some() {
            pven_snapshot_graph_free(std::mem::replace(&mut self.graphs[place], graph));
        }
    }

    fn graph_json(
        &mut self,
        input: &mut Input<'_>,
        ask: unsafe extern "C" fn(Option<&SnapshotGraph>, *mut *mut c_char, *mut usize, Err) -> i32,
    ) {
        let place = input.below(HELD);
        self.json(input, |held, _, json, len, err| {
            // SAFETY: as the module above says.
            unsafe { ask(held.graphs[place].as_deref(), json, len, err) }
        });
    }

    fn graph_text(&mut self, input: &mut Input<'_>) {
        let (place, dot) = (input.below(HELD), input.flag());
        let mut drawn = c"junk".as_ptr().cast_mut();
        let code = self.call(input, |held, _, err| {
            let graph = held.graphs[place].as_deref();
            // SAFETY: as the module above says.
            unsafe {
                match dot {
                    true => pven_snapshot_graph_dot(graph, &raw mut drawn, err),
                    false => pven_snapshot_graph_text(graph, &raw mut drawn, err),
                }
            }
        });
        assert_eq!(code == PVEN_OK, !drawn.is_null());
        if code == PVEN_OK {
            let text = shown(drawn);
            assert!(!text.iter().any(|&b| b.is_ascii_control() && b != b'\n'));
            self.strings.push(drawn);
        }
    }

    fn graph_image(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        let graph = self.graphs[place].as_deref();
        let length = pven_snapshot_graph_len(graph);
        let current = pven_snapshot_graph_current(graph);
        assert!(current == PVEN_NO_INDEX || (0..length as i64).contains(&current));
        let index = input.below(length + 1);
        let mut buffer = Buffer::odd(input, size_of::<GraphImageC>());
        let code = self.call(input, |held, _, err| {
            let graph = held.graphs[place].as_deref();
            let (out, size) = (buffer.place(), buffer.size());
            // SAFETY: as the module above says.
            unsafe { pven_snapshot_graph_image(graph, index, out, size, err) }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= size_of::<GraphImageC>() {
            assert!(index < length);
            // SAFETY: the struct was filled.
            let image: GraphImageC = unsafe { buffer.read() };
            let texts = [
                image.name,
                image.path,
                image.role,
                image.place,
                image.content,
            ];
            assert!(texts.iter().all(|text| !text.is_null()));
            for text in texts {
                shown(text);
            }
            for text in [image.snapshot, image.format, image.error_message] {
                shown(text);
            }
            assert!((PVEN_NO_INDEX..length as i64).contains(&image.parent));
        }
    }

    fn graph_finding(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        let count = pven_snapshot_graph_finding_count(self.graphs[place].as_deref());
        let index = input.below(count + 1);
        let mut buffer = Buffer::odd(input, size_of::<FindingC>());
        let code = self.call(input, |held, _, err| {
            let graph = held.graphs[place].as_deref();
            let (out, size) = (buffer.place(), buffer.size());
            // SAFETY: as the module above says.
            unsafe { pven_snapshot_graph_finding(graph, index, out, size, err) }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= size_of::<FindingC>() {
            // SAFETY: the struct was filled.
            let finding: FindingC = unsafe { buffer.read() };
            for text in [finding.code, finding.image, finding.message] {
                assert!(!text.is_null());
                shown(text);
            }
        }
    }
}
