//! The extents of an image: which files there are and what part of the disk each holds.

use super::descriptor::ExtentLine;
use super::{se_sparse, sparse};
use crate::error::{Error, Result};
use crate::image::info::Extent;
use crate::image::open::Context;
use crate::image::request::{self, SECTOR};
use crate::io::{FileKind, Source};
use crate::limits;

/// How a descriptor says that an extent stores its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentKind {
    /// As it is, from an offset on.
    Flat,
    /// With a header, a grain directory and grain tables.
    Sparse,
    /// As it is, on VMFS.
    Vmfs,
    /// In the older sparse format, on VMFS.
    VmfsSparse,
    /// In ESXi's space-efficient sparse format.
    SeSparse,
}

impl ExtentKind {
    const ALL: [ExtentKind; 5] = [
        ExtentKind::Flat,
        ExtentKind::Sparse,
        ExtentKind::Vmfs,
        ExtentKind::VmfsSparse,
        ExtentKind::SeSparse,
    ];

    /// The descriptor's word for it.
    pub fn name(self) -> &'static str {
        match self {
            ExtentKind::Flat => "FLAT",
            ExtentKind::Sparse => "SPARSE",
            ExtentKind::Vmfs => "VMFS",
            ExtentKind::VmfsSparse => "VMFSSPARSE",
            ExtentKind::SeSparse => "SESPARSE",
        }
    }

    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().as_bytes() == name)
    }
}

/// A part of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmdkExtent {
    /// The file that holds it, seen from the image.
    pub filename: Vec<u8>,
    /// How the descriptor says that it is stored. None if the image is this one sparse file.
    pub kind: Option<ExtentKind>,
    /// Bytes of the disk.
    pub virtual_size: u64,
    /// Bytes of a grain. None if it is flat.
    pub cluster_size: Option<u64>,
    /// Whether its grains are compressed.
    pub compressed: bool,
    /// Where in the file the data lies.
    pub data: ExtentData,
}

/// Where an extent has its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtentData {
    /// From this sector of the file on, as it is.
    Flat(u64),
    /// Where its tables say.
    Sparse(GrainTables),
}

/// The tables of a sparse extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrainTables {
    /// Sectors of a grain.
    pub grain_sectors: u64,
    /// Offset of the grain directory in the file.
    pub directory: u64,
    /// Its entries.
    pub directory_entries: u32,
    /// Entries of a grain table.
    pub table_entries: u32,
    /// How both kinds of entries are written.
    pub entries: GrainEntries,
}

/// How the entries of grain directories and grain tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrainEntries {
    /// Sectors, in four bytes each.
    Sectors {
        /// Whether 1 stands for a grain of zeros.
        zeros: bool,
    },
    /// seSparse: a kind and a number in eight bytes each.
    Numbers {
        /// The sector from which grain tables are counted.
        tables: u64,
        /// The sector from which grains are counted.
        grains: u64,
    },
}

impl GrainEntries {
    /// Bytes of an entry.
    pub fn bytes(self) -> usize {
        match self {
            GrainEntries::Sectors { .. } => 4,
            GrainEntries::Numbers { .. } => 8,
        }
    }
}

/// The tables and sizes that the header of a sparse extent states.
pub(super) struct Layout {
    /// Sectors of the disk.
    pub sectors: u64,
    /// The tables.
    pub tables: GrainTables,
    /// Where the directory has a copy.
    pub copy: Option<u64>,
    /// Whether grains are compressed.
    pub compressed: bool,
}

impl Layout {
    fn check(&self) -> Result<()> {
        let tables = &self.tables;
        if tables.grain_sectors > limits::VMDK_GRAIN_SECTORS {
            let sectors = tables.grain_sectors;
            return Err(Error::corrupt(format!("grains of {sectors} sectors")));
        }
        if tables.directory_entries > limits::VMDK_DIRECTORY_ENTRIES {
            let entries = tables.directory_entries;
            return Err(Error::limit(format!(
                "grain directory of {entries} entries"
            )));
        }
        let bytes = u64::from(tables.directory_entries) * tables.entries.bytes() as u64;
        for offset in [tables.directory].into_iter().chain(self.copy) {
            request::check_read("grain directory", offset, bytes)?;
        }
        Ok(())
    }
}

/// The extents found so far.
pub(super) struct Extents {
    /// The subformat, once it is known.
    pub create_type: Option<&'static str>,
    main_length: u64,
    sectors: u64,
    extents: Vec<VmdkExtent>,
    files: Vec<Extent>,
}

