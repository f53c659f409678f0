//! How one image maps the disk: runs of it that are stored alike. Each format that has tables has
//! a decoder that turns a stretch of them into [`Run`]s; nothing here knows of backing files.

/// The disk reads as something in the image, not as the zeros behind the chain's end.
pub const PRESENT: u64 = 1;
/// It reads as zeros.
pub const ZERO: u64 = 1 << 1;
/// It is stored as data; with [`ZERO`] too, in a hole of the file.
pub const DATA: u64 = 1 << 2;
/// It is stored compressed.
pub const COMPRESSED: u64 = 1 << 3;
/// [`Run::host`] means something.
const HOST: u64 = 1 << 4;
/// Tells apart what is alike otherwise.
const OTHER: u64 = 1 << 5;
const FLAGS: u64 = PRESENT | ZERO | DATA | COMPRESSED;

/// How a stretch of the disk is stored in one image. The numbers are what it means, so that nobody
/// has to look it up for each of millions of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stored {
    /// Not at all: the image below decides.
    Unallocated = ZERO,
    /// Not at all, but there is room for it at [`Run::host`].
    Reserved = ZERO | HOST,
    /// As zeros, by a mark alone.
    Zero = PRESENT | ZERO,
    /// As zeros by a mark, with room for data at [`Run::host`].
    ZeroReserved = PRESENT | ZERO | HOST,
    /// As it is, at [`Run::host`].
    Data = PRESENT | DATA | HOST,
    /// Encrypted: what lies at an offset is not what the guest sees.
    Encrypted = PRESENT | DATA,
    /// Somewhere: QEMU does not tell where this format has its data, nor whether it has any.
    Untold = PRESENT | DATA | OTHER,
    /// Compressed.
    Compressed = PRESENT | DATA | COMPRESSED,
    /// Nowhere: the file is the disk and has a hole at [`Run::host`].
    Hole = PRESENT | ZERO | HOST | OTHER,
    /// As it is, at [`Run::host`], but the file has a hole there.
    DataInHole = PRESENT | DATA | ZERO | HOST,
}

impl Stored {
    /// Whether [`Run::host`] means anything.
    #[inline]
    pub fn has_host(self) -> bool {
        self as u64 & HOST != 0
    }

    /// Whether the image itself says what the guest reads.
    #[inline]
    pub fn is_allocated(self) -> bool {
        self as u64 & PRESENT != 0
    }

    /// [`PRESENT`], [`ZERO`], [`DATA`] and [`COMPRESSED`]; what nothing below says anything of reads
    /// as zeros.
    #[inline]
    pub fn flags(self) -> u64 {
        self as u64 & FLAGS
    }
}

/// A stretch of the disk that one image stores alike, and, where it has a place in the file, in
/// one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Offset in the disk.
    pub start: u64,
    /// Bytes; never 0.
    pub length: u64,
    /// Offset in the file, where there is one.
    pub host: u64,
    /// Which of the image's files, where it has several: a number for each name.
    pub file: u32,
    /// How.
    pub stored: Stored,
}

impl Run {
    /// The first offset behind it.
    pub fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// Runs in the order of the disk, joined where they can be.
#[derive(Debug, Default)]
pub struct Runs {
    runs: Vec<Run>,
    file: u32,
}

impl Runs {
    /// Room for so many.
    pub fn with_capacity(runs: usize) -> Self {
        Runs {
            runs: Vec::with_capacity(runs),
            file: 0,
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.file = 0;
    }

    /// All of them, until they are forgotten, lie in this file.
    pub fn in_file(&mut self, file: u32) {
        self.file = file;
    }

    /// The runs.
    pub fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    /// Adds what follows the last one.
    #[inline]
    pub fn push(&mut self, start: u64, length: u64, stored: Stored, host: u64) {
        if let Some(last) = self.runs.last_mut() {
            let joined = last.stored == stored
                && last.start + last.length == start
                && (!stored.has_host() || last.host + last.length == host);
            if joined {
                last.length += length;
                return;
            }
        }
        self.runs.push(Run {
            start,
            length,
            host,
            file: self.file,
            stored,
        });
    }
}
