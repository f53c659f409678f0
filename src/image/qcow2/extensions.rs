//! Header extensions (`docs/interop/qcow2`, section "Header extensions").

use std::borrow::Cow;

use super::header::{AUTOCLEAR_BITMAPS, EncryptionMethod, Header};
use crate::error::{Error, Result};
use crate::image::info::FormatName;
use crate::io::{Source, Window};
use crate::limits;
use crate::text::{printable, until_nul};

const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
const FEATURE_NAMES: u32 = 0x6803_f857;
const CRYPTO_HEADER: u32 = 0x0537_be77;
const BITMAPS: u32 = 0x2385_2875;
const DATA_FILE: u32 = 0x4441_5441;

/// Bytes of one entry of the feature name table: kind, bit, name.
const FEATURE_ENTRY: usize = 48;

/// What the extensions say. Of an extension that stands twice, the last one counts, as in QEMU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Format of the backing file; absent and empty are the same.
    pub backing_format: Option<FormatName>,
    /// Name of the external data file, up to its first NUL. It may be empty.
    pub data_file: Option<Vec<u8>>,
    /// Where the LUKS header lies.
    pub crypto: Option<CryptoHeader>,
    /// Where earlier extensions said it lies: QEMU opens those as well.
    pub(super) earlier_crypto: Vec<CryptoHeader>,
    /// The bitmap directory, if it counts.
    pub bitmaps: Option<BitmapDirectory>,
    /// There are bitmaps, but a program that does not know them changed the image since.
    pub stale_bitmaps: bool,
    /// Magic and length of extensions that are not known here.
    pub unknown: Vec<(u32, u32)>,
    /// Magics of extensions that stand more than once, each time one does.
    pub repeated: Vec<u32>,
    /// Where the extensions end: behind the last one's end mark, if it has one.
    pub end: u64,
    /// The name of the data file has bytes behind its NUL.
    pub(super) data_file_has_nul: bool,
    /// The known extensions there have been, a bit for each.
    seen: u8,
    /// Nearly every image has QEMU's own table: it is not copied then.
    feature_names: Cow<'static, [u8]>,
}

/// Where the LUKS header of an encrypted image lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CryptoHeader {
    /// Offset in the file; a multiple of the cluster size.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// Where the bitmap directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitmapDirectory {
    /// Number of bitmaps.
    pub count: u32,
    /// Bytes of the directory.
    pub size: u64,
    /// Offset in the file; a multiple of the cluster size.
    pub offset: u64,
}

/// Which of the three feature fields a named bit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind {
    /// Readers must know it.
    Incompatible,
    /// Readers may ignore it.
    Compatible,
    /// Writers clear it if they do not know it.
    Autoclear,
    /// A kind that the specification does not have.
    Unknown(u8),
}

/// A feature bit and what the image calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureName<'a> {
    /// The field.
    pub kind: FeatureKind,
    /// The bit, 0 is the lowest.
    pub bit: u8,
    /// The name; whoever wrote the image chose it.
    pub name: &'a [u8],
}

impl Extensions {
    /// Reads the extensions between the header and the backing file's name.
    pub fn read(source: &Source<'_>, header: &Header) -> Result<Self> {
        let mut extensions = Extensions::default();
        let end = header.extensions_end();
        let mut offset = u64::from(header.header_length);
        extensions.end = offset;
        let mut window = Window::new(source, end);
        while offset < end {
            source.step(1)?;
            let [magic, length] = head(&mut window, offset)?;
            let start = offset;
            offset += 8;
            if offset > end || u64::from(length) > end - offset {
                return Err(Error::corrupt("header extension is too large").at(start));
            }
            if magic == END {
                extensions.end = offset;
                break;
            }
            extensions
                .add(source, header, magic, offset, length)
                .map_err(|e| e.at(start))?;
            extensions.end = offset + u64::from(length);
            offset += u64::from(length).next_multiple_of(8);
        }
        Ok(extensions)
    }

