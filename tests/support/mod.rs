//! What the comparisons with the real `qemu-img` share: running it, running ours, and telling
//! where the two answers differ.
// Every test program compiles this whole, and uses a part of it.
#![allow(dead_code)]

pub mod answer;
pub mod bench;
pub mod random;
pub mod writer;

/// Writes past the test harness, which hides what passing tests print.
pub fn announce(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
