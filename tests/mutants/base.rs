//! An image to be changed: its files, and where the fields of its structures lie.

use std::ops::Range;
use std::path::Path;

/// A field of an image's metadata.
#[derive(Clone)]
pub struct Field {
    pub name: String,
    pub offset: usize,
    /// Bytes, at most 8.
    pub width: usize,
    /// Values to try besides the usual ones.
    pub special: Vec<u64>,
    /// Values that are tried rarely: with them QEMU fills up to gigabytes before it answers.
    pub costly: Range<u64>,
}

/// A change: bytes that are put at an offset.
pub type Edit = (usize, Vec<u8>);

/// Offset, width, name and values of interest of each field of a record.
pub type Table = &'static [(usize, usize, &'static str, &'static [u64])];

/// An image to be changed.
pub struct Base {
    pub name: String,
    pub format: &'static str,
    /// All files of the image by their names; the first one is the image.
    pub files: Vec<(String, Vec<u8>)>,
    /// Which of them is changed.
    pub changed: usize,
    pub big_endian: bool,
    pub fields: Vec<Field>,
    /// Where the metadata lie.
    pub areas: Vec<Range<usize>>,
    /// A text among them.
    pub text: Option<Range<usize>>,
    /// Which edits make the checksums fit again.
    pub repair: fn(&[u8]) -> Vec<Edit>,
}

impl Base {
    /// An image of one file without fields.
    pub fn new(name: impl Into<String>, format: &'static str, bytes: Vec<u8>) -> Self {
        Base {
            name: name.into(),
            format,
            files: vec![("image".to_owned(), bytes)],
            changed: 0,
            big_endian: false,
            fields: Vec::new(),
            areas: Vec::new(),
            text: None,
            repair: |_| Vec::new(),
        }
    }

    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    pub fn repaired_by(mut self, repair: fn(&[u8]) -> Vec<Edit>) -> Self {
        self.repair = repair;
        self
    }

    /// The fields of a record at `start`, which is an area of its own.
    pub fn record(mut self, prefix: &str, start: usize, table: Table) -> Self {
        let end = table.iter().map(|(offset, width, ..)| offset + width).max();
        self.areas.push(start..start + end.expect("a field"));
        self.fields.extend(table.iter().map(|field| {
            let &(offset, width, name, special) = field;
            Field {
                name: format!("{prefix}{name}"),
                offset: start + offset,
                width,
                special: special.to_vec(),
                costly: 0..0,
            }
        }));
        self
    }

    /// Fields of the same width, one behind the other.
    pub fn array(mut self, name: &str, start: usize, width: usize, count: usize) -> Self {
        self.areas.push(start..start + width * count);
        self.fields.extend((0..count).map(|i| Field {
            name: format!("{name}[{i}]"),
            offset: start + i * width,
            width,
            special: Vec::new(),
            costly: 0..0,
        }));
        self
    }

    /// Says which values of the fields with this name are costly.
    pub fn costly(mut self, name: &str, values: Range<u64>) -> Self {
        let fields = self
            .fields
            .iter_mut()
            .filter(|field| field.name.ends_with(name));
        fields.for_each(|field| field.costly = values.clone());
        self
    }

    /// A text, for those that read one.
    pub fn with_text(mut self, text: Range<usize>) -> Self {
        self.text = Some(text);
        self
    }

    /// The file that is changed.
    pub fn bytes(&self) -> &[u8] {
        &self.files[self.changed].1
    }

    /// What a field holds.
    pub fn value(&self, field: &Field) -> u64 {
        let bytes = &self.bytes()[field.offset..field.offset + field.width];
        let digit = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, digit)
        } else {
            bytes.iter().rev().fold(0, digit)
        }
    }

    /// The bytes of a value of a field.
    pub fn encode(&self, field: &Field, value: u64) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..field.width].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }
}

/// The files of an image that `qemu-img` has made in `directory`, the image itself first.
pub fn files_in(directory: &Path, image: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_str().expect("a name");
            (name.to_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort_by_key(|(name, _)| (name != image, name.clone()));
    files
}
