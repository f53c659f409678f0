//! Sound images of each format, and where their fields lie.

pub mod luks;
pub mod qcow;
pub mod qcow2;
pub mod qed;
pub mod vdi;
pub mod vhdx;
pub mod vmdk;
pub mod vpc;

use std::path::Path;
use std::process::Command;

use super::base::files_in;

/// The files that `qemu-img create` makes for this format, options and size. A backing file need
/// not be there.
fn create(format: &str, options: &str, size: &str) -> Vec<(String, Vec<u8>)> {
    let mut args = vec!["create", "-q", "-u", "-f", format];
    if options.contains("key-secret") {
        args.extend(["--object", "secret,id=s,data=abc"]);
    }
    if !options.is_empty() {
        args.extend(["-o", options]);
    }
    let directory = super::directory();
    args.extend(["image", size]);
    qemu_img(directory.path(), &args);
    files_in(directory.path(), "image")
}

/// The same for an image with data: its first bytes are sevens.
fn convert(format: &str, options: &str, data: usize, size: u64) -> Vec<(String, Vec<u8>)> {
    let sources = super::directory();
    let source = sources.path().join("data.raw");
    std::fs::write(&source, vec![7; data]).expect("it is written");
    let file = std::fs::OpenOptions::new().write(true).open(&source);
    file.and_then(|file| file.set_len(size))
        .expect("it gets longer");
    let mut args = vec!["convert", "-f", "raw", "-O", format];
    if !options.is_empty() {
        args.extend(["-o", options]);
    }
    let directory = super::directory();
    args.extend([source.to_str().expect("a plain path"), "image"]);
    qemu_img(directory.path(), &args);
    files_in(directory.path(), "image")
}

fn qemu_img(directory: &Path, args: &[&str]) {
    let output = Command::new("qemu-img")
        .args(args)
        .current_dir(directory)
        .output();
    let output = output.expect("qemu-img is installed");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {why}");
}

/// The bytes of the only file.
fn alone(mut files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    assert_eq!(files.len(), 1);
    files.remove(0).1
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}
