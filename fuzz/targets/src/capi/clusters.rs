//! What nodes say of LUNs: broadcasts, answers, and engines that are told in any order.

use std::ffi::{CStr, c_char};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::cluster::{
    pven_cluster_status_document_json, pven_cluster_status_json, pven_cluster_summarize,
};
use pve_native::cluster_engine::{
    ClusterMapC, pven_cluster_engine_advance, pven_cluster_engine_changes_json,
    pven_cluster_engine_findings_json, pven_cluster_engine_free, pven_cluster_engine_mute,
    pven_cluster_engine_new, pven_cluster_engine_next_deadline, pven_cluster_engine_nodes_json,
    pven_cluster_engine_rows_json, pven_cluster_engine_set_config_json,
    pven_cluster_engine_set_members_json, pven_cluster_engine_status_json,
    pven_cluster_engine_unmute, pven_cluster_engine_update, pven_cluster_engine_update_map,
};

use super::arguments::Buffer;
use super::{HELD, Held};
use crate::input::Input;

const NODES: [&CStr; 4] = [c"n1", c"n2", c"\xff", c""];
const WWIDS: [&CStr; 3] = [c"w", c"3600", c"\xff"];
const CODES: [&CStr; 4] = [c"lun-degraded", c"lun-failed-erroring", c"odd", c"\xff"];
const TRANSPORTS: [&CStr; 3] = [c"fc", c"tin cans", c"\xff"];

const TEXTS: [&CStr; 10] = [
    c"{\"maps\":{\"w\":{\"state\":\"degraded\",\"paths-active\":3,\"paths-total\":4}},\"time\":1700000000}",
    c"{\"v\":2,\"t\":1700000060,\"m\":{\"w\":[\"f\",0,4,\"fc\",7,2]}}",
    c"{\"maps\":[{\"uuid\":\"w\",\"path_groups\":[{\"paths\":[{\"chk_st\":\"ready\"}]}]}]}",
    c"{\"mode\":\"compat\"}",
    c"{\"mode\":\"strict\",\"stale-seconds\":60}",
    c"{\"n1\":1,\"n2\":{\"online\":0},\"n3\":[]}",
    c"{\"allow\":[\"w\",\"x\"],\"aliases\":{\"w\":\"tank\"},\"expected\":{\"x\":[\"n2\"]}}",
    c"{\"nodes\":{\"n1\":{\"maps\":{\"w\":7},\"time\":1}},\"now\":1700000000}",
    c"null",
    c"[",
];

/// One of them, or NULL.
fn word(input: &mut Input<'_>, words: &[&CStr]) -> *const c_char {
    let chosen = words.get(input.below(words.len() + 1));
    chosen.map_or(ptr::null(), |word| word.as_ptr())
}

/// A text, whole, cut off, or NULL.
fn text(input: &mut Input<'_>) -> (*const c_char, usize) {
    let Some(text) = TEXTS.get(input.below(TEXTS.len() + 1)) else {
        return (ptr::null(), input.below(2));
    };
    let length = text.count_bytes();
    let length = match input.below(8) {
        0 => input.below(length + 1),
        _ => length,
    };
    (text.as_ptr(), length)
}

fn time(input: &mut Input<'_>) -> f64 {
    match input.below(16) {
        0 => f64::from_bits(input.u64()),
        _ => 1_700_000_000.0 + f64::from(input.u8()),
    }
}

/// A map, of any size, with anything in it.
fn map(input: &mut Input<'_>) -> Buffer {
    let mut map = Buffer::odd(input, size_of::<ClusterMapC>());
    let transport = word(input, &TRANSPORTS) as usize;
    map.put(offset_of!(ClusterMapC, transport), &[transport]);
    map
}

