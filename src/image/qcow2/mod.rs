//! qcow2, versions 2 and 3: all metadata but the mapping and the refcounts.
//!
//! Follows QEMU's `docs/interop/qcow2`; the order and the strictness of the checks are those of
//! QEMU's own opening for `qemu-img info`, so that what it refuses is refused here.

pub mod bitmap_data;
mod bitmaps;
pub mod check;
mod extensions;
pub(crate) mod growth;
mod header;
pub mod headroom;
pub mod mapping;
pub mod refcounts;
mod snapshot_table;
#[cfg(test)]
mod tests;

pub use bitmaps::Bitmap;
pub use extensions::{CryptoHeader, Extensions, FeatureKind, FeatureName};
pub use header::{CompressionType, EncryptionMethod, Header, MAGIC, offset_of};
pub(crate) use snapshot_table::{ID_PRINTED as SNAPSHOT_ID, NAME_PRINTED as SNAPSHOT_NAME};

use super::info::{FormatSpecific, Metadata, StoredBacking};
use super::luks::{self, LuksInfo};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;
use crate::text::until_nul;

/// Everything that only qcow2 has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qcow2Info {
    /// The header as stored.
    pub header: Header,
    /// The header extensions.
    pub extensions: Extensions,
    /// The persistent bitmaps that count: none if the autoclear bit says they are stale.
    pub bitmaps: Vec<Bitmap>,
    /// The LUKS header, if encryption is LUKS.
    pub luks: Option<LuksInfo>,
    /// Bytes of the table of internal snapshots.
    pub snapshot_table_bytes: u64,
}

impl Qcow2Info {
    /// Whether guest data lies in another file.
    pub fn has_data_file(&self) -> bool {
        self.header.incompatible_features & header::INCOMPATIBLE_DATA_FILE != 0
    }
}

/// Reads the metadata of a qcow2 image.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let header = Header::read(source)?;
    if header.refcount_table_clusters == 0 {
        return Err(Error::corrupt("no refcount table").at(offset_of::REFCOUNT_TABLE_CLUSTERS));
    }
    read_behind(source, header)
}

/// The same of an image that is to be checked: it may lack its refcounts, the check will tell.
pub fn read_to_check(source: &Source<'_>) -> Result<Metadata> {
    read_behind(source, Header::read(source)?)
}

/// What follows the header.
fn read_behind(source: &Source<'_>, header: Header) -> Result<Metadata> {
    let extensions = Extensions::read(source, &header)?;
    let encryption = header.encryption_method()?;
    for at in &extensions.earlier_crypto {
        source.step(1)?;
        luks::read_header(source, at.offset, at.length)?;
    }
    let luks = match (encryption, &extensions.crypto) {
        (EncryptionMethod::Luks, Some(at)) => {
            Some(luks::read_header(source, at.offset, at.length)?)
        }
        (EncryptionMethod::Luks, None) => {
            return Err(Error::corrupt(
                "encrypted with LUKS, but without its header extension",
            ));
        }
        _ => None,
    };
    let (backing, name_has_nul) = read_backing(source, &header, &extensions)?;
    let name_has_nul = name_has_nul || extensions.data_file_has_nul;
    let (snapshots, snapshot_table_bytes) = snapshot_table::read(source, &header)?;
    let bitmaps = match &extensions.bitmaps {
        Some(directory) => bitmaps::read(source, &header, directory)?,
        None => Vec::new(),
    };
    let mut warnings = Vec::new();
    if extensions.stale_bitmaps {
        warnings.push(
            "a program without support for bitmaps changed this image: its bitmaps are void".into(),
        );
    }
    Ok(Metadata {
        virtual_size: Some(header.virtual_size()),
        cluster_size: Some(header.cluster_size()),
        dirty: Some(header.incompatible_features & header::INCOMPATIBLE_DIRTY != 0),
        encrypted: encryption != EncryptionMethod::None,
        backing,
        snapshots,
        specific: FormatSpecific::Qcow2(Box::new(Qcow2Info {
            header,
            extensions,
            bitmaps,
            luks,
            snapshot_table_bytes,
        })),
        extents: Vec::new(),
        name_has_nul,
        warnings,
    })
}

/// The backing file, and whether its name has more behind a NUL.
fn read_backing(
    source: &Source<'_>,
    header: &Header,
    extensions: &Extensions,
) -> Result<(Option<StoredBacking>, bool)> {
    let offset = header.backing_file_offset;
    if offset == 0 {
        return Ok((None, false));
    }
    let room = header.cluster_size().saturating_sub(offset);
    let length = header.backing_file_size;
    if length > limits::QCOW2_BACKING_NAME || u64::from(length) > room {
        return Err(Error::corrupt(format!(
            "backing file name of {length} bytes does not fit into the first cluster"
        ))
        .at(header::offset_of::BACKING_FILE_SIZE));
    }
    let mut name = source.bytes(offset, length as usize)?;
    name.truncate(until_nul(&name).len());
    let has_nul = name.len() < length as usize;
    if name.is_empty() {
        return Ok((None, has_nul));
    }
    let format = extensions.backing_format;
    Ok((Some(StoredBacking { name, format }), has_nul))
}
