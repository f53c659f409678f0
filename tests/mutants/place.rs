//! Where an image lies while it is changed: each change is written, judged and taken back, so that
//! nothing but the changed bytes is ever written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::base::{Base, Edit};
use super::mutate::Mutant;

/// What of a file is written at a time, unless it is zero.
const PAGE: usize = 4096;

/// A base in a directory of its own.
pub struct Place<'a> {
    base: &'a Base,
    image: PathBuf,
    changed: File,
    /// The changed file as it is now, up to the base's length.
    now: Vec<u8>,
}

impl<'a> Place<'a> {
    /// Writes the files of `base` into the new directory `name`.
    pub fn new(base: &'a Base, parent: &Path, name: &str) -> Self {
        let directory = parent.join(name);
        std::fs::create_dir(&directory).expect("a new directory");
        for (name, bytes) in &base.files {
            let file = File::create(directory.join(name)).expect("a new file");
            restore(&file, bytes, 0);
        }
        let path = directory.join(&base.files[base.changed].0);
        let changed = OpenOptions::new().read(true).write(true).open(path);
        Place {
            base,
            image: directory.join(&base.files[0].0),
            changed: changed.expect("it has been written"),
            now: base.bytes().to_vec(),
        }
    }

    /// Calls `judge` while the files are the mutant's.
    pub fn with<T>(&mut self, mutant: &Mutant, judge: impl FnOnce(&Path) -> T) -> T {
        let Mutant {
            edits,
            length,
            repair,
            ..
        } = mutant;
        self.put(edits);
        let repairs = if *repair {
            (self.base.repair)(&self.now)
        } else {
            Vec::new()
        };
        self.put(&repairs);
        if let Some(length) = *length {
            self.changed.set_len(length).expect("a length");
        }
        let result = judge(&self.image);
        let original = self.base.bytes();
        for (at, bytes) in edits.iter().chain(&repairs) {
            let end = (at + bytes.len()).min(original.len());
            let start = (*at).min(end);
            self.now[start..end].copy_from_slice(&original[start..end]);
            write(&self.changed, start, &original[start..end]);
        }
        let cut = length.map_or(original.len(), |length| original.len().min(length as usize));
        restore(&self.changed, original, cut);
        result
    }

    fn put(&mut self, edits: &[Edit]) {
        for (at, bytes) in edits {
            let end = (at + bytes.len()).min(self.now.len());
            let start = (*at).min(end);
            self.now[start..end].copy_from_slice(&bytes[..end - start]);
            write(&self.changed, *at, bytes);
        }
    }
}

fn write(file: &File, at: usize, bytes: &[u8]) {
    file.write_all_at(bytes, at as u64).expect("it is written");
}

/// Gives the file its length again, and its bytes from `cut` on.
fn restore(file: &File, bytes: &[u8], cut: usize) {
    file.set_len(bytes.len() as u64).expect("a length");
    let mut at = cut;
    while at < bytes.len() {
        let end = bytes.len().min((at / PAGE + 1) * PAGE);
        if bytes[at..end].iter().any(|&byte| byte != 0) {
            write(file, at, &bytes[at..end]);
        }
        at = end;
    }
}