    fn add(
        &mut self,
        source: &Source<'_>,
        header: &Header,
        magic: u32,
        offset: u64,
        length: u32,
    ) -> Result<()> {
        self.count(magic);
        match magic {
            BACKING_FORMAT => {
                if length > limits::QCOW2_BACKING_FORMAT {
                    return Err(Error::corrupt("name of the backing format is too long"));
                }
                let mut name = [0; limits::QCOW2_BACKING_FORMAT as usize];
                source.read(offset, &mut name[..length as usize])?;
                self.backing_format = Some(FormatName::new(&name)).filter(|name| !name.is_empty());
            }
            FEATURE_NAMES => self.feature_names = feature_table(source, offset, length as usize)?,
            CRYPTO_HEADER => {
                let at = crypto_header(source, header, offset, length)?;
                self.earlier_crypto.extend(self.crypto.replace(at));
            }
            BITMAPS => self.add_bitmaps(source, header, offset, length)?,
            DATA_FILE => {
                let limits = source.limits();
                if u64::from(length) > limits.name {
                    let what = format!("name of a data file of {length} bytes");
                    return Err(limits::above(what, "max-name", limits.name));
                }
                // Extensions end within the first cluster, so none is longer than 2 MiB.
                let stored = source.bytes(offset, length as usize)?;
                let name = until_nul(&stored);
                self.data_file_has_nul = name.len() < stored.len();
                self.data_file = Some(name.to_vec());
            }
            _ => self.unknown.push((magic, length)),
        }
        Ok(())
    }

    /// Notes which extensions there are more than once.
    fn count(&mut self, magic: u32) {
        let known = [
            BACKING_FORMAT,
            FEATURE_NAMES,
            CRYPTO_HEADER,
            BITMAPS,
            DATA_FILE,
        ];
        let repeated = match known.iter().position(|&known| known == magic) {
            Some(bit) => {
                let seen = self.seen >> bit & 1 != 0;
                self.seen |= 1 << bit;
                seen
            }
            // Only the first few are told apart: the search must not become long.
            None => self
                .unknown
                .iter()
                .take(64)
                .any(|&(other, _)| other == magic),
        };
        if repeated {
            self.repeated.push(magic);
        }
    }

    fn add_bitmaps(
        &mut self,
        source: &Source<'_>,
        header: &Header,
        offset: u64,
        length: u32,
    ) -> Result<()> {
        if length != 24 {
            return Err(Error::corrupt(format!(
                "bitmaps extension of {length} bytes"
            )));
        }
        if header.autoclear_features & AUTOCLEAR_BITMAPS == 0 {
            self.stale_bitmaps = true;
            return Ok(());
        }
        let directory = BitmapDirectory {
            count: source.be32(offset)?,
            size: source.be64(offset + 8)?,
            offset: source.be64(offset + 16)?,
        };
        if source.be32(offset + 4)? != 0 {
            return Err(Error::corrupt(
                "reserved field of the bitmaps extension is not zero",
            ));
        }
        if directory.count == 0 {
            return Err(Error::corrupt("bitmaps extension without bitmaps"));
        }
        let most = source.limits().bitmaps;
        if u64::from(directory.count) > most {
            let what = format!("{} bitmaps", directory.count);
            return Err(limits::above(what, "max-bitmaps", most));
        }
        if directory.offset % header.cluster_size() != 0 {
            return Err(Error::corrupt(format!(
                "bitmap directory at {}",
                directory.offset
            )));
        }
        if directory.size > limits::QCOW2_BITMAP_DIRECTORY_BYTES {
            return Err(Error::limit(format!(
                "bitmap directory of {} bytes",
                directory.size
            )));
        }
        self.bitmaps = Some(directory);
        Ok(())
    }

