//! All that we answer of one image, and what it costs.

use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use pve_native_core::chain::{Policy, Preset, audit};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::open::Context;
use pve_native_core::image::{
    FormatChoice, ImageFormat, Metadata, luks, open, qcow1, qcow2, qed, vdi, vhdx, vmdk, vpc,
};
use pve_native_core::io::{ReadAt, Source, Storage, Used};
use pve_native_core::json::to_text;
use pve_native_core::{Error, Result, limits};

use super::allocations::measure;

/// Bytes that an image may make us allocate at a time.
const ALLOCATED: usize = 32 << 20;
/// Bytes that an image may make us read, block allocation tables aside.
const READ: u64 = 1 << 20;
/// Steps that an image may make a parser take.
const STEPS: u64 = 1_000_000;

/// Our answers.
pub struct Ours {
    /// The text of `info`, or why there is none.
    pub info: std::result::Result<String, String>,
    /// The presets for which the audit calls it safe.
    pub safe: Vec<Preset>,
    pub cost: Cost,
}

impl Ours {
    /// Every question that we answer of an image. Without a name for the format it is guessed.
    pub fn ask(path: &Path, format: &str, named: Option<&str>) -> Ours {
        let choice = named.map_or(FormatChoice::Probe, |name| FormatChoice::Named(known(name)));
        let mut cost = Cost::default();
        let (info, allocated) = measure(|| our_text(path, choice));
        cost.allocate(allocated);
        let (read, used) = read_counted(path, format);
        cost.use_up(used);
        if named.is_some() {
            assert_eq!(read.is_ok(), info.is_ok(), "{read:?} but {info:?}");
        }
        let mut safe = Vec::new();
        for preset in [Preset::Upload, Preset::Storage] {
            let policy = Policy {
                preset,
                format: choice,
                ..Policy::default()
            };
            let name = path.as_os_str().as_bytes();
            let (audit, allocated) = measure(|| audit(name, &policy, None));
            cost.allocate(allocated);
            let audit = audit.expect("whatever the image holds, an audit has an answer");
            for image in &audit.chain.images {
                cost.use_up(image.used);
            }
            if audit.is_safe() {
                safe.push(preset);
            }
        }
        Ours {
            info: info.map_err(|error| error.to_string()),
            safe,
            cost,
        }
    }
}

/// What an image takes, at the most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Bytes allocated at one time.
    pub allocated: usize,
    pub used: Used,
}

impl Cost {
    fn allocate(&mut self, bytes: usize) {
        self.allocated = self.allocated.max(bytes);
    }

    fn use_up(&mut self, used: Used) {
        let most = &mut self.used;
        most.bytes_read = most.bytes_read.max(used.bytes_read);
        most.block_table_bytes = most.block_table_bytes.max(used.block_table_bytes);
        most.steps = most.steps.max(used.steps);
    }

    /// The larger of both.
    pub fn max(mut self, other: Cost) -> Cost {
        self.allocate(other.allocated);
        self.use_up(other.used);
        self
    }

    /// Whether that is allowed.
    pub fn check(&self) -> std::result::Result<(), String> {
        let used = &self.used;
        if self.allocated > ALLOCATED || used.bytes_read > READ || used.steps > STEPS {
            return Err(format!("takes {self:?}"));
        }
        Ok(())
    }
}

fn our_text(path: &Path, choice: FormatChoice) -> Result<String> {
    let image = open(&Storage::inline(), path.as_os_str().as_bytes(), choice)?;
    Ok(to_text(&View::new(&image, Names::Text)))
}

fn known(format: &str) -> ImageFormat {
    ImageFormat::from_name(format.as_bytes()).expect("a format that we read")
}

/// A file, and how much of it is read.
struct Counted {
    file: std::fs::File,
    size: u64,
    read: Cell<u64>,
}

impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let at = offset.saturating_add(done as u64);
            match self.file.read_at(&mut buffer[done..], at) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) => {
                    return Err(Error::io("read", error.raw_os_error().unwrap_or_default()));
                }
            }
        }
        buffer[done..].fill(0);
        self.read.set(self.read.get() + done as u64);
        Ok(())
    }
}

/// Reads the image once more, through a reader that counts for itself.
fn read_counted(path: &Path, format: &str) -> (Result<Metadata>, Used) {
    let file = std::fs::File::open(path).expect("the image is there");
    let size = file.metadata().expect("it has a length").len();
    let counted = Counted {
        file,
        size,
        read: Cell::new(0),
    };
    let mut head = vec![0; limits::HEAD.min(size as usize)];
    counted.read_at(0, &mut head).expect("the head");
    let source = Source::new(&counted, &head);
    let context = Context {
        opener: &Storage::inline(),
        path: path.as_os_str().as_bytes(),
        to_check: false,
    };
    let read = match known(format) {
        ImageFormat::Qcow2 => qcow2::read(&source),
        ImageFormat::Vmdk => vmdk::read(&source, &context),
        ImageFormat::Vdi => vdi::read(&source),
        ImageFormat::Vpc => vpc::read(&source),
        ImageFormat::Vhdx => vhdx::read(&source),
        ImageFormat::Qed => qed::read(&source),
        ImageFormat::Luks => luks::read(&source),
        ImageFormat::Qcow => qcow1::read(&source),
        other => panic!("{other:?} has no reader"),
    };
    let mut used = source.used();
    // Whatever the source counts, this is what the file was asked for.
    let asked = counted.read.get().saturating_sub(used.block_table_bytes);
    used.bytes_read = used.bytes_read.max(asked);
    (read, used)
}
