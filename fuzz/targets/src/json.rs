//! JSON as it is written: any values and any names, in QEMU's words, must mean the same.

use pve_native_core::{json, text};
use serde_json::{Map, Value};

use crate::check;
use crate::input::Input;

/// Nesting of the values that are made.
const DEPTH: u32 = 12;

/// Writes a value that the input describes, and reads it again.
pub fn run(input: &[u8]) {
    let value = value(&mut Input::new(input), DEPTH);
    let written = json::to_text(&value);
    check::written_as_by_qemu(&written);
    assert_eq!(check::parsed(&written), value);
}

fn value(input: &mut Input<'_>, depth: u32) -> Value {
    let kinds = if depth == 0 { 6 } else { 8 };
    match input.below(kinds) {
        0 => Value::Null,
        1 => input.flag().into(),
        2 => input.u64().into(),
        3 => (input.u64() as i64).into(),
        // Fractions are compared as the numbers that they are: these have one text.
        4 => (f64::from(input.u16() as i16) / 4.0).into(),
        5 => name(input).into(),
        6 => {
            let count = input.below(6);
            (0..count).map(|_| value(input, depth - 1)).collect()
        }
        _ => {
            let count = input.below(6);
            let entries = (0..count).map(|_| (name(input), value(input, depth - 1)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// A name as it comes out of an image: bytes, made text in one of the two ways.
fn name(input: &mut Input<'_>) -> String {
    let qemu = input.flag();
    let bytes = input.counted(64);
    if qemu {
        text::qemu(bytes).into_owned()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}