    /// The feature name table.
    pub fn feature_names(&self) -> impl Iterator<Item = FeatureName<'_>> {
        self.feature_names
            .chunks_exact(FEATURE_ENTRY)
            .map(|entry| FeatureName {
                kind: match entry[0] {
                    0 => FeatureKind::Incompatible,
                    1 => FeatureKind::Compatible,
                    2 => FeatureKind::Autoclear,
                    other => FeatureKind::Unknown(other),
                },
                bit: entry[1],
                name: until_nul(&entry[2..]),
            })
    }
}

/// The features that QEMU 10 names in every image that it makes.
const QEMU_FEATURES: [(u8, u8, &[u8]); 8] = [
    (0, 0, b"dirty bit"),
    (0, 1, b"corrupt bit"),
    (0, 2, b"external data file"),
    (0, 3, b"compression type"),
    (0, 4, b"extended L2 entries"),
    (1, 0, b"lazy refcounts"),
    (2, 0, b"bitmaps"),
    (2, 1, b"raw external data"),
];

static QEMU_FEATURE_TABLE: [u8; QEMU_FEATURES.len() * FEATURE_ENTRY] = {
    let mut table = [0; QEMU_FEATURES.len() * FEATURE_ENTRY];
    let mut entry = 0;
    while entry < QEMU_FEATURES.len() {
        let (kind, bit, name) = QEMU_FEATURES[entry];
        let start = entry * FEATURE_ENTRY;
        (table[start], table[start + 1]) = (kind, bit);
        let mut i = 0;
        while i < name.len() {
            table[start + 2 + i] = name[i];
            i += 1;
        }
        entry += 1;
    }
    table
};

fn feature_table(source: &Source<'_>, offset: u64, length: usize) -> Result<Cow<'static, [u8]>> {
    if length == QEMU_FEATURE_TABLE.len() {
        let table: [u8; QEMU_FEATURE_TABLE.len()] = source.array(offset)?;
        if table == QEMU_FEATURE_TABLE {
            return Ok(Cow::Borrowed(&QEMU_FEATURE_TABLE));
        }
    }
    source.bytes(offset, length).map(Cow::Owned)
}

fn head(window: &mut Window<'_>, offset: u64) -> Result<[u32; 2]> {
    let word: [u8; 8] = window.array(offset)?;
    let [a, b, c, d, e, f, g, h] = word;
    Ok([
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    ])
}

fn crypto_header(
    source: &Source<'_>,
    header: &Header,
    offset: u64,
    length: u32,
) -> Result<CryptoHeader> {
    if header.encryption_method()? != EncryptionMethod::Luks {
        return Err(Error::corrupt(
            "LUKS header extension in an image without LUKS",
        ));
    }
    if length != 16 {
        return Err(Error::corrupt(format!(
            "LUKS header extension of {length} bytes"
        )));
    }
    let at = CryptoHeader {
        offset: source.be64(offset)?,
        length: source.be64(offset + 8)?,
    };
    if at.offset % header.cluster_size() != 0 {
        return Err(Error::corrupt(format!("LUKS header at {}", at.offset)));
    }
    Ok(at)
}

/// Names of the unknown incompatible features, for the error message.
pub(super) fn unknown_features(source: &Source<'_>, header: &Header, unknown: u64) -> String {
    // The bits in question may be why the extensions cannot be read; their names are a courtesy.
    let extensions = Extensions::read(source, header).unwrap_or_default();
    let mut names = [None; 64];
    for feature in extensions.feature_names() {
        if source.step(1).is_err() {
            break;
        }
        if let (FeatureKind::Incompatible, Some(name)) =
            (feature.kind, names.get_mut(usize::from(feature.bit)))
        {
            name.get_or_insert(feature.name);
        }
    }
    let name = |bit: usize| match names[bit] {
        Some(name) => format!("'{}'", printable(name)),
        None => format!("bit {bit}"),
    };
    let bits = (0..64).filter(|bit| unknown >> bit & 1 != 0);
    bits.map(name).collect::<Vec<_>>().join(", ")
}