impl Extents {
    /// None yet. `main_length` is the length of the image's own file.
    pub fn new(main_length: u64) -> Self {
        Extents {
            create_type: None,
            main_length,
            sectors: 0,
            extents: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Opens the file that a line of the descriptor names.
    pub fn open(
        &mut self,
        line: &ExtentLine<'_>,
        image: &Source<'_>,
        context: &Context<'_>,
    ) -> Result<()> {
        let name = path_of(context.path, line.name);
        // Of a flat one nothing but its length matters.
        let mut head = [0; limits::EXTENT_HEAD];
        let head = match line.kind {
            ExtentKind::Flat | ExtentKind::Vmfs => &mut head[..0],
            ExtentKind::Sparse | ExtentKind::VmfsSparse | ExtentKind::SeSparse => &mut head[..],
        };
        let (path, file, length) = context.opener.open(&name, head)?;
        match file.meta().kind {
            FileKind::Regular | FileKind::Block => {}
            FileKind::Directory | FileKind::Other => {
                return Err(
                    Error::format("neither a regular file nor a block device").in_file(&path)
                );
            }
        }
        image
            .extent(&file, &head[..length])
            .and_then(|source| self.add(line, &source, &path))
            .map_err(|e| e.in_file(&path))?;
        self.files.push(Extent {
            child: format!("extents.{}", self.files.len()),
            filename: path,
            meta: *file.meta(),
        });
        Ok(())
    }

    fn add(&mut self, line: &ExtentLine<'_>, source: &Source<'_>, path: &[u8]) -> Result<()> {
        match line.kind {
            ExtentKind::Flat | ExtentKind::Vmfs => {
                request::file_length(source)?;
                self.push(VmdkExtent {
                    filename: path.to_vec(),
                    kind: Some(line.kind),
                    virtual_size: request::disk_size(line.sectors)?,
                    cluster_size: None,
                    compressed: false,
                    data: ExtentData::Flat(line.offset),
                })
            }
            ExtentKind::Sparse | ExtentKind::VmfsSparse => {
                if sparse::embedded_descriptor(source)?.is_some() {
                    return Err(Error::unsupported("a descriptor within an extent"));
                }
                self.add_sparse(source, path, Some(line.kind))
            }
            ExtentKind::SeSparse => {
                let layout = se_sparse::read(source)?;
                self.push_sparse(&layout, path, Some(line.kind))
            }
        }
    }

    /// Adds a sparse file with a header of its own.
    pub fn add_sparse(
        &mut self,
        source: &Source<'_>,
        path: &[u8],
        kind: Option<ExtentKind>,
    ) -> Result<()> {
        let layout = if source.array(0)? == sparse::COWD_MAGIC {
            sparse::read_cowd(source)?
        } else {
            // QEMU looks for an extent's footer where the image's own file ends.
            let layout = sparse::read(source, self.main_length)?;
            if layout.compressed {
                self.create_type = Some("streamOptimized");
            }
            self.create_type.get_or_insert("monolithicSparse");
            layout
        };
        self.push_sparse(&layout, path, kind)
    }

    fn push_sparse(
        &mut self,
        layout: &Layout,
        path: &[u8],
        kind: Option<ExtentKind>,
    ) -> Result<()> {
        layout.check()?;
        self.push(VmdkExtent {
            filename: path.to_vec(),
            kind,
            virtual_size: request::disk_size(layout.sectors)?,
            cluster_size: Some(layout.tables.grain_sectors * SECTOR),
            compressed: layout.compressed,
            data: ExtentData::Sparse(layout.tables),
        })
    }

    fn push(&mut self, extent: VmdkExtent) -> Result<()> {
        self.sectors = self.sectors.saturating_add(extent.virtual_size / SECTOR);
        request::disk_size(self.sectors)?;
        self.extents.push(extent);
        Ok(())
    }

    /// Bytes of the whole disk.
    pub fn disk_size(&self) -> Result<u64> {
        request::disk_size(self.sectors)
    }

    /// Whether all extents store their data in the same way. If not, QEMU has no cluster size to
    /// tell, nor whether the image is dirty.
    pub fn are_alike(&self) -> bool {
        let way = |extent: &VmdkExtent| (extent.compressed, extent.cluster_size);
        self.extents
            .windows(2)
            .all(|pair| way(&pair[0]) == way(&pair[1]))
    }

    /// The subformat, the extents and the further files, these in QEMU's order: the last first.
    pub fn finish(mut self) -> (&'static str, Vec<VmdkExtent>, Vec<Extent>) {
        self.files.reverse();
        (
            self.create_type.unwrap_or_default(),
            self.extents,
            self.files,
        )
    }
}

/// The path of an extent: its name from the directory of the image. Unlike a backing file's name
/// it cannot name a protocol, unless the image is named without a directory.
fn path_of(image: &[u8], name: &[u8]) -> Vec<u8> {
    if name.starts_with(b"/") {
        return name.to_vec();
    }
    let slash = image.iter().rposition(|&b| b == b'/');
    let directory = &image[..slash.map_or(0, |slash| slash + 1)];
    [directory, name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_lie_beside_the_image() {
        assert_eq!(path_of(b"/d/a.vmdk", b"a-flat.vmdk"), b"/d/a-flat.vmdk");
        assert_eq!(path_of(b"/d/a.vmdk", b"../b"), b"/d/../b");
        assert_eq!(path_of(b"/d/a.vmdk", b"/e/b"), b"/e/b");
        assert_eq!(path_of(b"/d/a.vmdk", b"nbd:host"), b"/d/nbd:host");
        assert_eq!(path_of(b"a.vmdk", b"nbd:host"), b"nbd:host");
    }
}
