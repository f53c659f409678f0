//! What storages can do: tables, whatever they are asked for.

use std::ffi::{CStr, c_char};
use std::ptr;

use pve_native::storage::{
    pven_storage_capabilities_json, pven_storage_content_types_json, pven_storage_types_json,
};

use super::Held;
use super::arguments::FORMATS;
use crate::input::Input;

const TYPES: [&CStr; 8] = [
    c"dir",
    c"lvmthin",
    c"lvmqcow2",
    c"zfspool",
    c"pbs",
    c"",
    c"DIR",
    c"\xff\n",
];

/// One of them, or NULL.
fn word(input: &mut Input<'_>, words: &[&CStr]) -> *const c_char {
    let chosen = words.get(input.below(words.len() + 1));
    chosen.map_or(ptr::null(), |word| word.as_ptr())
}

impl Held {
    pub(super) fn storage(&mut self, input: &mut Input<'_>) {
        let question = input.below(4);
        self.json(input, |_, input, json, len, err| {
            let (name, format) = (word(input, &TYPES), word(input, &FORMATS));
            // SAFETY: as the module above says.
            unsafe {
                match question {
                    0 => pven_storage_types_json(json, len, err),
                    1 => pven_storage_content_types_json(json, len, err),
                    _ => pven_storage_capabilities_json(name, format, json, len, err),
                }
            }
        });
    }
}