impl Held {
    pub(super) fn cluster(&mut self, input: &mut Input<'_>) {
        let place = input.below(HELD);
        match input.below(16) {
            0..=1 => {
                let made = self.handle(input, |_, input, out, err| {
                    let (opts, length) = text(input);
                    // SAFETY: as the module above says.
                    unsafe { pven_cluster_engine_new(opts, length, out, err) }
                });
                pven_cluster_engine_free(std::mem::replace(&mut self.engines[place], made));
            }
            2 => pven_cluster_engine_free(self.engines[place].take()),
            3 => {
                let next = pven_cluster_engine_next_deadline(self.engines[place].as_deref());
                assert!(next >= 0.0);
            }
            4..=8 => self.tell(input, place),
            9..=13 => self.ask_engine(input, place),
            _ => self.ask_cluster(input),
        }
    }

    fn tell(&mut self, input: &mut Input<'_>, place: usize) {
        self.call(input, |held, input, err| {
            let engine = held.engines[place].as_deref_mut();
            let node = word(input, &NODES);
            // SAFETY: as the module above says.
            unsafe {
                match input.below(8) {
                    0..=1 => {
                        let (raw, length) = text(input);
                        pven_cluster_engine_update(engine, node, raw, length, time(input), err)
                    }
                    2..=3 => {
                        let (wwid, map, now) = (word(input, &WWIDS), map(input), time(input));
                        let (at, size) = (map.pointer(), map.size());
                        pven_cluster_engine_update_map(engine, node, wwid, at, size, now, err)
                    }
                    4 => {
                        let (members, length) = text(input);
                        pven_cluster_engine_set_members_json(engine, members, length, err)
                    }
                    5 => {
                        let (config, length) = text(input);
                        pven_cluster_engine_set_config_json(engine, config, length, err)
                    }
                    6 => pven_cluster_engine_advance(engine, time(input), err),
                    _ => {
                        let (code, wwid) = (word(input, &CODES), word(input, &WWIDS));
                        let mut was = 7;
                        match input.flag() {
                            true => pven_cluster_engine_mute(engine, code, wwid, time(input), err),
                            false => {
                                pven_cluster_engine_unmute(engine, code, wwid, &raw mut was, err)
                            }
                        }
                    }
                }
            }
        });
    }

    fn ask_engine(&mut self, input: &mut Input<'_>, place: usize) {
        self.json(input, |held, input, json, len, err| {
            let engine = held.engines[place].as_deref_mut();
            // SAFETY: as the module above says.
            unsafe {
                match input.below(8) {
                    0 => pven_cluster_engine_status_json(engine, json, len, err),
                    1 => pven_cluster_engine_rows_json(engine, json, len, err),
                    2 => pven_cluster_engine_nodes_json(engine, json, len, err),
                    3 => pven_cluster_engine_findings_json(engine, json, len, err),
                    _ => {
                        let cursor = word(input, &[c"x", c"1-2-3-4", c"\xff"]);
                        pven_cluster_engine_changes_json(engine, cursor, json, len, err)
                    }
                }
            }
        });
    }

    fn ask_cluster(&mut self, input: &mut Input<'_>) {
        self.json(input, |_, input, json, len, err| {
            let (first, first_length) = text(input);
            let (second, second_length) = text(input);
            let nodes = [word(input, &NODES), word(input, &NODES)];
            // SAFETY: as the module above says.
            unsafe {
                match input.below(4) {
                    0 => pven_cluster_summarize(
                        first,
                        first_length,
                        second,
                        second_length,
                        json,
                        len,
                        err,
                    ),
                    1 => pven_cluster_status_document_json(first, first_length, json, len, err),
                    _ => {
                        let (raw, lengths) = ([first, second], [first_length, second_length]);
                        let (opts, length) = text(input);
                        let lengths = lengths.as_ptr();
                        let raw = raw.as_ptr();
                        let nodes = nodes.as_ptr();
                        pven_cluster_status_json(
                            nodes, raw, lengths, 2, opts, length, json, len, err,
                        )
                    }
                }
            }
        });
    }
}
